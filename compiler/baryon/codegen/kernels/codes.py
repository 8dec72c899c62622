"""The register tile over 8-bit codes: products of several depths at once, sums in int32, exact.

Packed weights are words of 2 or 4 depths of one column, of a byte each (the layout of Intel's VNNI
instructions): [panel, word, column, depth]. A run that words do not divide ends with zeros; what
the input holds there does not matter, as the strip is a little longer than what is put into it.

Words of 4 meet unsigned codes as they lie in memory, by VPDPBUSD: four products are summed and
added without saturation (Intel SDM). The zero point is taken from the sums afterwards. Words of 2
meet codes that the strip has widened to int16, their zero point subtracted, by PMADDWD, which every
x86-64 CPU has: sums of two products of 16 bits are exact in 32. VPMADDUBSW would multiply bytes,
but saturates its sums at 16 bits.

Where an instruction is missing, the same is said in LLVM's arithmetic: whole numbers know no
rounding and no order, so all lowerings give equal bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from baryon.codegen.helpers import available, call
from baryon.codegen.kernels.microkernel import Buffer, Expr, Multiply, Tile, splat
from baryon.codegen.maths.lanes import convert
from baryon.codegen.tvm import T, tirx

_HEAD = """
define internal {word} @{name}({word} %sum, {word} %a, <{m} x {kind}> %b) alwaysinline {{
  %x = bitcast {word} %a to <{m} x {kind}>
"""
_MADD = (
    _HEAD
    + """
  %p = call <{n} x i32> @llvm.x86.{intrinsic}(<{m} x i16> %x, <{m} x i16> %b)
  %r = add <{n} x i32> %sum, %p
  ret <{n} x i32> %r
}}
declare <{n} x i32> @llvm.x86.{intrinsic}(<{m} x i16>, <{m} x i16>)
"""
)
_MADD_BY = {4: "sse2.pmadd.wd", 8: "avx2.pmadd.wd", 16: "avx512.pmaddw.d.512"}
_MADD_NEEDS = {4: "sse2", 8: "avx2", 16: "avx512bw"}

_DOT = (
    _HEAD
    + """
  %y = bitcast <{m} x i8> %b to <{n} x i32>
  %r = call <{n} x i32> @llvm.x86.{intrinsic}(<{n} x i32> %sum, <{n} x i32> %a, <{n} x i32> %y)
  ret <{n} x i32> %r
}}
declare <{n} x i32> @llvm.x86.{intrinsic}(<{n} x i32>, <{n} x i32>, <{n} x i32>)
"""
)
_DOT_LANES = (4, 8, 16)

_PLAIN = _HEAD + "{body}\n  ret {word} %r\n}}\n"


@dataclass(frozen=True)
class CodeWords:
    """Packed weights, addressed in words of `depths` bytes, or of two int16."""

    memory: Buffer
    depths: int

    def load(self, offset: Expr, lanes: int = 1) -> Expr:
        """The first byte of a word: its place in memory."""
        return self.memory.load(offset * self.depths)

    def words(self, offset: Expr, lanes: int) -> Expr:
        """The weights of `lanes` words, as they are multiplied: widened to 16 bits for pairs."""
        loaded = self.memory.load(offset * self.depths, self.depths * lanes)
        return loaded if self.depths == 4 else convert(loaded, "int16")

    def store(self, value: Expr, offset: Expr, lanes: int = 1) -> None:
        """Weights are written when compiling."""
        raise NotImplementedError


@dataclass(frozen=True)
class MultiplyCodes(Multiply):
    """As `Multiply`, over `weights` in words, and a source of codes: of 16 bits for words of two
    depths, of 8 bits for words of four. row_width: in words."""

    weights: CodeWords

    @property
    def depths(self) -> int:  # type: ignore[override]
        """Depths of a step."""
        return self.weights.depths

    def _last(self, rows: Sequence[Expr], at: Expr, panel: Expr, sums: Tile) -> None:
        """The last word of a run ends with zeros."""
        self._step(rows, at, panel, sums)

    def _factor(self, offset: Expr) -> Expr:
        """A word of the input in every lane."""
        word = tirx.reinterpret("int32", self.source.load(offset, self.depths))
        return T.bind(splat(T.bind(word), self.lanes))

    def _weight(self, offset: Expr) -> Expr:
        return T.bind(self.weights.words(offset, self.lanes))

    def _add(self, total: Expr, factor: Expr, weight: Expr) -> Expr:
        return (_add_pairs if self.depths == 2 else _add_fours)(total, factor, weight, self.lanes)


def _add_pairs(total: Expr, factor: Expr, weight: Expr, lanes: int) -> Expr:
    """total + both products of words of 16-bit numbers."""
    name = f"baryon_madd_{lanes}"
    if lanes in _MADD_BY and available(_MADD_NEEDS[lanes]):
        text = _MADD.format(**_types(name, lanes, 2), intrinsic=_MADD_BY[lanes])
    else:
        text = _plain(name, lanes, 2, "sext")
    return call(name, text, _dtype(lanes), total, factor, weight)


def _add_fours(total: Expr, factor: Expr, weight: Expr, lanes: int) -> Expr:
    """total + the four products of words of unsigned and signed bytes."""
    name = f"baryon_dot_codes_{lanes}"
    is_narrow = lanes in _DOT_LANES[:2]
    if (lanes in _DOT_LANES and available("avx512vnni")) or (is_narrow and available("avxvnni")):
        intrinsic = f"avx512.vpdpbusd.{32 * lanes}"  # of both feature sets
        text = _DOT.format(**_types(name, lanes, 4), intrinsic=intrinsic)
    else:
        text = _plain(name, lanes, 4, "zext")
    return call(name, text, _dtype(lanes), total, factor, weight)


def _dtype(lanes: int) -> str:
    return f"int32x{lanes}" if lanes > 1 else "int32"


def _types(name: str, lanes: int, depths: int) -> dict[str, Any]:
    word = f"<{lanes} x i32>" if lanes > 1 else "i32"
    kind = "i16" if depths == 2 else "i8"
    return {"name": name, "n": lanes, "m": depths * lanes, "word": word, "kind": kind}


def _plain(name: str, lanes: int, depths: int, widened: str) -> str:
    """The sum in LLVM's arithmetic; widened: how the left factor becomes int32."""
    types = _types(name, lanes, depths)
    wide, narrow = f"<{depths * lanes} x i32>", f"<{depths * lanes} x {types['kind']}>"
    lines = [
        f"%l = {widened} {narrow} %x to {wide}",
        f"%h = sext {narrow} %b to {wide}",
        f"%p = mul {wide} %l, %h",
        f"%t0 = bitcast {types['word']} %sum to <{lanes} x i32>",
    ]
    for i in range(depths):
        picks = ", ".join(f"i32 {depths * lane + i}" for lane in range(lanes))
        mask = f"<{lanes} x i32> <{picks}>"
        lines.append(f"%q{i} = shufflevector {wide} %p, {wide} poison, {mask}")
        lines.append(f"%t{i + 1} = add <{lanes} x i32> %t{i}, %q{i}")
    lines.append(f"%r = bitcast <{lanes} x i32> %t{depths} to {types['word']}")
    return _PLAIN.format(**types, body="\n".join(f"  {line}" for line in lines))
