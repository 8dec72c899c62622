"""Rounding to fewer digits than float32 has; bfloat16: the nearest, of two the even one."""

from __future__ import annotations

import math

from baryon.codegen.helpers import available, call
from baryon.codegen.maths.lanes import (
    Expr,
    as_bits,
    bind,
    const,
    convert,
    dtype_of,
    is_nan,
    lanes_of,
    with_lanes,
)
from baryon.codegen.tvm import tirx

_ROUND = """
define internal <{n} x i16> @baryon_bf16_{n}(<{n} x float> %x) alwaysinline {{
  %y = fptrunc <{n} x float> %x to <{n} x bfloat>
  %r = bitcast <{n} x bfloat> %y to <{n} x i16>
  ret <{n} x i16> %r
}}
"""


def single(x: Expr) -> Expr:
    """A number as float32, which may be rounded to fewer digits as if that were the first time.

    What float64 has beyond float32 makes the last digit odd, so it still decides what seems to lie
    in the middle (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
    """
    if not dtype_of(x).startswith("float64"):
        return bind(convert(x, "float32"))
    x = bind(x)
    nearest = bind(convert(x, "float32"))
    back, bits = bind(convert(nearest, "float64")), bind(as_bits(nearest, "uint32"))
    one = const(1, bits)
    below = bind(tirx.Select(tirx.abs(back) > tirx.abs(x), bits - one, bits))
    apart = tirx.Or(back < x, back > x)
    return bind(as_bits(bind(tirx.Select(apart, below | one, bits)), "float32"))


def rounded(x: Expr) -> Expr:
    """A float as bfloat16, float64 by way of float32, as ml_dtypes does it; NaN stays NaN.

    One instruction where the CPU has it, which takes denormal numbers for 0. Else arithmetic on the
    bits, which would carry a NaN of many ones over into a number: any NaN is made a plain one
    before. TVM's own conversion is no rounding where what it makes is not stored but read again.
    """
    x = bind(convert(x, "float32"))
    lanes = lanes_of(x)
    if lanes > 1 and available("avx512bf16"):
        bits = call(f"baryon_bf16_{lanes}", _ROUND.format(n=lanes), f"uint16x{lanes}", x)
        return bind(tirx.reinterpret(f"bfloat16x{lanes}", bind(bits)))
    word = bind(as_bits(tirx.Select(is_nan(x), const(math.nan, x), x), "uint32"))
    even = (word >> const(16, word)) & const(1, word)
    up = word + (even + const(0x7FFF, word))
    return tirx.reinterpret(
        with_lanes("bfloat16", x), bind(convert(bind(up >> const(16, word)), "uint16"))
    )


def bits(x: Expr) -> Expr:
    """The bits of a bfloat16, by way of float32: TVM keeps local variables of bfloat16 in that."""
    word = tirx.reinterpret(with_lanes("uint32", x), convert(x, "float32"))
    return convert(bind(word >> const(16, word)), "uint16")


def widened(x: Expr) -> Expr:
    """Elements of bfloat16 in memory as float32, by their bits.

    TVM's own conversion is left out by its legalization where a name is given to what holds it.
    """
    word = convert(as_bits(x, "uint16"), "uint32")
    return as_bits(word << const(16, word), "float32")
