"""Gamma functions and the inverse error function in float64 arithmetic.

`functions` provides exp, log, sin and cos: `double` where the result is rounded to float32, the C
library's otherwise.
"""

from __future__ import annotations

import math
from typing import Any

from baryon.codegen.maths import double
from baryon.codegen.maths.lanes import Expr, bind, const, copysign, equal, is_infinite, poly
from baryon.codegen.tvm import tirx
from baryon.ops.coefficients import ERFINV, INVERSE_SQUARES, LOG_GAMMA, STIRLING, TRIGAMMA

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_STEPS = 10
"""By so many steps of a recurrence arguments reach the range of the asymptotic series."""


def _is(x: Expr, value: float) -> Expr:
    return equal(x, const(value, x))


def _is_whole(x: Expr) -> Expr:
    return equal(tirx.floor(x), x)


def _positive(x: Expr) -> tuple[Expr, Expr]:
    """1 - x for x < 1/2, where reflection formulas hold, else x; and whether it is reflected."""
    reflected = x < const(0.5, x)
    return bind(tirx.Select(reflected, const(1, x) - x, x)), reflected


def _turn(x: Expr) -> Expr:
    """pi times the distance from x to the nearest whole number: sin(pi x) without its sign."""
    return bind((x - tirx.nearbyint(x)) * const(math.pi, x))


def lgamma(x: Expr) -> Expr:
    """log|gamma(x)| for float32 results; infinite at the poles and at both infinities."""
    x = bind(x)
    y, reflected = _positive(x)
    value = _lgamma_positive(y)
    sine = tirx.abs(double.sin(_turn(x)))
    mirrored = double.log(const(math.pi, x) / sine) - value
    pole = tirx.And(reflected, _is_whole(x))
    ends = tirx.Or(is_infinite(x), pole)
    return bind(tirx.Select(ends, const(math.inf, x), tirx.Select(reflected, mirrored, value)))


def _lgamma_positive(y: Expr) -> Expr:
    """Stirling's series from 8 on; below, the recurrence leads to [3/2, 5/2)."""
    near, product = y, const(1, y)
    for _ in range(6):
        above = near >= const(2.5, y)
        lower = bind(near - const(1, y))
        near, product = (bind(tirx.Select(above, a, b)) for a, b in (
            (lower, near), (product * lower, product)))  # fmt: skip
    low = y < const(1.5, y)
    near = bind(tirx.Select(low, y + const(1, y), near) - const(2, y))
    product = tirx.Select(low, const(1, y) / y, product)
    large = y >= const(8, y)
    logarithm = double.log(tirx.Select(large, y, product))
    z = const(1, y) / (y * y)
    series = poly(bind(z), STIRLING) / y
    far = (y - const(0.5, y)) * logarithm - y + const(_HALF_LOG_TWO_PI, y) + series
    return bind(tirx.Select(large, far, near * poly(near, LOG_GAMMA) + logarithm))


def gamma(x: Expr) -> Expr:
    """The gamma function for float32 results; NaN at negative whole numbers and -infinity."""
    x = bind(x)
    size = double.exp(lgamma(x))
    half = tirx.floor(x) * const(0.5, x)
    odd = tirx.Not(equal(tirx.floor(half), half))
    below = x < const(0, x)
    value = bind(tirx.Select(tirx.And(below, odd), -size, size))
    zero = tirx.Select(_is(x, 0), copysign(const(math.inf, x), x), value)
    return bind(tirx.Select(tirx.And(below, _is_whole(x)), const(math.nan, x), zero))


def digamma(x: Expr, functions: Any) -> Expr:
    """The derivative of lgamma; -+infinity at +-0, NaN at negative whole numbers."""
    x = bind(x)
    y, reflected = _positive(x)
    total = const(0, x)
    for _ in range(_STEPS):
        near = y < const(_STEPS, x)
        total = bind(total - tirx.Select(near, const(1, x) / y, const(0, x)))
        y = bind(tirx.Select(near, y + const(1, x), y))
    z = bind(const(1, x) / (y * y))
    tail = const(0.5, x) / y + z * poly(z, INVERSE_SQUARES)
    value = bind(total + functions.log(y) - tail)
    value = bind(tirx.Select(is_infinite(y), y, value))
    turn = _turn(x)
    mirrored = value - const(math.pi, x) * functions.cos(turn) / functions.sin(turn)
    return _with_poles(x, bind(tirx.Select(reflected, mirrored, value)), -math.inf)


def _with_poles(x: Expr, value: Expr, at_zero: float) -> Expr:
    zero = copysign(const(math.inf, x), x)
    zero = const(math.inf, x) if at_zero > 0 else -zero
    value = tirx.Select(_is(x, 0), zero, value)
    below = tirx.And(x < const(0, x), _is_whole(x))
    return bind(tirx.Select(below, const(math.inf if at_zero > 0 else math.nan, x), value))


def trigamma(x: Expr, functions: Any) -> Expr:
    """The derivative of digamma; infinite at 0 and at negative whole numbers."""
    x = bind(x)
    y, reflected = _positive(x)
    total = const(0, x)
    for _ in range(_STEPS):
        near = y < const(_STEPS, x)
        total = bind(total + tirx.Select(near, const(1, x) / (y * y), const(0, x)))
        y = bind(tirx.Select(near, y + const(1, x), y))
    over = bind(const(1, x) / y)
    z = bind(over * over)
    value = bind(total + over + const(0.5, x) * z + over * z * poly(z, TRIGAMMA))
    ratio = bind(const(math.pi, x) / functions.sin(_turn(x)))
    return _with_poles(x, bind(tirx.Select(reflected, ratio * ratio - value, value)), math.inf)


def erfinv(x: Expr, functions: Any, far: bool) -> Expr:
    """The inverse error function to 1e-9; infinite at +-1, NaN beyond.

    far: whether x comes nearer to 1 than float32 can.
    """
    x = bind(x)
    w = functions.log((const(1, x) - x) * (const(1, x) + x))
    w = bind(-w)
    s = bind(tirx.sqrt(tirx.max(w, const(0, x))))
    pieces = ERFINV if far else ERFINV[:2]
    factor = poly(bind(s - const(pieces[-1].centre, x)), pieces[-1].coefficients)
    for piece in reversed(pieces[:-1]):
        v = bind((w if piece.of_square else s) - const(piece.centre, x))
        factor = tirx.Select(s < const(piece.end, x), poly(v, piece.coefficients), factor)
    value = bind(x * factor)
    size = tirx.abs(x)
    ends = tirx.Select(_is(size, 1), copysign(const(math.inf, x), x), const(math.nan, x))
    return bind(tirx.Select(size < const(1, x), value, ends))


def refined_erfinv(x: Expr, y: Expr, erf: Any, erfc: Any, exp: Any) -> Expr:
    """One Newton step from y, by which the number of right digits doubles.

    Beyond 1/2 the complement is compared, which keeps its digits near 1.
    """
    x, size = bind(x), bind(tirx.abs(y))
    wanted = tirx.abs(x)
    inner = erf(size) - wanted
    outer = (const(1, x) - wanted) - erfc(size)
    wrong = bind(tirx.Select(wanted < const(0.5, x), inner, outer))
    slope = const(2 / math.sqrt(math.pi), x) * exp(-size * size)
    better = copysign(bind(size - wrong / slope), x)
    regular = tirx.And(wanted < const(1, x), wanted > const(0, x))
    return bind(tirx.Select(regular, better, y))
