"""Rounding to bfloat16: to the nearest, of two the even one; NaN stays NaN."""

from __future__ import annotations

import math

from baryon.codegen.helpers import available, call
from baryon.codegen.maths.lanes import Expr, bind, const, convert, is_nan, lanes_of, with_lanes
from baryon.codegen.tvm import tirx

_ROUND = """
define internal <{n} x i16> @baryon_bf16_{n}(<{n} x float> %x) alwaysinline {{
  %y = fptrunc <{n} x float> %x to <{n} x bfloat>
  %r = bitcast <{n} x bfloat> %y to <{n} x i16>
  ret <{n} x i16> %r
}}
"""


def rounded(x: Expr) -> Expr:
    """A float as bfloat16, float64 by way of float32.

    One instruction where the CPU has it, which takes denormal numbers for 0. Else TVM's integer
    arithmetic, which would carry a NaN of many ones over into a number: any NaN is made a plain
    one before.
    """
    x = bind(convert(x, "float32"))
    lanes = lanes_of(x)
    if lanes > 1 and available("avx512bf16"):
        bits = call(f"baryon_bf16_{lanes}", _ROUND.format(n=lanes), f"uint16x{lanes}", x)
        return bind(tirx.reinterpret(f"bfloat16x{lanes}", bind(bits)))
    kept = bind(tirx.Select(is_nan(x), const(math.nan, x), x))
    return kept.astype(with_lanes("bfloat16", x))


def bits(x: Expr) -> Expr:
    """The bits of a bfloat16, by way of float32: TVM keeps local variables of bfloat16 in that."""
    word = tirx.reinterpret(with_lanes("uint32", x), convert(x, "float32"))
    return convert(bind(word >> const(16, word)), "uint16")
