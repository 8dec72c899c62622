"""Trigonometric functions, angles in radians. Kernels are right for operands of any size."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ops.declare import (
    BINARY_SAMPLES,
    PARTIAL_SAMPLES,
    binary,
    common_float,
    of_floats,
    real,
)
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, sum_to
from baryon.ops.numerics import rounded


def _sin_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.cos(x[0]))]


sin = real("np.sin", np.sin, _sin_grad, lambda t, x: t.sin(x), "The sine; NaN at infinity.")


def _cos_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.negative(o.np.multiply(g[0], o.np.sin(x[0])))]


cos = real("np.cos", np.cos, _cos_grad, lambda t, x: t.cos(x), "The cosine; NaN at infinity.")


def _tan_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.add(o.np.square(y[0]), 1.0))]


tan = real("np.tan", np.tan, _tan_grad, lambda t, x: t.tan(x), "The tangent; NaN at infinity.")


def _arc_slope(o: Recorder, x: Values) -> Any:
    return o.np.sqrt(o.np.subtract(1.0, o.np.square(x[0])))


def _arcsin_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], _arc_slope(o, x))]


arcsin = real(
    "np.arcsin",
    np.arcsin,
    _arcsin_grad,
    lambda t, x: t.asin(x),
    "The inverse sine, in [-pi/2, pi/2]; NaN outside of [-1, 1].",
    samples=PARTIAL_SAMPLES,
)


def _arccos_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.negative(o.np.divide(g[0], _arc_slope(o, x)))]


arccos = real(
    "np.arccos",
    np.arccos,
    _arccos_grad,
    lambda t, x: t.acos(x),
    "The inverse cosine, in [0, pi]; NaN outside of [-1, 1].",
    samples=PARTIAL_SAMPLES,
)


def _arctan_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.add(o.np.square(x[0]), 1.0))]


arctan = real(
    "np.arctan",
    np.arctan,
    _arctan_grad,
    lambda t, x: t.atan(x),
    "The inverse tangent, in [-pi/2, pi/2].",
)


def _arctan2_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    over = o.np.divide(g[0], o.np.add(o.np.square(x[0]), o.np.square(x[1])))
    return [
        sum_to(o, o.np.multiply(over, x[1]), x[0]),
        sum_to(o, o.np.negative(o.np.multiply(over, x[0])), x[1]),
    ]


arctan2 = binary(
    "np.arctan2",
    "The angle of the point (x2, x1), in [-pi, pi]; the signs of zeros count.",
    np.arctan2,
    _arctan2_grad,
    lambda t, x1, x2: t.atan2(x1, x2),
    infer=common_float("np.arctan2"),
    reference=rounded(of_floats(np.arctan2)),
    samples=BINARY_SAMPLES,
)


def _hypot_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    over = o.np.divide(g[0], y[0])
    return [sum_to(o, o.np.multiply(over, v), v) for v in x]


hypot = binary(
    "np.hypot",
    "sqrt(x1 * x1 + x2 * x2) without overflow; infinite if either is.",
    np.hypot,
    _hypot_grad,
    lambda t, x1, x2: t.hypot(x1, x2),
    infer=common_float("np.hypot"),
    reference=rounded(of_floats(np.hypot)),
    samples=BINARY_SAMPLES,
    commutative=True,
)

OPS = (sin, cos, tan, arcsin, arccos, arctan, arctan2, hypot)
