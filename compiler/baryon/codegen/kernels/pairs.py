"""The register tile over bfloat16 factors: two depth steps at a time, sums in float32.

Packed weights are words of two depths of one column (the layout of Intel's VNNI and BF16
instructions): [panel, pair, column, 2]. A run of odd length ends with a word whose upper half is 0,
of which only the lower one is used: the input has nothing to multiply the other with.

With `avx512bf16`, one instruction adds both products of sixteen columns. It adds the upper product
first, each by a multiply-add with one rounding (Intel SDM, VDPBF16PS), and takes denormal numbers
for 0. Elsewhere the same is two multiply-adds of halves widened in registers, in the same order. A
half becomes a float32 by standing in the upper half of a word, with zeros below. The upper halves
of words that begin one half earlier are the lower ones: both are a load and a mask, which x86 does
in one instruction, and neither needs the ports of shifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from baryon.codegen.helpers import available, call
from baryon.codegen.kernels.microkernel import Buffer, Expr, Multiply, Tile, splat
from baryon.codegen.tvm import T, tirx

MARGIN = 32
"""Halves before the first word, so that words may be read from one half earlier: a cache line."""

_DOT = """
define internal <{n} x float> @baryon_dot_{n}(
    <{n} x float> %sum, <{n} x i32> %a, <{m} x i16> %b) alwaysinline {{
  %x = bitcast <{n} x i32> %a to <{m} x bfloat>
  %y = bitcast <{m} x i16> %b to <{m} x bfloat>
  %r = call <{n} x float> @llvm.x86.avx512bf16.dpbf16ps.{bits}(
      <{n} x float> %sum, <{m} x bfloat> %x, <{m} x bfloat> %y)
  ret <{n} x float> %r
}}
declare <{n} x float> @llvm.x86.avx512bf16.dpbf16ps.{bits}(
    <{n} x float>, <{m} x bfloat>, <{m} x bfloat>)
"""
_DOT_LANES = (4, 8, 16)


@dataclass(frozen=True)
class Words:
    """Packed weights, addressed in words."""

    memory: Buffer

    def load(self, offset: Expr, lanes: int = 1) -> Expr:
        """The halves of `lanes` words; one lane stands for the word's place in memory."""
        return self.memory.load(offset * 2 + MARGIN, 2 * lanes if lanes > 1 else 1)

    def half(self, offset: Expr, lanes: int, *, upper: bool) -> Expr:
        """The upper or the lower halves of some words as float32."""
        return upper_half(self.memory.load(offset * 2 + (MARGIN - (not upper)), 2 * lanes))

    def store(self, value: Expr, offset: Expr, lanes: int = 1) -> None:
        """Weights are written when compiling."""
        raise NotImplementedError


def upper_half(halves: Expr) -> Expr:
    """Every second half of a vector, from the second on, as float32."""
    lanes = int(str(halves.ty).partition("x")[2]) // 2
    suffix = f"x{lanes}" if lanes > 1 else ""
    bits = tirx.reinterpret(f"uint32{suffix}", halves) & splat(
        tirx.const(0xFFFF0000, "uint32"), lanes
    )
    return tirx.reinterpret(f"float32{suffix}", bits)


@dataclass(frozen=True)
class MultiplyPairs(Multiply):
    """As `Multiply`, over bfloat16 `weights` in words and a `source` of float32 or bfloat16.

    row_width: words of one pair of depths.
    """

    weights: Words
    halves: bool
    depths: ClassVar[int] = 2

    @property
    def _is_one_instruction(self) -> bool:
        return self.halves and self.lanes in _DOT_LANES and available("avx512bf16")

    def _step(self, rows: Sequence[Expr], at: Expr, panel: Expr, sums: Tile) -> None:
        if self._is_one_instruction:
            words = [partial(self._word, row + at) for row in rows]
            self._multiply(words, [*self._each(panel, self._words)], sums)
            return
        for upper in (True, False):
            self._halves(rows, at, panel, sums, upper=upper)

    def _last(self, rows: Sequence[Expr], at: Expr, panel: Expr, sums: Tile) -> None:
        """The only half of a run's last word."""
        if self._is_one_instruction:
            words = [partial(self._single, row + at) for row in rows]
            self._multiply(words, [*self._each(panel, self._words)], sums)
            return
        self._halves(rows, at, panel, sums, upper=False)

    def _each(self, panel: Expr, load: Any) -> list[Any]:
        return [partial(load, panel + j * self.lanes) for j in range(self.vectors)]

    def _halves(
        self, rows: Sequence[Expr], at: Expr, panel: Expr, sums: Tile, *, upper: bool
    ) -> None:
        by_row = [partial(self._float, row + (at + int(upper))) for row in rows]
        self._multiply(by_row, self._each(panel, partial(self._half, upper=upper)), sums)

    def _add(self, total: Expr, factor: Expr, weight: Expr) -> Expr:
        if not self._is_one_instruction:
            return total + factor * weight
        n = self.lanes
        text = _DOT.format(n=n, m=2 * n, bits=32 * n)
        return call(f"baryon_dot_{n}", text, f"float32x{n}", total, factor, weight)

    def _float(self, offset: Expr) -> Expr:
        if not self.halves:
            return T.bind(splat(self.source.load(offset), self.lanes))
        word = T.bind(splat(self._bits(offset) << 16, self.lanes))
        return tirx.reinterpret(f"float32x{self.lanes}" if self.lanes > 1 else "float32", word)

    def _bits(self, offset: Expr) -> Expr:
        """A half of the input in a word of zeros."""
        return T.bind(tirx.reinterpret("uint16", self.source.load(offset)).astype("int32"))

    def _word(self, offset: Expr) -> Expr:
        pair = tirx.reinterpret("int32", self.source.load(offset, 2))
        return T.bind(splat(T.bind(pair), self.lanes))

    def _single(self, offset: Expr) -> Expr:
        return T.bind(splat(self._bits(offset), self.lanes))

    def _half(self, offset: Expr, *, upper: bool) -> Expr:
        return T.bind(self.weights.half(offset, self.lanes, upper=upper))

    def _words(self, offset: Expr) -> Expr:
        return T.bind(self.weights.load(offset, self.lanes))
