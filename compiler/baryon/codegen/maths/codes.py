"""From steps to the 8-bit codes that are next to them, as the vector units of x86-64 do it.

CVTPS2DQ rounds to the nearest whole number, of two the even one, and gives the smallest int32 for
NaN and for what does not fit; PACKSSDW, PADDSW and PACKUSWB or PACKSSWB saturate. Elsewhere, and
for other numbers of lanes, the same is said in arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator

from baryon.codegen.helpers import available, call
from baryon.codegen.maths.lanes import Expr, bind, const, convert, lanes_of
from baryon.codegen.tvm import tirx
from baryon.ir import DType

LANES = (4, 8, 16)
"""Vectors that instructions turn into codes."""
LARGE = "0x41D0000000000000"
"""Steps that are beyond all codes, and fit into int32: 2^30, in LLVM's words."""

_PACKS = {"i8": "packsswb", "u8": "packuswb"}
_TEXT = """
define internal <{n} x i8> @{name}(<{n} x float> %x, <{n} x i16> %zero) alwaysinline {{
{body}
  %c = call <{n} x i16> @llvm.sadd.sat.v{n}i16(<{n} x i16> %w, <{n} x i16> %zero)
{pack}
  ret <{n} x i8> %r
}}
declare <{n} x i16> @llvm.sadd.sat.v{n}i16(<{n} x i16>, <{n} x i16>)
declare <4 x i32> @llvm.x86.sse2.cvtps2dq(<4 x float>)
declare <8 x i16> @llvm.x86.sse2.packssdw.128(<4 x i32>, <4 x i32>)
declare <16 x i8> @llvm.x86.sse2.{instruction}.128(<8 x i16>, <8 x i16>)
{wide}
"""
_LIMIT = """  %large = fcmp olt <{n} x float> {limit}, %x
  %s = select <{n} x i1> %large, <{n} x float> {limit}, <{n} x float> %x"""
_AVX = "declare <8 x i32> @llvm.x86.avx.cvt.ps2dq.256(<8 x float>)"


def nearest(steps: Expr, zero: Expr | int, dtype: DType, are_small: bool = False) -> Expr:
    """clip(rint(steps) + zero), NaN the smallest code.

    zero: a number of the dtype, or as many in int16 as there are steps. are_small: whether all are
    known to fit into int32, which saves an instruction.
    """
    lanes = lanes_of(steps)
    if lanes not in LANES or not available("sse2"):
        return _by_arithmetic(steps, zero, dtype)
    if isinstance(zero, int):
        zero = tirx.Broadcast(tirx.const(zero, "int16"), lanes)
    name = f"baryon_codes_{dtype.name}_{lanes}{'_small' if are_small else ''}"
    text = _text(name, lanes, dtype, available("avx"), are_small)
    return call(name, text, f"{dtype.numpy.name}x{lanes}", steps, zero)


def _by_arithmetic(steps: Expr, zero: Expr | int, dtype: DType) -> Expr:
    low, high = (-(1 << 15), (1 << 15) - 1)  # as PACKSSDW
    steps = bind(steps)
    steps = bind(tirx.Select(steps > const(low, steps), steps, const(low, steps)))  # NaN is not
    steps = bind(tirx.Select(steps < const(high, steps), steps, const(high, steps)))
    whole = convert(tirx.nearbyint(steps), "int32")
    shift = const(zero, whole) if isinstance(zero, int) else convert(zero, "int32")
    codes = bind(whole + shift)
    least, most = (const(int(end), codes) for end in dtype.limits)
    return convert(tirx.max(tirx.min(codes, most), least), dtype.numpy.name)


def _text(name: str, lanes: int, dtype: DType, has_avx: bool, are_small: bool) -> str:
    """The LLVM function for one number of lanes."""
    limited = [] if are_small else [_limited(lanes)]
    rounded = _rounded(lanes, has_avx and lanes > 4, "%x" if are_small else "%s")
    return _TEXT.format(
        name=name, n=lanes, instruction=_PACKS[dtype.name], wide=_AVX if has_avx else "",
        body="\n".join((*limited, *rounded)),
        pack="\n".join(_packed(lanes, _PACKS[dtype.name])),
    )  # fmt: skip


def _mask(picks: range) -> str:
    return f"<{len(picks)} x i32> <{', '.join(f'i32 {i}' for i in picks)}>"


def _limited(lanes: int) -> str:
    """%s: the steps %x, which may be as large as they like."""
    return _LIMIT.format(n=lanes, limit=f"<{', '.join([f'float {LARGE}'] * lanes)}>")


def _rounded(lanes: int, is_wide: bool, steps: str) -> Iterator[str]:
    """%w: steps as int16."""
    kind, size = f"<{lanes} x float>", 8 if is_wide else 4
    convert = "avx.cvt.ps2dq.256" if is_wide else "sse2.cvtps2dq"
    for i in range(0, lanes, size):
        pick = _mask(range(i, i + size))
        yield f"  %f{i} = shufflevector {kind} {steps}, {kind} poison, {pick}"
        yield f"  %i{i} = call <{size} x i32> @llvm.x86.{convert}(<{size} x float> %f{i})"
        if is_wide:
            for at in (0, 4):
                pick = _mask(range(at, at + 4))
                yield f"  %q{i + at} = shufflevector <8 x i32> %i{i}, <8 x i32> poison, {pick}"
        else:
            yield f"  %q{i} = shufflevector <4 x i32> %i{i}, <4 x i32> poison, {_mask(range(4))}"
    for i in range(0, lanes, 8):
        pair = f"<4 x i32> %q{i}, <4 x i32> %q{i + 4 if lanes > 4 else i}"
        yield f"  %p{i} = call <8 x i16> @llvm.x86.sse2.packssdw.128({pair})"
    second = 8 if lanes > 8 else 0
    pick = _mask(range(lanes))
    yield f"  %w = shufflevector <8 x i16> %p0, <8 x i16> %p{second}, {pick}"


def _packed(lanes: int, instruction: str) -> Iterator[str]:
    """%r: the codes %c, which are int16, as bytes."""
    kind, second = f"<{lanes} x i16>", 8 if lanes > 8 else 0
    for i in sorted({0, second}):
        picks = range(i, i + 8) if lanes > 4 else [0, 1, 2, 3] * 2
        mask = f"<8 x i32> <{', '.join(f'i32 {p}' for p in picks)}>"
        yield f"  %h{i} = shufflevector {kind} %c, {kind} poison, {mask}"
    pair = f"<8 x i16> %h0, <8 x i16> %h{second}"
    yield f"  %b = call <16 x i8> @llvm.x86.sse2.{instruction}.128({pair})"
    yield f"  %r = shufflevector <16 x i8> %b, <16 x i8> poison, {_mask(range(lanes))}"
