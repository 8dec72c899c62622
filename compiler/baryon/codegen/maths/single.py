"""Float32 functions that vectorize in float32.

Maximum relative errors, measured by tests/codegen/test_maths: exp and exp_nonpositive 1e-7,
log 2e-7, tanh 4e-7, erf 5e-7, sigmoid 3e-7, expm1 2e-7, log1p 3e-7. The coefficients are weighted
least-squares fits in Chebyshev bases, refined towards minimax.
"""

from __future__ import annotations

from baryon.codegen.maths.lanes import (
    Expr,
    as_bits,
    bind,
    const,
    convert,
    equal,
    is_finite,
    is_nan,
    poly,
)
from baryon.codegen.tvm import tirx

_EXP = (0.5, 0.1666666716337204, 0.041666269302368164, 0.008333267644047737,
        0.0013946115504950285, 0.00019916551536880434)  # fmt: skip
"""(exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, relative error 5e-11."""

_LOG = (0.3333331048488617, -0.24999986588954926, 0.20002226531505585, -0.16669251024723053,
        0.14218656718730927, -0.12384355813264847, 0.11872990429401398, -0.11789768189191818,
        0.06915290653705597)  # fmt: skip
"""(log(1+m) - m + m^2/2) / m^3 on [sqrt(1/2)-1, sqrt(2)-1]."""

_TANH = (
    (1.0, 0.13680894672870636, 0.003869555192068219, 2.8032240152242593e-05,
     3.0644656590084196e-08, -1.2247716729696378e-11),
    (1.0, 0.47014227509498596, 0.02725033089518547, 0.00039407957228831947,
     1.2890985772173735e-06),
)  # fmt: skip
"""tanh(x)/x as a fraction of polynomials in x^2 on |x| <= 9, relative error 1e-9."""

_ERF = (
    (1.1283791065216064, 0.1903964877128601, 0.0527474619448185, 0.003765210509300232,
     0.0002848768199328333, 2.050199555014842e-06),
    (1.0, 0.5020672082901001, 0.11410503834486008, 0.014968394301831722,
     0.0011624435428529978, 3.8092588511062786e-05),
)  # fmt: skip
"""erf(x)/x as a fraction of polynomials in x^2 on |x| <= 3.92, relative error 2e-8."""

_EXP_LOW = -87.0
"""Above it e^x is a normal number."""

_ROUND = 1.5 * 2.0**23 + 127
"""What rounds to whole numbers when added; 127 is the bias of exponents."""

_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 0.693359375, -2.12194440e-4


def _pow2(n: Expr) -> Expr:
    """2^n for int32 n in -126..127, by building the exponent bits."""
    return as_bits((n + const(127, n)) << const(23, n), "float32")


def _exponential(x: Expr) -> tuple[Expr, Expr, Expr]:
    """e^r - 1 and two powers of two whose product is 2^n, where x = n ln 2 + r.

    Two, so that no intermediate overflows.
    """
    bounded = bind(tirx.min(tirx.max(x, const(-104.0, x)), const(89.0, x)))
    n = bind(tirx.floor(bounded * const(_LOG2E, x) + const(0.5, x)))
    r = bind(bounded - n * const(_LN2_HIGH, x) - n * const(_LN2_LOW, x))
    whole = bind(convert(n, "int32"))
    half = bind(whole >> const(1, whole))
    return poly(r, _EXP) * r * r + r, bind(_pow2(half)), bind(_pow2(whole - half))


def exp(x: Expr) -> Expr:
    """e^x."""
    x = bind(x)
    less_one, low, high = _exponential(x)
    scaled = (less_one + const(1, x)) * low * high
    return bind(tirx.Select(is_nan(x), x, scaled))


def exp_nonpositive(x: Expr) -> Expr:
    """e^x for x <= 0, in half the operations of `exp`; 0 where that is below the normal numbers."""
    x = bind(x)
    low = const(_EXP_LOW, x)
    # of a NaN the comparison fails, and it goes on
    shifted = bind(tirx.Select(x < low, low, x))
    # in the sum with 1.5 * 2^23 the low bits of the mantissa are the nearest whole number
    biased = bind(shifted * const(_LOG2E, x) + const(_ROUND, x))
    n = bind(biased - const(_ROUND, x))
    r = bind(shifted - n * const(_LN2_HIGH, x) - n * const(_LN2_LOW, x))
    bits = as_bits(biased, "int32")
    power = as_bits(bits << const(23, bits), "float32")
    value = (poly(r, _EXP) * r * r + r + const(1, x)) * power
    return bind(tirx.Select(x < low, const(0, x), value))


def expm1(x: Expr) -> Expr:
    """e^x - 1, as precise near 0: 2^b (2^a (e^r - 1) + (2^a - 2^-b)) with a + b = n."""
    x = bind(x)
    less_one, low, high = _exponential(x)
    value = (low * bind(less_one) + (low - const(1, x) / high)) * high
    tiny = tirx.abs(x) < const(1e-7, x)  # keeps the sign of zero
    return bind(tirx.Select(is_nan(x), x, tirx.Select(tiny, x, value)))


def log(x: Expr) -> Expr:
    """Natural logarithm; NaN below 0, -inf at 0."""
    x = bind(x)
    tiny = x < const(1.1754943508222875e-38, x)
    normal = tirx.Select(tiny, x * const(8388608.0, x), x)
    bits = bind(as_bits(normal, "int32"))
    # the exponent of the multiple of sqrt(1/2) below, so that the mantissa is near 1
    offset = bits - const(0x3F3504F3, bits)
    exponent = bind(offset >> const(23, bits))
    mantissa = as_bits(bits - (exponent << const(23, bits)), "float32")
    m = bind(mantissa - const(1, x))
    scaling = tirx.Select(tiny, const(23.0, x), const(0.0, x))
    e = bind(convert(exponent, "float32") - scaling)
    tail = poly(m, _LOG) * m * m * m - const(0.5, x) * m * m + e * const(_LN2_LOW, x)
    value = m + tail + e * const(_LN2_HIGH, x)
    infinite = tirx.Select(equal(x, const(float("inf"), x)), x, value)
    zero = tirx.Select(equal(x, const(0, x)), const(float("-inf"), x), infinite)
    return bind(tirx.Select(x >= const(0, x), zero, const(float("nan"), x)))


def log1p(x: Expr) -> Expr:
    """log(1 + x), as precise near 0: what rounding 1 + x loses is added."""
    x = bind(x)
    u = bind(const(1, x) + x)
    whole = log(u)
    lost = (x - (u - const(1, x))) / u
    regular = is_finite(bind(lost))  # not so where u is 0 or infinite
    small = tirx.abs(x) < const(1e-7, x)  # keeps the sign of zero
    return bind(tirx.Select(small, x, tirx.Select(regular, whole + lost, whole)))


def tanh(x: Expr) -> Expr:
    """Hyperbolic tangent."""
    return _saturating(x, 9.0, _TANH)


def erf(x: Expr) -> Expr:
    """The error function."""
    return _saturating(x, 3.92, _ERF)


def _saturating(x: Expr, limit: float, fraction: tuple[tuple[float, ...], ...]) -> Expr:
    """An odd function that is -1 or 1 beyond `limit`: x P(x^2) / Q(x^2).

    A division costs less than an exponential, and has no cases: activations of large products are
    computed on the accumulators, where each instruction counts.
    """
    inside = _clamp(bind(x), limit)
    square = bind(inside * inside)
    numerator, denominator = (poly(square, coefficients) for coefficients in fraction)
    return _clamp(bind(inside * numerator / denominator), 1.0)


def _clamp(x: Expr, limit: float) -> Expr:
    """x between -limit and limit; NaN stays, as a minimum's second operand in x86."""
    low, high = const(-limit, x), const(limit, x)
    above = bind(tirx.Select(x < low, low, x))
    return bind(tirx.Select(above > high, high, above))
