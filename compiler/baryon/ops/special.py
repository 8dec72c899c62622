"""Special functions: gamma and its relatives, the inverse error function, robust losses,
straight-through estimators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ops.attributes import Param
from baryon.ops.coefficients import ERFINV, INVERSE_SQUARES, TRIGAMMA
from baryon.ops.declare import PARTIAL_SAMPLES, POSITIVE_SAMPLES, SAMPLES, real
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, horner, in_float64
from baryon.ops.opdef import Sample, absent

_DATA: Any = {"operands": ("data",)}
_STEPS = 10


def _each(function: Callable[[float], float]) -> Callable[[Arr], Arr]:
    """A function of Python's floats on arrays."""
    return in_float64(np.vectorize(function, otypes=[np.float64]))


def _is_pole(x: float) -> bool:
    return x <= 0 and x.is_integer()


def _lgamma(x: float) -> float:
    if math.isinf(x) or _is_pole(x):
        return math.inf
    try:
        return math.lgamma(x)
    except OverflowError:
        return math.inf


def _gamma(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    if _is_pole(x) or x == -math.inf:
        return math.nan
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf


def _turn(x: Arr) -> Arr:
    """pi times the distance to the nearest whole number."""
    result: Arr = np.pi * (x - np.rint(x))
    return result


def _digamma(x: Arr) -> Any:
    """The recurrence up to 10, then the asymptotic series; reflected below 1/2."""
    y = np.where(x < 0.5, 1 - x, x)
    total = np.zeros_like(y)
    for _ in range(_STEPS):
        near = y < _STEPS
        total -= np.where(near, 1 / y, 0)
        y = y + near
    z = y**-2
    value = np.where(np.isinf(y), y, total + np.log(y) - 0.5 / y - z * horner(z, INVERSE_SQUARES))
    value = np.where(x < 0.5, value - np.pi / np.tan(_turn(x)), value)
    value = np.where((x < 0) & (x == np.floor(x)), np.nan, value)
    return np.where(x == 0, -np.copysign(np.inf, x), value)


def _trigamma(x: Arr) -> Any:
    y = np.where(x < 0.5, 1 - x, x)
    total = np.zeros_like(y)
    for _ in range(_STEPS):
        near = y < _STEPS
        total += np.where(near, y**-2, 0)
        y = y + near
    z = y**-2
    value = total + 1 / y + 0.5 * z + z / y * horner(z, TRIGAMMA)
    value = np.where(x < 0.5, (np.pi / np.sin(_turn(x))) ** 2 - value, value)
    return np.where((x <= 0) & (x == np.floor(x)), np.inf, value)


def _erfinv(x: Arr) -> Any:
    """For float64 a Newton step doubles the digits that the polynomials give."""
    value = _erfinv_near(x)
    return _newton(x, value) if x.dtype == np.float64 else value


@in_float64
def _erfinv_near(x: Arr) -> Any:
    """Polynomials in log(1 - x^2) or, for the few elements near 1, in its root."""
    w = -np.log((1 - x) * (1 + x))
    factor = horner(w - ERFINV[0].centre, ERFINV[0].coefficients)
    start = ERFINV[0].end
    for piece in ERFINV[1:]:
        outer = np.flatnonzero(w >= start * start)
        s = np.sqrt(w[outer])
        factor[outer] = horner(s - piece.centre, piece.coefficients)
        start = piece.end
    size = np.abs(x)
    value = np.where(size == 1, np.copysign(np.inf, x), x * factor)
    return np.where(size > 1, np.nan, value)


def _newton(x: Arr, y: Arr) -> Arr:
    size, wanted = np.abs(y), np.abs(x)
    erf, erfc = (np.vectorize(f, otypes=[np.float64]) for f in (math.erf, math.erfc))
    wrong = np.where(wanted < 0.5, erf(size) - wanted, (1 - wanted) - erfc(size))
    better = np.copysign(size - wrong / (2 / math.sqrt(math.pi) * np.exp(-size * size)), x)
    result: Arr = np.where((wanted < 1) & (wanted > 0), better, y)
    return result


def _erfinv_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    bell = o.np.exp(o.np.square(y[0]))
    return [o.np.multiply(g[0], o.np.multiply(bell, math.sqrt(math.pi) / 2))]


erfinv = real(
    "npx.erfinv",
    _erfinv,
    _erfinv_grad,
    lambda t, data: t.erfinv(data),
    "The inverse of the error function; infinite at -1 and 1, NaN beyond.",
    samples=PARTIAL_SAMPLES,
    **_DATA,
)


def _gamma_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.multiply(y[0], o.npx.digamma(x[0])))]


gamma = real(
    "npx.gamma",
    _each(_gamma),
    _gamma_grad,
    lambda t, data: t.gamma(data),
    "The gamma function; infinite at 0, NaN at negative whole numbers.",
    samples=POSITIVE_SAMPLES,
    **_DATA,
)


def _gammaln_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.npx.digamma(x[0]))]


gammaln = real(
    "npx.gammaln",
    _each(_lgamma),
    _gammaln_grad,
    lambda t, data: t.lgamma(data),
    "The logarithm of the magnitude of the gamma function.",
    samples=POSITIVE_SAMPLES,
    **_DATA,
)


def _digamma_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.ir.trigamma(x[0]))]


digamma = real(
    "npx.digamma",
    in_float64(_digamma),
    _digamma_grad,
    lambda t, data: t.digamma(data),
    "The derivative of `gammaln`; NaN at negative whole numbers.",
    samples=POSITIVE_SAMPLES,
    **_DATA,
)
trigamma = real(
    "ir.trigamma",
    in_float64(_trigamma),
    absent("the third derivative of gammaln is not there"),
    lambda t, data: t.trigamma(data),
    "The derivative of `npx.digamma`.",
    samples=POSITIVE_SAMPLES,
    source="DLMF 5.15",
    **_DATA,
)


def _smooth_l1_ref(data: Arr, scalar: float) -> Any:
    square = scalar * scalar
    inside = np.abs(data) < 1 / square
    return np.where(inside, 0.5 * square * data * data, np.abs(data) - 0.5 / square)


def _smooth_l1_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    square = attrs["scalar"] ** 2
    inside = o.np.less(o.np.abs(x[0]), 1 / square)
    slope = o.np.where(inside, o.np.multiply(x[0], square), o.np.sign(x[0]))
    return [o.np.multiply(g[0], slope)]


def _smooth_l1_expr(t: Any, data: Any, scalar: float) -> Any:
    square, size = scalar * scalar, t.abs(data)
    parabola = t.const(0.5 * square, like=data) * data * data
    inside = t.lt(size, t.const(1 / square, like=data))
    return t.select(inside, parabola, size - t.const(0.5 / square, like=data))


smooth_l1 = real(
    "npx.smooth_l1",
    _smooth_l1_ref,
    _smooth_l1_grad,
    _smooth_l1_expr,
    "(scalar data)^2 / 2 where |data| < 1 / scalar^2, elsewhere |data| - 1 / (2 scalar^2).",
    params=(Param("scalar", "float", 1.0, "how soon the parabola becomes a line"),),
    samples=(*SAMPLES, Sample(((2, 3),), {"scalar": 2.0})),
    **_DATA,
)


def _straight_through(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [g[0]]


def _round_away(x: Arr) -> Any:
    down = np.trunc(x)
    return np.where(np.abs(x - down) >= 0.5, down + np.copysign(1, x), down).astype(x.dtype)


def _round_away_expr(t: Any, data: Any) -> Any:
    down = t.bind(t.trunc(data))
    far = t.ge(t.abs(data - down), t.const(0.5, like=data))
    return t.select(far, down + t.copysign(t.const(1, like=data), data), down)


round_ste = real(
    "npx.round_ste",
    _round_away,
    _straight_through,
    _round_away_expr,
    "The nearest whole number, halves away from 0; the gradient is passed on as it is.",
    **_DATA,
)


def _sign_expr(t: Any, data: Any) -> Any:
    zero, one = t.const(0, like=data), t.const(1, like=data)
    return t.select(t.gt(data, zero), one, t.select(t.lt(data, zero), zero - one, data))


sign_ste = real(
    "npx.sign_ste",
    np.sign,
    _straight_through,
    _sign_expr,
    "-1, 0 or 1 by the sign; the gradient is passed on as it is.",
    **_DATA,
)

OPS = (erfinv, gamma, gammaln, digamma, trigamma, smooth_l1, round_ste, sign_ste)
