"""Functions in float64 arithmetic for float32 results: relative errors below 2e-11.

Operands are float64 values that float32 can hold; that excludes overflow in most places where
float64's own range would need care. The coefficients are Chebyshev fits.
"""

from __future__ import annotations

import math

from baryon.codegen.maths.lanes import (
    Expr,
    as_bits,
    bind,
    const,
    convert,
    copysign,
    equal,
    is_infinite,
    poly,
    unequal,
)
from baryon.codegen.tvm import tirx

_EXP = (0.4999999999995475, 0.16666666666662555, 0.04166666678698556, 0.008333333344268395,
        0.0013888838910996056, 0.00019841224418291943, 2.4868002978056962e-05,
        2.7617685465165067e-06)  # fmt: skip
"""(exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2."""

_LOG = (0.666666666666618, 0.40000000011787484, 0.28571423954752284, 0.22222882159268573,
        0.18139329084810124, 0.16634817293436976)  # fmt: skip
"""(2 atanh(s)/s - 2) / s^2 as a polynomial in s^2 on 0 <= s <= (sqrt(2)-1)/(sqrt(2)+1)."""

_SIN = (-0.1666666666666387, 0.00833333333107021, -0.00019841266908224796, 2.7555988280021416e-06,
        -2.4805390945766067e-08)  # fmt: skip
"""(sin(r)/r - 1) / r^2 as a polynomial in r^2 on |r| <= pi/4."""

_COS = (0.041666666666664666, -0.0013888888887270898, 2.4801585204725247e-05,
        -2.7556367800803883e-07, 2.070042506247451e-09)  # fmt: skip
"""(cos(r) - 1 + r^2/2) / r^4 as a polynomial in r^2 on |r| <= pi/4."""

_ATAN = (-0.33333333331428355, 0.19999998911296413, -0.14285612049555613, 0.11107482298859685,
         -0.09028824015576213, 0.07134420201218257, -0.040413140264706375)  # fmt: skip
"""(atan(t)/t - 1) / t^2 as a polynomial in t^2 on |t| <= tan(pi/8)."""

_ASIN = (0.1666666666549084, 0.07500000600759216, 0.04464235707939134, 0.030397671953511674,
         0.022131964555376638, 0.0193093461897726, 0.005433409887231671,
         0.02931732560480542)  # fmt: skip
"""(asin(t)/t - 1) / t^2 as a polynomial in t^2 on |t| <= 1/2."""

_WHOLE = 6755399441055744.0  # 1.5 * 2^52: adding it rounds, and leaves the number in the low bits
_EXPONENT_BIAS = 1023
_LARGEST_EXPONENT = 700.0
_SMALL = 2.0**-8  # below it, a few terms of the power series are better than a difference

# pi/2 in parts of 22, 22 and 53 bits: the products with the first two are exact
_HALF_PI = (1.570796012878418, 3.139164164167596e-07, 6.223372171896613e-14)
TRIGONOMETRIC_LIMIT = float(1 << 31)
"""Magnitude up to which sin, cos and tan are right."""


def whole(x: Expr) -> tuple[Expr, Expr]:
    """The nearest whole number, below 2^51, as float64 and in the low bits of int64."""
    shifted = bind(x + const(_WHOLE, x))
    return bind(shifted - const(_WHOLE, x)), bind(as_bits(shifted, "int64"))


def pow2(bits: Expr) -> Expr:
    """2^n for n in -1022..1023, given in the low bits of int64."""
    return as_bits((bits + const(_EXPONENT_BIAS, bits)) << const(52, bits), "float64")


def _bounded(x: Expr, limit: float) -> Expr:
    """x within [-limit, limit]; NaN stays NaN."""
    below = tirx.Select(x > const(limit, x), const(limit, x), x)
    return bind(tirx.Select(x < const(-limit, x), const(-limit, x), below))


def exp(x: Expr) -> Expr:
    """e^x, of which float32 sees 0 or infinity beyond +-700."""
    x = _bounded(x, _LARGEST_EXPONENT)
    n, bits = whole(x * const(math.log2(math.e), x))
    r = bind(x - n * const(0.6931471804855391, x) - n * const(7.440617110012397e-11, x))
    return bind((poly(r, _EXP) * r * r + r + const(1, x)) * pow2(bits))


def exp2(x: Expr) -> Expr:
    """2^x; exact for whole numbers."""
    x = _bounded(x, 1000.0)
    n, bits = whole(x)
    r = bind((x - n) * const(math.log(2), x))
    return bind((poly(r, _EXP) * r * r + r + const(1, x)) * pow2(bits))


def _parts(x: Expr) -> tuple[Expr, Expr]:
    """The exponent e and log(m) where x = m 2^e, m in [sqrt(1/2), sqrt(2)); x is normal."""
    bits = bind(as_bits(x, "int64"))
    high = convert(as_bits(bits, "uint64") >> const(32, as_bits(bits, "uint64")), "int32")
    exponent = bind((high - const(0x3FE6A09E, high)) >> const(20, high))
    m = bind(as_bits(bits - (convert(exponent, "int64") << const(52, bits)), "float64"))
    s = bind((m - const(1, x)) / (m + const(1, x)))
    z = bind(s * s)
    return bind(convert(exponent, "float64")), bind(s * (z * poly(z, _LOG) + const(2, x)))


def _logarithm(x: Expr, value: Expr) -> Expr:
    """A logarithm with its edges: -inf at 0, infinity at infinity, NaN below 0."""
    infinite = tirx.Select(is_infinite(x), x, value)
    zero = tirx.Select(equal(x, const(0, x)), const(-math.inf, x), infinite)
    return bind(tirx.Select(x >= const(0, x), zero, const(math.nan, x)))


def log(x: Expr) -> Expr:
    """Natural logarithm."""
    x = bind(x)
    exponent, rest = _parts(x)
    return _logarithm(x, exponent * const(math.log(2), x) + rest)


def log2(x: Expr) -> Expr:
    """Logarithm to base 2; exact for powers of 2."""
    x = bind(x)
    exponent, rest = _parts(x)
    return _logarithm(x, exponent + rest * const(math.log2(math.e), x))


def log10(x: Expr) -> Expr:
    """Logarithm to base 10."""
    x = bind(x)
    exponent, rest = _parts(x)
    return _logarithm(x, exponent * const(math.log10(2), x) + rest * const(math.log10(math.e), x))


def power(x: Expr, y: Expr) -> Expr:
    """x^y; 1 where y is 0 or x is 1, NaN for finite x < 0 where y is not whole."""
    x, y, one = bind(x), bind(y), const(1, x)
    base = bind(tirx.abs(x))
    unit = tirx.Or(equal(y, const(0, y)), equal(base, one))
    size = bind(tirx.Select(unit, one, exp(y * log(base))))
    half = bind(y * const(0.5, y))
    signed = tirx.Select(equal(tirx.floor(half), half), size, copysign(size, x))
    is_whole = equal(tirx.floor(y), y)
    value = bind(tirx.Select(is_whole, signed, size))
    defined = tirx.Or(tirx.Or(is_whole, x >= const(0, x)), is_infinite(x))
    return bind(tirx.Select(defined, value, const(math.nan, x)))


def cbrt(x: Expr) -> Expr:
    """Cube root."""
    x = bind(x)
    return copysign(exp(log(tirx.abs(x)) * const(1 / 3, x)), x)


def _small_or(x: Expr, series: Expr, value: Expr) -> Expr:
    """A series in x where x is small, else the magnitude `value` with the sign of x."""
    return bind(tirx.Select(tirx.abs(x) < const(_SMALL, x), series, copysign(value, x)))


def sinh(x: Expr) -> Expr:
    """Hyperbolic sine."""
    x = bind(x)
    grown = exp(tirx.abs(x))
    value = bind((grown - const(1, x) / grown) * const(0.5, x))
    return _small_or(x, x + x * x * x * const(1 / 6, x), value)


def cosh(x: Expr) -> Expr:
    """Hyperbolic cosine."""
    x = bind(x)
    grown = exp(tirx.abs(x))
    return bind((grown + const(1, x) / grown) * const(0.5, x))


def asinh(x: Expr) -> Expr:
    """Inverse hyperbolic sine."""
    x = bind(x)
    size, square = bind(tirx.abs(x)), bind(x * x)
    series = x * poly(square, (1, -1 / 6, 3 / 40))
    return _small_or(x, series, log(size + tirx.sqrt(square + const(1, x))))


def acosh(x: Expr) -> Expr:
    """Inverse hyperbolic cosine; NaN below 1."""
    x = bind(x)
    value = log(x + tirx.sqrt((x - const(1, x)) * (x + const(1, x))))
    return bind(tirx.Select(x < const(1, x), const(math.nan, x), value))


def atanh(x: Expr) -> Expr:
    """Inverse hyperbolic tangent; infinite at 1, NaN beyond."""
    x = bind(x)
    size, square = bind(tirx.abs(x)), bind(x * x)
    series = x * poly(square, (1, 1 / 3, 1 / 5))
    value = log((const(1, x) + size) / (const(1, x) - size))
    return _small_or(x, series, bind(value * const(0.5, x)))


def hypot(x: Expr, y: Expr) -> Expr:
    """sqrt(x^2 + y^2); infinite if either is, whatever the other."""
    x, y = bind(x), bind(y)
    either = tirx.Or(is_infinite(x), is_infinite(y))
    return bind(tirx.Select(either, const(math.inf, x), tirx.sqrt(x * x + y * y)))


def logaddexp(x: Expr, y: Expr) -> Expr:
    """log(e^x + e^y), without overflow."""
    x, y = bind(x), bind(y)
    ordered = x > y
    large, small = bind(tirx.Select(ordered, x, y)), bind(tirx.Select(ordered, y, x))
    same = equal(x, y)  # infinities among them
    grown = exp(tirx.Select(same, const(0, x), small - large))
    u = bind(grown + const(1, x))
    return bind(large + (log(u) + (grown - (u - const(1, x))) / u))


def _reduced(x: Expr) -> tuple[Expr, Expr, Expr]:
    """sin(r), cos(r) and the quadrant in the low two bits, where x = r + quadrant pi/2."""
    x = bind(x)
    n, quadrant = whole(x * const(2 / math.pi, x))
    first, second, third = (const(part, x) for part in _HALF_PI)
    r = bind(bind(x - n * first) - n * second - n * third)
    z = bind(r * r)
    sine = bind(r * (z * poly(z, _SIN) + const(1, x)))  # -0 stays -0
    return sine, bind(const(1, x) - const(0.5, x) * z + z * z * poly(z, _COS)), quadrant


def _bit(bits: Expr, number: int) -> Expr:
    return unequal(bits & const(number, bits), const(0, bits))


def sin(x: Expr) -> Expr:
    """Sine, for |x| up to TRIGONOMETRIC_LIMIT."""
    sine, cosine, quadrant = _reduced(x)
    value = bind(tirx.Select(_bit(quadrant, 1), cosine, sine))
    return bind(tirx.Select(_bit(quadrant, 2), -value, value))


def cos(x: Expr) -> Expr:
    """Cosine, for |x| up to TRIGONOMETRIC_LIMIT."""
    sine, cosine, quadrant = _reduced(x)
    value = bind(tirx.Select(_bit(quadrant, 1), sine, cosine))
    turned = quadrant + const(1, quadrant)  # negative in the quadrants 1 and 2
    return bind(tirx.Select(_bit(turned, 2), -value, value))


def tan(x: Expr) -> Expr:
    """Tangent, for |x| up to TRIGONOMETRIC_LIMIT."""
    sine, cosine, quadrant = _reduced(x)
    odd = _bit(quadrant, 1)
    return bind(tirx.Select(odd, -cosine, sine) / tirx.Select(odd, sine, cosine))


def atan2(y: Expr, x: Expr) -> Expr:
    """The angle of the point (x, y), in -pi..pi; the signs of zeros count."""
    y, x = bind(y), bind(x)
    one, high, wide = const(1, x), bind(tirx.abs(y)), bind(tirx.abs(x))
    steep = high > wide
    both = tirx.And(is_infinite(x), is_infinite(y))
    least = bind(tirx.Select(both, one, tirx.Select(steep, wide, high)))
    most = bind(tirx.Select(both, one, tirx.Select(steep, high, wide)))
    most = bind(tirx.Select(equal(most, const(0, x)), one, most))
    far = least > most * const(math.tan(math.pi / 8), x)
    t = bind(tirx.Select(far, least - most, least) / tirx.Select(far, least + most, most))
    z = bind(t * t)
    angle = t + t * z * poly(z, _ATAN)
    angle = bind(tirx.Select(far, angle + const(math.pi / 4, x), angle))
    angle = bind(tirx.Select(steep, const(math.pi / 2, x) - angle, angle))
    left = as_bits(x, "int64") < const(0, as_bits(x, "int64"))
    return copysign(bind(tirx.Select(left, const(math.pi, x) - angle, angle)), y)


def atan(x: Expr) -> Expr:
    """Inverse tangent."""
    return atan2(x, const(1, x))


def _arc(x: Expr) -> tuple[Expr, Expr]:
    """asin(|x|) for |x| <= 1/2, else asin(sqrt((1-|x|)/2)); and whether it is the second."""
    size = bind(tirx.abs(x))
    far = size > const(0.5, x)
    z = bind(tirx.Select(far, (const(1, x) - size) * const(0.5, x), x * x))
    t = bind(tirx.Select(far, tirx.sqrt(z), size))
    return bind(t + t * z * poly(z, _ASIN)), far


def asin(x: Expr) -> Expr:
    """Inverse sine; NaN beyond 1."""
    x = bind(x)
    arc, far = _arc(x)
    return copysign(bind(tirx.Select(far, const(math.pi / 2, x) - arc - arc, arc)), x)


def acos(x: Expr) -> Expr:
    """Inverse cosine; NaN beyond 1."""
    x = bind(x)
    arc, far = _arc(x)
    right = x > const(0, x)
    outer = tirx.Select(right, arc + arc, const(math.pi, x) - arc - arc)
    inner = tirx.Select(right, const(math.pi / 2, x) - arc, const(math.pi / 2, x) + arc)
    return bind(tirx.Select(far, outer, inner))
