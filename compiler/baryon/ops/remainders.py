"""Quotients and remainders, and pairs of numbers that have no order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from baryon.ops.declare import (
    BINARY_SAMPLES,
    WHOLE_SAMPLES,
    binary,
    common_float,
    common_number,
    flat,
    of_floats,
    of_numbers,
)
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, sum_to
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import Sample

_BY_ZERO = "Whole numbers over 0 give 0."
_SAMPLES = (*BINARY_SAMPLES, *WHOLE_SAMPLES)

floor_divide = binary(
    "np.floor_divide",
    f"The quotient x1 / x2 rounded down. {_BY_ZERO}",
    np.floor_divide,
    flat,
    lambda t, x1, x2: t.floor_divide(x1, x2),
    infer=common_number("np.floor_divide"),
    reference=rounded(of_numbers(np.floor_divide)),
    samples=_SAMPLES,
)


def _mod_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    quotient = o.np.floor_divide(x[0], x[1])
    return [sum_to(o, g[0], x[0]), sum_to(o, o.np.negative(o.np.multiply(g[0], quotient)), x[1])]


mod = binary(
    "np.mod",
    f"The remainder of x1 / x2 with the sign of x2. {_BY_ZERO}",
    np.mod,
    _mod_grad,
    lambda t, x1, x2: t.mod(x1, x2),
    infer=common_number("np.mod"),
    reference=rounded(of_numbers(np.mod)),
    samples=_SAMPLES,
)


def _fmod_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    quotient = o.np.trunc(o.np.divide(x[0], x[1]))
    return [sum_to(o, g[0], x[0]), sum_to(o, o.np.negative(o.np.multiply(g[0], quotient)), x[1])]


fmod = binary(
    "np.fmod",
    f"The remainder of x1 / x2 with the sign of x1, as in C. {_BY_ZERO}",
    np.fmod,
    _fmod_grad,
    lambda t, x1, x2: t.fmod(x1, x2),
    infer=common_number("np.fmod"),
    reference=rounded(of_numbers(np.fmod)),
    samples=_SAMPLES,
)


def _preferred(o: Recorder, x: Values, g: Values, better: Any) -> Grads:
    """The gradient goes to the one that was taken: x1 if it is better, or if x2 is NaN."""
    first = o.np.logical_or(better, o.np.isnan(x[1]))
    return [
        sum_to(o, o.np.where(first, g[0], 0.0), x[0]),
        sum_to(o, o.np.where(first, 0.0, g[0]), x[1]),
    ]


def _fmax_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return _preferred(o, x, g, o.np.greater_equal(x[0], x[1]))


def _fmin_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return _preferred(o, x, g, o.np.less_equal(x[0], x[1]))


fmax = binary(
    "np.fmax",
    "The larger of x1 and x2; the other one where one is NaN. Ties send the gradient to x1.",
    np.fmax,
    _fmax_grad,
    lambda t, x1, x2: t.select(t.either(t.ge(x1, x2), t.is_nan(x2)), x1, x2),
    commutative=True,
)
fmin = binary(
    "np.fmin",
    "The smaller of x1 and x2; the other one where one is NaN. Ties send the gradient to x1.",
    np.fmin,
    _fmin_grad,
    lambda t, x1, x2: t.select(t.either(t.le(x1, x2), t.is_nan(x2)), x1, x2),
    commutative=True,
)


def _ldexp_ref(x1: Arr, x2: Arr) -> Any:
    half = np.trunc(x2 / 2)
    return x1 * np.exp2(half) * np.exp2(x2 - half)


def _ldexp_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    growth = o.np.multiply(o.np.multiply(g[0], y[0]), math.log(2))
    return [sum_to(o, o.np.ldexp(g[0], x[1]), x[0]), sum_to(o, growth, x[1])]


ldexp = binary(
    "np.ldexp",
    "x1 times 2 to the power x2, which may be a fraction.",
    np.ldexp,
    _ldexp_grad,
    lambda t, x1, x2: t.scaled(x1, x2),
    infer=common_float("np.ldexp"),
    reference=rounded(of_floats(_ldexp_ref)),
    samples=(*BINARY_SAMPLES, Sample(((2, 3), (3,)), dtypes=("f32", "i32"), high=9)),
    source="numpy.ldexp; MXNet 2 takes fractions for x2",
)


def _logaddexp_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    share = o.npx.sigmoid(o.np.subtract(x[0], x[1]))
    return [
        sum_to(o, o.np.multiply(g[0], share), x[0]),
        sum_to(o, o.np.multiply(g[0], o.np.subtract(1.0, share)), x[1]),
    ]


logaddexp = binary(
    "np.logaddexp",
    "log(exp(x1) + exp(x2)) without overflow.",
    np.logaddexp,
    _logaddexp_grad,
    lambda t, x1, x2: t.logaddexp(x1, x2),
    infer=common_float("np.logaddexp"),
    reference=rounded(of_floats(np.logaddexp)),
    samples=BINARY_SAMPLES,
    commutative=True,
)

OPS = (floor_divide, mod, fmod, fmax, fmin, ldexp, logaddexp)
