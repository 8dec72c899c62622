"""Batch normalization in training: by the statistics of the batch itself, and its gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from baryon.ir import TensorType, Value
from baryon.ops.attributes import Param
from baryon.ops.decompose import gradient_of
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, count
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, absent
from baryon.ops.shapes import need_float, need_shape, one_axis

TRAIN = "ir.batch_norm_train"
GRADIENT = "ir.batch_norm_gradient"

_PARAMS = (
    Param("eps", "float", 1e-3, "added to the variance"),
    Param("fix_gamma", "bool", True, "take gamma as 1 and give it no gradient"),
    Param("axis", "int", 1, "the axis of the channels"),
)


def _vector(x: TensorType, axis: int) -> TensorType:
    """The type of one number for each channel."""
    return TensorType((x.shape[axis],), x.dtype)


def _checked(op: str, x: TensorType, axis: int, **vectors: TensorType) -> TensorType:
    """The type of the vectors, which all must have it."""
    need_float(op, x=x, **vectors)
    wanted = _vector(x, one_axis(op, axis, x.rank))
    for name, vector in vectors.items():
        need_shape(op, name, vector, wanted.shape, f"axis {axis} of x")
    return wanted


def _others(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(i for i in range(rank) if i != axis % rank)


def _along(x: Arr, axis: int, rank: int) -> Arr:
    return x.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def _along_value(o: Recorder, x: Value, axis: int, rank: int) -> Any:
    return o.np.reshape(x, newshape=tuple(-1 if i == axis % rank else 1 for i in range(rank)))


def _train_infer(
    x: TensorType, gamma: TensorType, beta: TensorType, axis: int, **attrs: Any
) -> tuple[TensorType, ...]:
    vector = _checked(TRAIN, x, axis, gamma=gamma, beta=beta)
    return x.with_shape(x.shape), vector, vector


def _train_ref(x: Arr, gamma: Arr, beta: Arr, eps: float, fix_gamma: bool, axis: int) -> Any:
    others = _others(axis, x.ndim)
    mean, variance = x.mean(axis=others), x.var(axis=others)
    scale = 1 / np.sqrt(variance + eps)
    factor = scale if fix_gamma else scale * gamma
    centred = x - _along(mean, axis, x.ndim)
    y = centred * _along(factor, axis, x.ndim) + _along(beta, axis, x.ndim)
    return y, mean, variance


def _train_expansion(o: Recorder, x: Values, attrs: Attrs) -> tuple[Any, Any, Any]:
    """The meaning of `ir.batch_norm_train` in other ops."""
    axis, rank = attrs["axis"], x[0].type.rank
    others = _others(axis, rank)
    mean = o.np.mean(x[0], axis=others)
    centred = o.np.subtract(x[0], _along_value(o, mean, axis, rank))
    variance = o.np.mean(o.np.square(centred), axis=others)
    scale = o.npx.rsqrt(o.np.add(variance, attrs["eps"]))
    factor = scale if attrs["fix_gamma"] else o.np.multiply(scale, x[1])
    scaled = o.np.multiply(centred, _along_value(o, factor, axis, rank))
    return o.np.add(scaled, _along_value(o, x[2], axis, rank)), mean, variance


def _train_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    data, gamma, beta = o.ir.batch_norm_gradient(x[0], x[1], y[1], y[2], g[0], g[1], g[2], **attrs)
    return [data, None if attrs["fix_gamma"] else gamma, beta]


batch_norm_train = OpDef(
    name=TRAIN,
    doc="(x - mean) / sqrt(variance + eps) * gamma + beta, by the mean and variance of x along all "
    "axes but one.\n\n"
    "Results: that, of x's shape; the mean; the variance (the sum of squares over n). x has any "
    "shape, gamma and beta are vectors as long as the axis, all of one floating dtype; IRTypeError "
    "otherwise.",
    operands=("x", "gamma", "beta"),
    params=_PARAMS,
    infer=_train_infer,
    reference=rounded(_train_ref),
    gradient=_train_grad,
    lowering=absent("the pass expand writes it in reductions and element-wise ops"),
    samples=(
        Sample(((2, 3, 2, 2), (3,), (3,)), {"fix_gamma": False}, batch=(0,)),
        Sample(((4, 2, 3), (2,), (2,)), {"eps": 1e-2}),
        Sample(((5, 3), (3,), (3,)), {"axis": -1, "fix_gamma": False}, dtypes=("f64",)),
        Sample(((4, 3), (3,), (3,)), dtypes=("f16",)),
    ),
    expansion=_train_expansion,
    source="arXiv:1502.03167; MXNet 2 npx.batch_norm in training",
)


def _gradient_infer(
    x: TensorType, gamma: TensorType, mean: TensorType, variance: TensorType, grad: TensorType,
    mean_grad: TensorType, variance_grad: TensorType, axis: int, **attrs: Any,
) -> tuple[TensorType, ...]:  # fmt: skip
    need_shape(GRADIENT, "grad", grad, x.shape, "the shape of x")
    need_float(GRADIENT, x=x, grad=grad)
    vector = _checked(GRADIENT, x, axis, gamma=gamma, mean=mean, variance=variance,
                      mean_grad=mean_grad, variance_grad=variance_grad)  # fmt: skip
    return x.with_shape(x.shape), vector, vector


def _gradient_ref(
    x: Arr, gamma: Arr, mean: Arr, variance: Arr, grad: Arr, mean_grad: Arr, variance_grad: Arr,
    eps: float, fix_gamma: bool, axis: int,
) -> Any:  # fmt: skip
    rank, others = x.ndim, _others(axis, x.ndim)
    n = math.prod(x.shape[i] for i in others)
    scale = 1 / np.sqrt(variance + eps)
    centred = x - _along(mean, axis, rank)
    beta = grad.sum(axis=others)
    products = (grad * centred).sum(axis=others) * scale
    factor = scale if fix_gamma else scale * gamma
    slope = (2 * variance_grad - factor * scale * products) / n
    shift = (mean_grad - factor * beta) / n
    data = (
        grad * _along(factor, axis, rank)
        + centred * _along(slope, axis, rank)
        + _along(shift, axis, rank)
    )
    return data, np.zeros_like(products) if fix_gamma else products, beta


def _gradient_expansion(o: Recorder, x: Values, attrs: Attrs) -> tuple[Any, Any, Any]:
    """The meaning of `ir.batch_norm_gradient` in other ops: two sums, then an affine function."""
    data, gamma, mean, variance, grad, mean_grad, variance_grad = x
    axis, rank = attrs["axis"], data.type.rank
    others = _others(axis, rank)
    n = _channel_size(o, data, others)
    scale = o.npx.rsqrt(o.np.add(variance, attrs["eps"]))
    centred = o.np.subtract(data, _along_value(o, mean, axis, rank))
    beta = o.np.sum(grad, axis=others)
    products = o.np.multiply(o.np.sum(o.np.multiply(grad, centred), axis=others), scale)
    factor = scale if attrs["fix_gamma"] else o.np.multiply(scale, gamma)
    pull = o.np.multiply(o.np.multiply(factor, scale), products)
    slope = o.np.divide(o.np.subtract(o.np.multiply(variance_grad, 2.0), pull), n)
    shift = o.np.divide(o.np.subtract(mean_grad, o.np.multiply(factor, beta)), n)
    direct = o.np.multiply(grad, _along_value(o, factor, axis, rank))
    bent = o.np.add(direct, o.np.multiply(centred, _along_value(o, slope, axis, rank)))
    result = o.np.add(bent, _along_value(o, shift, axis, rank))
    return result, o.np.zeros_like(products) if attrs["fix_gamma"] else products, beta


def _channel_size(o: Recorder, x: Value, others: tuple[int, ...]) -> Any:
    """Elements of one channel: a number, or a vector-shaped value where an axis is symbolic."""
    n = count(o, x, others)
    return n if isinstance(n, float) else o.np.reshape(n, newshape=(-1,))


batch_norm_gradient = OpDef(
    name=GRADIENT,
    doc="The gradients of `ir.batch_norm_train` for x, gamma and beta.\n\n"
    "mean and variance are the results of that op for x; grad, mean_grad and variance_grad are the "
    "gradients of its results. gamma's gradient is 0 with fix_gamma. All operands have one "
    "floating dtype; grad has x's shape, the others are vectors as long as the axis; IRTypeError "
    "otherwise.",
    operands=("x", "gamma", "mean", "variance", "grad", "mean_grad", "variance_grad"),
    params=_PARAMS,
    infer=_gradient_infer,
    reference=rounded(_gradient_ref),
    gradient=gradient_of(_gradient_expansion),
    lowering=absent("the pass expand writes it in reductions and element-wise ops"),
    samples=(
        Sample(
            ((2, 3, 2, 2), (3,), (3,), (3,), (2, 3, 2, 2), (3,), (3,)),
            {"fix_gamma": False},
            positive=True,
            batch=(0, 4),
        ),
        Sample(((4, 3), (3,), (3,), (3,), (4, 3), (3,), (3,)), {"axis": -1}, positive=True),
    ),
    expansion=_gradient_expansion,
    source="arXiv:1502.03167",
)

OPS = (batch_norm_train, batch_norm_gradient)
