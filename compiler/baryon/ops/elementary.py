"""Roots, exponentials, logarithms, hyperbolic functions and degrees."""

from __future__ import annotations

import math

import numpy as np

from baryon.ops.declare import PARTIAL_SAMPLES, POSITIVE_SAMPLES, real
from baryon.ops.gradients import Attrs, Grads, Recorder, Values


def _cbrt_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.multiply(o.np.square(y[0]), 3.0))]


cbrt = real(
    "np.cbrt",
    np.cbrt,
    _cbrt_grad,
    lambda t, x: t.cbrt(x),
    "The cube root.",
)


def _expm1_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.add(y[0], 1.0))]


expm1 = real(
    "np.expm1",
    np.expm1,
    _expm1_grad,
    lambda t, x: t.expm1(x),
    "e to the power x, minus 1; precise near 0.",
)


def _log1p_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.add(x[0], 1.0))]


log1p = real(
    "np.log1p",
    np.log1p,
    _log1p_grad,
    lambda t, x: t.log1p(x),
    "log(1 + x), precise near 0; -inf at -1, NaN below.",
    samples=POSITIVE_SAMPLES,
)


def _log2_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(o.np.multiply(g[0], 1 / math.log(2)), x[0])]


log2 = real(
    "np.log2",
    np.log2,
    _log2_grad,
    lambda t, x: t.log2(x),
    "The logarithm to base 2; -inf at 0, NaN for negative x.",
    samples=POSITIVE_SAMPLES,
)


def _log10_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(o.np.multiply(g[0], 1 / math.log(10)), x[0])]


log10 = real(
    "np.log10",
    np.log10,
    _log10_grad,
    lambda t, x: t.log10(x),
    "The logarithm to base 10; -inf at 0, NaN for negative x.",
    samples=POSITIVE_SAMPLES,
)


def _sinh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.cosh(x[0]))]


sinh = real(
    "np.sinh",
    np.sinh,
    _sinh_grad,
    lambda t, x: t.sinh(x),
    "The hyperbolic sine.",
)


def _cosh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.sinh(x[0]))]


cosh = real(
    "np.cosh",
    np.cosh,
    _cosh_grad,
    lambda t, x: t.cosh(x),
    "The hyperbolic cosine.",
)


def _arcsinh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.sqrt(o.np.add(o.np.square(x[0]), 1.0)))]


arcsinh = real(
    "np.arcsinh",
    np.arcsinh,
    _arcsinh_grad,
    lambda t, x: t.asinh(x),
    "The inverse hyperbolic sine.",
)


def _arccosh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.sqrt(o.np.subtract(o.np.square(x[0]), 1.0)))]


arccosh = real(
    "np.arccosh",
    np.arccosh,
    _arccosh_grad,
    lambda t, x: t.acosh(x),
    "The inverse hyperbolic cosine; NaN below 1.",
    samples=PARTIAL_SAMPLES,
)


def _arctanh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.subtract(1.0, o.np.square(x[0])))]


arctanh = real(
    "np.arctanh",
    np.arctanh,
    _arctanh_grad,
    lambda t, x: t.atanh(x),
    "The inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond.",
    samples=PARTIAL_SAMPLES,
)

_DEGREES = 180 / math.pi


def _degrees_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], _DEGREES)]


degrees = real(
    "np.degrees",
    np.degrees,
    _degrees_grad,
    lambda t, x: x * t.const(_DEGREES, like=x),
    "Radians as degrees.",
)


def _radians_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], 1 / _DEGREES)]


radians = real(
    "np.radians",
    np.radians,
    _radians_grad,
    lambda t, x: x * t.const(1 / _DEGREES, like=x),
    "Degrees as radians.",
)

OPS = (
    cbrt, expm1, log1p, log2, log10, sinh, cosh, arcsinh, arccosh, arctanh, degrees, radians,
)  # fmt: skip
