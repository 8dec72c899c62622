"""Rounding to whole numbers or decimals, and signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ops.attributes import Param
from baryon.ops.declare import (
    BINARY_SAMPLES,
    INTEGER_SAMPLES,
    SAMPLES,
    Expr,
    binary,
    common_float,
    flat,
    numeric,
    of_floats,
    real,
)
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, sum_to
from baryon.ops.numerics import Arr, is_float, rounded
from baryon.ops.opdef import Sample


def _kept(function: Expr) -> Expr:
    """A rounding, which leaves whole numbers as they are."""
    return lambda x: function(x) if is_float(x) else x.copy()


ceil = numeric(
    "np.ceil",
    _kept(np.ceil),
    flat,
    lambda t, x: t.ceil(x),
    "The smallest whole number not below x.",
)
trunc = numeric(
    "np.trunc",
    _kept(np.trunc),
    flat,
    lambda t, x: t.trunc(x),
    "The whole number next to x towards 0.",
)
fix = numeric(
    "np.fix",
    _kept(np.trunc),
    flat,
    lambda t, x: t.trunc(x),
    "The whole number next to x towards 0.",
)
rint = real(
    "np.rint",
    np.rint,
    flat,
    lambda t, x: t.rint(x),
    "The nearest whole number; of two the even one.",
)


def _around_ref(x: Arr, decimals: int) -> Any:
    if is_float(x):
        return np.around(x, decimals)
    if decimals >= 0:
        return x.copy()
    tens = 10.0**-decimals
    return (np.rint(x.astype(np.float64) / tens) * tens).astype(x.dtype)


around = numeric(
    "np.around",
    _around_ref,
    flat,
    lambda t, x, decimals: t.around(x, decimals),
    "x rounded to decimals; halves go to the even neighbour.",
    params=(Param("decimals", "int", 0, "places after the point; negative ones before it"),),
    samples=(
        *SAMPLES,
        *INTEGER_SAMPLES,
        Sample(((2, 3),), {"decimals": 2}),
        Sample(((3,),), {"decimals": -1}, dtypes=("f64",)),
        Sample(((9,),), {"decimals": -1}, dtypes=("i64",), high=100),
    ),
)


def _positive_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [g[0]]


positive = numeric("np.positive", np.positive, _positive_grad, lambda t, x: x, "x itself.")


def _fabs_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.sign(x[0]))]


fabs = real("np.fabs", np.fabs, _fabs_grad, lambda t, x: t.abs(x), "The absolute value as a float.")


def _copysign_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    alike = o.np.multiply(o.np.copysign(1.0, x[0]), o.np.copysign(1.0, x[1]))
    return [sum_to(o, o.np.multiply(g[0], alike), x[0]), None]


copysign = binary(
    "np.copysign",
    "The magnitude of x1 with the sign of x2, zero's and NaN's as well.",
    np.copysign,
    _copysign_grad,
    lambda t, x1, x2: t.copysign(x1, x2),
    infer=common_float("np.copysign"),
    reference=rounded(of_floats(np.copysign)),
    samples=BINARY_SAMPLES,
)


OPS = (ceil, trunc, fix, rint, around, positive, fabs, copysign)
