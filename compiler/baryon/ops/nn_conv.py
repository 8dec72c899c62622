"""Convolution, its transpose, and the gradient of its weight, over 1 to 3 spatial axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from baryon.ir import Dim, TensorType, Value, f64
from baryon.ops import volumes
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, kernel
from baryon.ops.shapes import fail, need_float, need_shape, static_dim, text
from baryon.ops.windows import LAYOUTS, Window, window_of

CONVOLUTION, DECONVOLUTION = "npx.convolution", "npx.deconvolution"
WEIGHT_GRADIENT = "ir.convolution_weight_gradient"

_WINDOW = (
    Param("kernel", "ints", REQUIRED, "window size along each spatial axis"),
    Param("stride", "ints", (), "steps of the window; () means 1 along each axis"),
    Param("dilate", "ints", (), "distance of the window's taps; () means 1 along each axis"),
    Param("pad", "ints", (), "zeros around: one number for each axis, or begins, then ends"),
)
_GROUP = Param("num_group", "int", 1, "groups into which the channels are split")
_LAYOUT = Param("layout", "str?", None, "meaning of the axes; channels-first only", LAYOUTS)
_FILTERS = Param("num_filter", "int?", None, "output channels, checked against the weight if given")


def conv_window(op: str, rank: int, attrs: Mapping[str, Any]) -> Window:
    """The window of a convolution over data of a rank (that includes batch and channels)."""
    if not 3 <= rank <= 5:
        fail(op, f"data must be (N, C, *spatial) with 1 to 3 spatial axes, not of rank {rank}")
    layout = attrs.get("layout")
    if layout is not None and layout != LAYOUTS[rank - 3]:
        fail(op, f"layout {layout} does not fit data of rank {rank}; it is {LAYOUTS[rank - 3]}")
    if attrs["num_group"] < 1:
        fail(op, f"num_group must be positive, not {attrs['num_group']}")
    return window_of(op, rank - 2, attrs)


def _check_filters(op: str, attrs: Mapping[str, Any], channels: Dim) -> None:
    given = attrs["num_filter"]
    if given is not None and given != channels:
        fail(op, f"num_filter is {given} but the weight makes {channels} channels")


def _convolution_infer(
    data: TensorType, weight: TensorType, bias: TensorType | None, **attrs: Any
) -> TensorType:
    op, groups = CONVOLUTION, attrs["num_group"]
    dtype = need_float(op, data=data, weight=weight, bias=bias)
    window = conv_window(op, data.rank, attrs)
    channels = static_dim(op, data.shape[1], "the channel axis of data")
    filters = static_dim(op, weight.shape[0], "axis 0 of weight") if weight.rank else 0
    if channels % groups or filters % groups:
        fail(op, f"{channels} channels and {filters} filters do not split into {groups} groups")
    expected = (filters, channels // groups, *window.kernel)
    need_shape(op, "weight", weight, expected, "filters, channels per group, *kernel")
    need_shape(op, "bias", bias, (filters,), "one for each filter")
    _check_filters(op, attrs, filters)
    return TensorType((data.shape[0], filters, *window.out(data.shape[2:])), dtype)


def _columns(data: Arr, window: Window, groups: int) -> Arr:
    """(N, G, C/G * taps, positions): the windows as columns of a matrix for each group."""
    view = window.view(window.padded(data, 0))
    n, c, r = view.shape[0], view.shape[1], window.rank
    split = view.reshape(n, groups, c // groups, *view.shape[2:])
    taps_first = (0, 1, 2, *range(3 + r, 3 + 2 * r), *range(3, 3 + r))
    taps, positions = math.prod(window.kernel), math.prod(view.shape[2 : 2 + r])
    return split.transpose(taps_first).reshape(n, groups, c // groups * taps, positions)


def _convolution_ref(data: Arr, weight: Arr, bias: Arr | None, **attrs: Any) -> Any:
    groups = attrs["num_group"]
    window = window_of(CONVOLUTION, data.ndim - 2, attrs)
    shape = (data.shape[0], weight.shape[0], *window.out(data.shape[2:]))
    inner = math.prod(weight.shape[1:])
    rows = weight.reshape(groups, weight.shape[0] // groups, inner)
    out = np.matmul(rows, _columns(data, window, groups))
    return _add_bias(out.reshape(shape), bias)


def _add_bias(out: Arr, bias: Arr | None) -> Arr:
    return out if bias is None else out + bias.reshape(-1, *[1] * (out.ndim - 2))


def _shared(attrs: Attrs) -> dict[str, Any]:
    return {name: attrs[name] for name in ("kernel", "stride", "dilate", "pad", "num_group")}


def _bias_grad(o: Recorder, x: Values, g: Value) -> list[Value]:
    return [o.np.sum(g, axis=(0, *range(2, g.type.rank)))] if len(x) == 3 else []


def _remainder(op: str, data: TensorType, attrs: Attrs) -> tuple[int, ...]:
    """Rows at the end of data's axes that no window reaches, which a transpose must put back."""
    window = window_of(op, data.rank - 2, attrs)
    dims = [static_dim(op, d, "a spatial axis") for d in data.shape[2:]]
    spans = zip(dims, window.before, window.after, window.extent, window.stride, strict=True)
    return tuple((d + b + a - e) % s for d, b, a, e, s in spans)


def _convolution_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    adj = _remainder(CONVOLUTION, x[0].type, attrs)
    data = o.npx.deconvolution(g[0], x[1], adj=adj, **_shared(attrs))
    weight = o.ir.convolution_weight_gradient(x[0], g[0], **_shared(attrs))
    return [data, weight, *_bias_grad(o, x, g[0])]


_GROUPED = {"kernel": (3, 3), "stride": (2, 1), "pad": (1, 2), "num_group": 2}
_DEPTHWISE = {"kernel": (3, 3), "stride": (2, 2), "pad": (0, 1, 1, 2), "num_group": 3}
_VOLUME = {"kernel": (2, 3, 2), "stride": (2, 1, 1), "pad": (1, 0, 0, 0, 1, 0), "num_group": 2}
_SPATIAL_SAMPLES: tuple[tuple[tuple[tuple[int, ...], ...], Attrs], ...] = (
    (((2, 3, 5, 4), (4, 3, 3, 2), (4,)), {"kernel": (3, 2)}),
    (((1, 4, 6, 7), (6, 2, 3, 3)), _GROUPED),
    (((2, 3, 7, 7), (3, 1, 3, 3), (3,)), _DEPTHWISE),
    (((1, 2, 9), (2, 2, 3)), {"kernel": 3, "dilate": 2, "stride": 2, "pad": 1}),
    (((1, 2, 3, 4, 3), (1, 2, 2, 1, 2)), {"kernel": (2, 1, 2), "pad": (1, 0, 0)}),
    (((2, 4, 5, 4, 3), (2, 2, 2, 3, 2), (2,)), {**_VOLUME, "dilate": (2, 1, 1)}),
    (((0, 2, 3, 3), (2, 2, 1, 1)), {"kernel": (1, 1), "num_filter": 2, "layout": "NCHW"}),
)

convolution = OpDef(
    name=CONVOLUTION,
    doc="Cross-correlation of data with filters.\n\n"
    "data (N, C, *spatial), weight (filters, C / num_group, *kernel), bias (filters,); the result "
    "is (N, filters, *positions) with positions = floor((size + pads - extent) / stride) + 1 and "
    "extent = dilate * (kernel - 1) + 1. All operands have one floating dtype. IRTypeError where "
    "shapes disagree or the window does not fit.",
    operands=("data", "weight", "bias?"),
    params=(*_WINDOW, _FILTERS, _GROUP, _LAYOUT),
    infer=_convolution_infer,
    reference=rounded(_convolution_ref),
    gradient=_convolution_grad,
    lowering=kernel("implicit_gemm"),
    expansion=volumes.convolution,
    beyond_kernel=volumes.is_volume,
    samples=(
        *(Sample(shapes, attrs, batch=(0,)) for shapes, attrs in _SPATIAL_SAMPLES),
        Sample(((1, 2, 4), (2, 2, 3)), {"kernel": 3}, dtypes=("f16",)),
        Sample(((1, 2, 4), (2, 2, 3)), {"kernel": 3}, dtypes=("f64",)),
    ),
    source="MXNet 2 npx.convolution; ONNX Conv",
)


def _deconvolution_window(data: TensorType, attrs: Mapping[str, Any]) -> tuple[Window, list[int]]:
    """The window of the transposed convolution, and the spatial size of the result."""
    op = DECONVOLUTION
    window = conv_window(op, data.rank, attrs)
    adj = attrs["adj"] or (0,) * window.rank
    if len(adj) != window.rank or any(
        not 0 <= a < s for a, s in zip(adj, window.stride, strict=True)
    ):
        fail(op, f"adj must be {window.rank} numbers below the stride {window.stride}, not {adj}")
    dims = [static_dim(op, d, "a spatial axis") for d in data.shape[2:]]
    full = [s * (d - 1) + e for s, d, e in zip(window.stride, dims, window.extent, strict=True)]
    pads = zip(full, adj, window.before, window.after, strict=True)
    out = [f + a - b - c for f, a, b, c in pads]
    if min(out) < 1 or min(dims) < 1:
        fail(op, f"the result would have the spatial size {text(out)}")
    return window, out


def _deconvolution_infer(
    data: TensorType, weight: TensorType, bias: TensorType | None, **attrs: Any
) -> TensorType:
    op, groups = DECONVOLUTION, attrs["num_group"]
    dtype = need_float(op, data=data, weight=weight, bias=bias)
    window, out = _deconvolution_window(data, attrs)
    channels = static_dim(op, data.shape[1], "the channel axis of data")
    per_group = static_dim(op, weight.shape[1], "axis 1 of weight") if weight.rank > 1 else 0
    if channels % groups:
        fail(op, f"{channels} channels do not split into {groups} groups")
    expected = (channels, per_group, *window.kernel)
    need_shape(op, "weight", weight, expected, "channels, filters per group, *kernel")
    need_shape(op, "bias", bias, (per_group * groups,), "one for each filter")
    _check_filters(op, attrs, per_group * groups)
    return TensorType((data.shape[0], per_group * groups, *out), dtype)


def _deconvolution_ref(data: Arr, weight: Arr, bias: Arr | None, **attrs: Any) -> Any:
    groups, (n, channels, *dims) = attrs["num_group"], data.shape
    shape = TensorType(data.shape, f64)
    window, out = _deconvolution_window(shape, attrs)
    columns = weight.reshape(groups, channels // groups, math.prod(weight.shape[1:]))
    images = data.reshape(n, groups, channels // groups, math.prod(dims))
    taps = np.matmul(columns.swapaxes(1, 2), images)
    filters = weight.shape[1] * groups
    by_tap = taps.reshape(n, filters, math.prod(window.kernel), *dims)
    span = [o + b + max(a, 0) for o, b, a in zip(out, window.before, window.after, strict=True)]
    padded = np.zeros((n, filters, *span), data.dtype)
    for i, tap in enumerate(np.ndindex(*window.kernel)):
        window.tap(padded, tap, dims)[...] += by_tap[:, :, i]
    return _add_bias(window.crop(padded, out), bias)


def _deconvolution_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    data = o.npx.convolution(g[0], x[1], **_shared(attrs))
    weight = o.ir.convolution_weight_gradient(g[0], x[0], **_shared(attrs))
    return [data, weight, *_bias_grad(o, x, g[0])]


deconvolution = OpDef(
    name=DECONVOLUTION,
    doc="The transpose of npx.convolution: what it does to gradients of its data.\n\n"
    "data (N, C, *spatial), weight (C, filters / num_group, *kernel), bias (filters,); the result "
    "is (N, filters, *out) with out = stride * (size - 1) + extent + adj - pads. All operands have "
    "one floating dtype. IRTypeError where shapes disagree or out would be empty.",
    operands=("data", "weight", "bias?"),
    params=(
        *_WINDOW,
        Param("adj", "ints", (), "rows added at the end of the result, below the stride"),
        _FILTERS,
        _GROUP,
        _LAYOUT,
    ),
    infer=_deconvolution_infer,
    reference=rounded(_deconvolution_ref),
    gradient=_deconvolution_grad,
    lowering=kernel("deconvolution"),
    expansion=volumes.deconvolution,
    beyond_kernel=volumes.is_volume,
    samples=(
        Sample(((2, 3, 3, 4), (3, 2, 3, 2), (2,)), {"kernel": (3, 2)}, batch=(0,)),
        Sample(
            ((1, 4, 3, 3), (4, 3, 3, 3)),
            {**_GROUPED, "stride": (2, 3), "pad": (1, 0, 0, 1), "adj": (1, 2)},
        ),
        Sample(((1, 2, 4), (2, 1, 3)), {"kernel": 3, "dilate": 2, "num_filter": 1}),
        Sample(((1, 1, 2, 2, 2), (1, 2, 1, 2, 2)), {"kernel": (1, 2, 2), "stride": (2, 1, 1)}),
        Sample(((2, 4, 2, 3, 3), (4, 1, 2, 3, 2), (2,)), {**_VOLUME, "adj": (1, 0, 0)}, batch=(0,)),
    ),
    source="MXNet 2 npx.deconvolution; ONNX ConvTranspose",
)


def _weight_gradient_infer(data: TensorType, out_grad: TensorType, **attrs: Any) -> TensorType:
    op, groups = WEIGHT_GRADIENT, attrs["num_group"]
    dtype = need_float(op, data=data, out_grad=out_grad)
    window = conv_window(op, data.rank, attrs)
    channels = static_dim(op, data.shape[1], "the channel axis of data")
    filters = static_dim(op, out_grad.shape[1], "axis 1 of out_grad") if out_grad.rank > 1 else 0
    if channels % groups or filters % groups:
        fail(op, f"{channels} channels and {filters} filters do not split into {groups} groups")
    expected = (data.shape[0], filters, *window.out(data.shape[2:]))
    need_shape(op, "out_grad", out_grad, expected, "the result of the convolution")
    return TensorType((filters, channels // groups, *window.kernel), dtype)


def _weight_gradient_ref(data: Arr, out_grad: Arr, **attrs: Any) -> Any:
    groups, (n, filters) = attrs["num_group"], out_grad.shape[:2]
    window = window_of(WEIGHT_GRADIENT, data.ndim - 2, attrs)
    columns = _columns(data, window, groups)
    rows = out_grad.reshape(n, groups, filters // groups, columns.shape[-1])
    summed = np.matmul(rows, columns.swapaxes(2, 3)).sum(axis=0, dtype=data.dtype)
    return summed.reshape(filters, data.shape[1] // groups, *window.kernel)


def _weight_gradient_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    adj = _remainder(WEIGHT_GRADIENT, x[0].type, attrs)
    data = o.npx.deconvolution(x[1], g[0], adj=adj, **_shared(attrs))
    return [data, o.npx.convolution(x[0], g[0], **_shared(attrs))]


convolution_weight_gradient = OpDef(
    name=WEIGHT_GRADIENT,
    doc="The gradient of npx.convolution for its weight.\n\n"
    "data (N, C, *spatial) and out_grad (N, filters, *positions) give (filters, C / num_group, "
    "*kernel). Both operands have one floating dtype; IRTypeError where shapes disagree.",
    operands=("data", "out_grad"),
    params=(*_WINDOW, _GROUP),
    infer=_weight_gradient_infer,
    reference=rounded(_weight_gradient_ref),
    gradient=_weight_gradient_grad,
    lowering=kernel("weight_gradient"),
    expansion=volumes.weight_gradient,
    beyond_kernel=volumes.is_volume,
    samples=(
        Sample(((2, 3, 5, 4), (2, 4, 3, 3)), {"kernel": (3, 2)}, batch=(0, 1)),
        Sample(((1, 4, 6, 7), (1, 6, 3, 9)), _GROUPED),
        Sample(((2, 2, 4, 5, 4), (2, 4, 2, 4, 3)), _VOLUME, batch=(0, 1)),
    ),
    source="backward of MXNet 2 npx.convolution",
)

OPS = (convolution, deconvolution, convolution_weight_gradient)
