"""Quotients rounded down and remainders of floats, by NumPy's rules. Remainders are exact."""

from __future__ import annotations

from baryon.codegen.maths.lanes import (
    Expr,
    bind,
    const,
    convert,
    copysign,
    equal,
    is_f32,
    is_finite,
)
from baryon.codegen.maths.scalar import libm, libm_unless
from baryon.codegen.tvm import tirx

_EXACT_QUOTIENT = float(1 << 28)
"""A smaller quotient times a float32 fits float64."""


def fmod(x: Expr, y: Expr) -> Expr:
    """The remainder with the sign of x."""
    x, y = bind(x), bind(y)
    if not is_f32(x):
        return libm("fmod", x, y)
    a, b = bind(tirx.abs(convert(x, "float64"))), bind(tirx.abs(convert(y, "float64")))
    ratio = bind(a / b)
    rest = bind(a - b * tirx.trunc(ratio))
    rest = bind(tirx.Select(rest < const(0, a), rest + b, rest))  # the ratio was rounded up
    usual = tirx.And(ratio < const(_EXACT_QUOTIENT, a), is_finite(b))  # false for NaN
    value = copysign(bind(convert(rest, "float32")), x)
    return libm_unless(usual, value, "fmod", x, y)


def _opposite(rest: Expr, y: Expr) -> Expr:
    """Whether a remainder is not 0 and has another sign than the divisor."""
    zero = const(0, y)
    return tirx.Or(tirx.And(rest < zero, y > zero), tirx.And(rest > zero, y < zero))


def mod(x: Expr, y: Expr) -> Expr:
    """The remainder with the sign of y."""
    y = bind(y)
    rest = fmod(x, y)
    rest = bind(tirx.Select(_opposite(rest, y), rest + y, rest))
    zero = const(0, y)
    return bind(tirx.Select(equal(rest, zero), copysign(zero, y), rest))


def floor_divide(x: Expr, y: Expr) -> Expr:
    """The quotient without the remainder, which is nearly whole, rounded."""
    x, y = bind(x), bind(y)
    zero, one = const(0, x), const(1, x)
    rest = fmod(x, y)
    near = bind((x - rest) / y)
    near = bind(tirx.Select(_opposite(rest, y), near - one, near))
    down = bind(tirx.floor(near))
    down = tirx.Select(near - down > const(0.5, x), down + one, down)
    ratio = bind(x / y)
    signed = tirx.Select(equal(near, zero), copysign(zero, ratio), down)
    return bind(tirx.Select(equal(y, zero), ratio, signed))
