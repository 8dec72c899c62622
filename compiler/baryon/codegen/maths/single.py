"""Float32 functions that vectorize in float32.

Maximum relative errors, measured by tests/codegen/test_maths: exp 1e-7, log 2e-7, tanh 3e-7,
erf 3e-7, sigmoid 3e-7, expm1 2e-7, log1p 3e-7. The coefficients are weighted least-squares fits in
Chebyshev bases, refined towards minimax.
"""

from __future__ import annotations

from tvm import tirx

from baryon.codegen.maths.lanes import (
    Expr,
    as_bits,
    bind,
    const,
    convert,
    copysign,
    equal,
    is_finite,
    is_nan,
    poly,
)

_EXP = (0.5, 0.1666666716337204, 0.041666269302368164, 0.008333267644047737,
        0.0013946115504950285, 0.00019916551536880434)  # fmt: skip
"""(exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, relative error 5e-11."""

_LOG = (0.3333331048488617, -0.24999986588954926, 0.20002226531505585, -0.16669251024723053,
        0.14218656718730927, -0.12384355813264847, 0.11872990429401398, -0.11789768189191818,
        0.06915290653705597)  # fmt: skip
"""(log(1+m) - m + m^2/2) / m^3 on [sqrt(1/2)-1, sqrt(2)-1]."""

_TANH = (-0.3333333134651184, 0.13333210349082947, -0.05394720286130905, 0.021702965721488,
         -0.008182669058442116, 0.0021475329995155334)  # fmt: skip
"""(tanh(x)/x - 1) / x^2 as a polynomial in x^2 on |x| <= 0.625."""

_ERF_SMALL = (1.128379225730896, -0.37612634897232056, 0.11283698678016663, -0.02685953862965107,
              0.005201304797083139, -0.0008145077154040337, 8.377587801078334e-05)  # fmt: skip
"""erf(x)/x as a polynomial in x^2 on |x| <= 0.925."""

_ERF_LARGE = (0.0001746860216371715, -1.1295149326324463, -0.6333469152450562,
              -0.10828010737895966, 0.025119440630078316, -0.0041710687801241875,
              0.00043446384370326996, -2.1095162082929164e-05)  # fmt: skip
"""log(1 - erf(x)) on 0.92 <= x <= 4."""

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
    x = bind(x)
    size = bind(tirx.abs(x))
    square = bind(x * x)
    small = x + x * square * poly(square, _TANH)
    large = const(1, x) - const(2, x) / (exp(size + size) + const(1, x))
    return copysign(bind(tirx.Select(size < const(0.625, x), small, large)), x)


def erf(x: Expr) -> Expr:
    """The error function."""
    x = bind(x)
    size = bind(tirx.min(tirx.abs(x), const(4, x)))
    small = x * poly(bind(x * x), _ERF_SMALL)
    large = bind(const(1, x) - exp(poly(size, _ERF_LARGE)))
    signed = tirx.Select(x < const(0, x), const(0, x) - large, large)
    beyond = tirx.Select(is_nan(x), x, signed)
    return bind(tirx.Select(tirx.abs(x) <= const(0.925, x), small, beyond))
