"""Normalizations: batch, layer and local response; dropout as inference sees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType, Value
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import VIEW, OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail, need_float, need_shape, one_axis


def _along(x: Arr, axis: int, rank: int) -> Arr:
    """A vector that broadcasts along one axis."""
    return x.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def _along_value(o: Recorder, x: Value, axis: int, rank: int) -> Any:
    shape = tuple(-1 if i == axis % rank else 1 for i in range(rank))
    return o.np.reshape(x, newshape=shape)


def _others(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(i for i in range(rank) if i != axis % rank)


def _batch_norm_infer(
    x: TensorType,
    gamma: TensorType,
    beta: TensorType,
    running_mean: TensorType,
    running_var: TensorType,
    **attrs: Any,
) -> TensorType:
    op = "npx.batch_norm"
    vectors = {"gamma": gamma, "beta": beta, "running_mean": running_mean,
               "running_var": running_var}  # fmt: skip
    need_float(op, x=x, **vectors)
    axis = one_axis(op, attrs["axis"], x.rank)
    for name, vector in vectors.items():
        need_shape(op, name, vector, (x.shape[axis],), f"axis {axis} of x")
    return x.with_shape(x.shape)


def _batch_norm_ref(
    x: Arr, gamma: Arr, beta: Arr, running_mean: Arr, running_var: Arr, **attrs: Any
) -> Any:
    mean, var, shift, factor = (
        _along(v, attrs["axis"], x.ndim) for v in (running_mean, running_var, beta, gamma)
    )
    scale = 1 / np.sqrt(var + attrs["eps"])
    return (x - mean) * (scale if attrs["fix_gamma"] else scale * factor) + shift


def _batch_norm_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis, rank = attrs["axis"], x[0].type.rank
    scale = o.npx.rsqrt(o.np.add(x[4], attrs["eps"]))
    factor = scale if attrs["fix_gamma"] else o.np.multiply(scale, x[1])
    data = o.np.multiply(g[0], _along_value(o, factor, axis, rank))
    beta = o.np.sum(g[0], axis=_others(axis, rank))
    if attrs["fix_gamma"]:
        return [data, None, beta, None, None]
    centred = o.np.subtract(x[0], _along_value(o, x[3], axis, rank))
    products = o.np.sum(o.np.multiply(g[0], centred), axis=_others(axis, rank))
    return [data, o.np.multiply(products, scale), beta, None, None]


_VECTORS = ((3,),) * 4

batch_norm = OpDef(
    name="npx.batch_norm",
    doc="(x - running_mean) / sqrt(running_var + eps) * gamma + beta along one axis.\n\n"
    "The inference form: it reads the running statistics and does not change them. x has any "
    "shape, the other operands are vectors as long as the axis, all of one floating dtype; "
    "IRTypeError otherwise. The running statistics get no gradient.",
    operands=("x", "gamma", "beta", "running_mean", "running_var"),
    params=(
        Param("eps", "float", 1e-3, "added to the variance"),
        Param("momentum", "float", 0.9, "weight of the old running statistics in training"),
        Param("fix_gamma", "bool", True, "take gamma as 1 and give it no gradient"),
        Param("use_global_stats", "bool", False, "use the running statistics in training too"),
        Param("axis", "int", 1, "the axis of the channels"),
    ),
    infer=_batch_norm_infer,
    reference=rounded(_batch_norm_ref),
    gradient=_batch_norm_grad,
    lowering=absent("passes fold it into a layer or write it as a product and a sum"),
    samples=(
        Sample(((2, 3, 2, 2), *_VECTORS), {"fix_gamma": False}, positive=True, batch=(0,)),
        Sample(((2, 3, 2), *_VECTORS), {"eps": 1e-2}, positive=True, batch=(0,)),
        Sample(((2, 3), *_VECTORS), {"axis": -1}, dtypes=("f16",), positive=True),
    ),
    source="arXiv:1502.03167; MXNet 2 npx.batch_norm; ONNX BatchNormalization",
)


def _layer_norm_infer(
    data: TensorType, gamma: TensorType, beta: TensorType, **attrs: Any
) -> TensorType:
    op = "npx.layer_norm"
    need_float(op, data=data, gamma=gamma, beta=beta)
    axis = one_axis(op, attrs["axis"], data.rank)
    for name, vector in (("gamma", gamma), ("beta", beta)):
        need_shape(op, name, vector, (data.shape[axis],), f"axis {axis} of data")
    return data.with_shape(data.shape)


def _layer_norm_ref(data: Arr, gamma: Arr, beta: Arr, axis: int, eps: float) -> Any:
    centred = data - data.mean(axis=axis, keepdims=True)
    scale = 1 / np.sqrt(np.square(centred).mean(axis=axis, keepdims=True) + eps)
    return centred * scale * _along(gamma, axis, data.ndim) + _along(beta, axis, data.ndim)


def _layer_norm_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis, rank = attrs["axis"], x[0].type.rank
    kept = {"axis": (axis,), "keepdims": True}
    centred = o.np.subtract(x[0], o.np.mean(x[0], **kept))
    scale = o.npx.rsqrt(o.np.add(o.np.mean(o.np.square(centred), **kept), attrs["eps"]))
    normal = o.np.multiply(centred, scale)
    inner = o.np.multiply(g[0], _along_value(o, x[1], axis, rank))
    slope = o.np.mean(o.np.multiply(inner, normal), **kept)
    rest = o.np.subtract(inner, o.np.add(o.np.mean(inner, **kept), o.np.multiply(normal, slope)))
    gamma = o.np.sum(o.np.multiply(g[0], normal), axis=_others(axis, rank))
    return [o.np.multiply(rest, scale), gamma, o.np.sum(g[0], axis=_others(axis, rank))]


layer_norm = OpDef(
    name="npx.layer_norm",
    doc="data brought to mean 0 and variance 1 along an axis, times gamma, plus beta.\n\n"
    "gamma and beta are vectors as long as the axis; all operands have one floating dtype, which "
    "is the result's; IRTypeError otherwise.",
    operands=("data", "gamma", "beta"),
    params=(
        Param("axis", "int", -1, "the axis to normalize"),
        Param("eps", "float", 1e-5, "added to the variance"),
    ),
    infer=_layer_norm_infer,
    reference=rounded(_layer_norm_ref),
    gradient=_layer_norm_grad,
    lowering=kernel("layer_norm"),
    samples=(
        Sample(((2, 3, 4), (4,), (4,)), batch=(0,)),
        Sample(((2, 3, 4), (3,), (3,)), {"axis": 1, "eps": 1e-2}),
        Sample(((2, 4), (4,), (4,)), dtypes=("bf16",)),
    ),
    source="arXiv:1607.06450; MXNet 2 npx.layer_norm",
)


def _rms_norm_infer(data: TensorType, gamma: TensorType, **attrs: Any) -> TensorType:
    op = "npx.rms_norm"
    need_float(op, data=data, gamma=gamma)
    axis = one_axis(op, attrs["axis"], data.rank)
    need_shape(op, "gamma", gamma, (data.shape[axis],), f"axis {axis} of data")
    return data.with_shape(data.shape)


def _rms_norm_ref(data: Arr, gamma: Arr, axis: int, eps: float) -> Any:
    scale = 1 / np.sqrt(np.square(data).mean(axis=axis, keepdims=True) + eps)
    return data * scale * _along(gamma, axis, data.ndim)


def _rms_norm_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis, rank = attrs["axis"], x[0].type.rank
    kept = {"axis": (axis,), "keepdims": True}
    scale = o.npx.rsqrt(o.np.add(o.np.mean(o.np.square(x[0]), **kept), attrs["eps"]))
    normal = o.np.multiply(x[0], scale)
    inner = o.np.multiply(g[0], _along_value(o, x[1], axis, rank))
    slope = o.np.mean(o.np.multiply(inner, normal), **kept)
    data = o.np.multiply(o.np.subtract(inner, o.np.multiply(normal, slope)), scale)
    return [data, o.np.sum(o.np.multiply(g[0], normal), axis=_others(axis, rank))]


rms_norm = OpDef(
    name="npx.rms_norm",
    doc="data divided by the root of the mean of its squares along an axis, times gamma.\n\n"
    "gamma is a vector as long as the axis; both operands have one floating dtype, which is the "
    "result's; IRTypeError otherwise.",
    operands=("data", "gamma"),
    params=(
        Param("axis", "int", -1, "the axis to normalize"),
        Param("eps", "float", 1e-5, "added to the mean of the squares"),
    ),
    infer=_rms_norm_infer,
    reference=rounded(_rms_norm_ref),
    gradient=_rms_norm_grad,
    lowering=kernel("layer_norm"),
    samples=(
        Sample(((2, 3, 4), (4,)), batch=(0,)),
        Sample(((2, 3, 4), (3,)), {"axis": 1, "eps": 1e-2}),
        Sample(((2, 4), (4,)), dtypes=("bf16",)),
    ),
    source="arXiv:1910.07467; ONNX RMSNormalization",
)


def _lrn_infer(data: TensorType, **attrs: Any) -> TensorType:
    need_float("npx.lrn", data=data)
    if data.rank < 2:
        fail("npx.lrn", f"data must have channels at axis 1; it is {data}")
    if attrs["nsize"] < 1:
        fail("npx.lrn", f"nsize must be positive, not {attrs['nsize']}")
    return data.with_shape(data.shape)


def _lrn_sums(data: Arr, nsize: int) -> Arr:
    """Sums of squares over neighbouring channels."""
    before, channels = (nsize - 1) // 2, data.shape[1]
    sums = np.zeros_like(data)
    squares = np.square(data)
    for shift in range(-before, nsize - before):  # out[c] += squares[c + shift]
        low, high = max(0, -shift), max(0, min(channels, channels - shift))
        sums[:, low:high] += squares[:, low + shift : max(high + shift, 0)]
    return sums


def _lrn_ref(data: Arr, nsize: int, alpha: float, beta: float, knorm: float) -> Any:
    return data / (knorm + alpha / nsize * _lrn_sums(data, nsize)) ** beta


def _window_sum(o: Recorder, x: Any, nsize: int, mirrored: bool) -> Any:
    """Sums over channel windows, by a pooling along the channel axis."""
    low, high = (nsize - 1) // 2, nsize - 1 - (nsize - 1) // 2
    begin, end = (high, low) if mirrored else (low, high)
    image = o.np.reshape(o.np.expand_dims(x, axis=1), newshape=(-2, -2, -2, -1))
    summed = o.npx.pooling(image, kernel=(nsize, 1), pad=(begin, 0, end, 0), pool_type="sum")
    return reshape_like(o, summed, x)


def _lrn_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    n, beta, alpha = attrs["nsize"], attrs["beta"], attrs["alpha"] / attrs["nsize"]
    sums = _window_sum(o, o.np.square(x[0]), n, False)
    base = o.np.add(o.np.multiply(sums, alpha), attrs["knorm"])
    direct = o.np.multiply(g[0], o.np.power(base, -beta))
    spread = _window_sum(o, o.np.divide(o.np.multiply(direct, x[0]), base), n, True)
    indirect = o.np.multiply(o.np.multiply(spread, x[0]), 2 * alpha * beta)
    return [o.np.subtract(direct, indirect)]


lrn = OpDef(
    name="npx.lrn",
    doc="data / (knorm + alpha / nsize * sum of squares over nsize channels) ** beta.\n\n"
    "The channels are axis 1; the window of channel c runs from c - floor((nsize - 1) / 2) to "
    "c + ceil((nsize - 1) / 2). data has rank 2 or more and a floating dtype; IRTypeError "
    "otherwise.",
    operands=("data",),
    params=(
        Param("nsize", "int", REQUIRED, "channels in a window"),
        Param("alpha", "float", 1e-4, "weight of the sum"),
        Param("beta", "float", 0.75, "exponent"),
        Param("knorm", "float", 2.0, "added to the weighted sum; ONNX calls it bias"),
    ),
    infer=_lrn_infer,
    reference=rounded(_lrn_ref),
    gradient=_lrn_grad,
    lowering=kernel("lrn"),
    samples=(
        Sample(((2, 7, 2, 2),), {"nsize": 5, "alpha": 0.5}, batch=(0,)),
        Sample(((1, 5, 3),), {"nsize": 4, "alpha": 0.3, "beta": 0.5, "knorm": 1.0}),
        Sample(((1, 2, 3, 1),), {"nsize": 7, "alpha": 0.3}),
        Sample(((1, 3, 2, 2),), {"nsize": 3}, dtypes=("f16",)),
    ),
    source="ONNX LRN; MXNet 2 npx.lrn",
)


def _dropout_infer(data: TensorType, p: float) -> TensorType:
    if not 0 <= p < 1:
        fail("npx.dropout", f"p must be in [0, 1), not {p}")
    return data.with_shape(data.shape)


def _dropout_ref(data: Arr, p: float) -> Any:
    return data


def _dropout_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [g[0]]


dropout = OpDef(
    name="npx.dropout",
    doc="data unchanged: dropout acts in training only. Any shape and dtype.",
    operands=("data",),
    params=(Param("p", "float", 0.5, "the share of elements that training sets to 0"),),
    infer=_dropout_infer,
    reference=_dropout_ref,
    gradient=_dropout_grad,
    lowering=VIEW,
    samples=(Sample(((2, 3),), batch=(0,)), Sample(((),), {"p": 0.1}, dtypes=("f64",))),
    source="MXNet 2 npx.dropout; ONNX Dropout",
)

OPS = (batch_norm, layer_norm, rms_norm, lrn, dropout)
