"""Matrix products, convolutions and pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm, direct
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import DTYPES, Dim
from baryon.ops import TABLE
from baryon.ops.nn_pool import POOLING, pool_counts, pool_window
from baryon.ops.windows import Window, window_of


def _swapped(o: Writer, x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    axes = [*range(x.rank)]
    axes[-2:] = axes[:-3:-1]
    shape = tuple(x.type.shape[a] for a in axes)
    return o.typed(o.onnx.Transpose(x, perm=axes), shape)


def _batch_dot(o: Writer, call: Call, a: Tensor, b: Tensor) -> Tensor:
    a = _swapped(o, a) if call["transpose_a"] else a
    b = _swapped(o, b) if call["transpose_b"] else b
    return o.onnx.MatMul(a, b)


def _dot(o: Writer, call: Call, a: Tensor, b: Tensor) -> Any:
    expansion = TABLE["np.dot"].expansion
    assert expansion is not None
    return expansion(o, (a, b), call.attrs)


def _fully_connected(
    o: Writer, call: Call, x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    if call["flatten"] and x.rank != 2:
        x = o.reshaped(x, (x.type.shape[0], weight.type.shape[1]))
    if x.rank == 2:
        return o.onnx.Gemm(x, weight, bias, transB=1)
    product = o.onnx.MatMul(x, _swapped(o, weight))
    return product if bias is None else o.onnx.Add(product, bias)


def _attributes(window: Window) -> dict[str, Any]:
    return {
        "kernel_shape": window.kernel,
        "strides": window.stride,
        "pads": (*window.before, *window.after),
    }


def _convolution(
    o: Writer, call: Call, data: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    window = window_of(call.opdef.name, data.rank - 2, call.attrs)
    how = {**_attributes(window), "dilations": window.dilate, "group": call["num_group"]}
    return o.onnx.Conv(data, weight, bias, **how)


def _deconvolution(
    o: Writer, call: Call, data: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    window = window_of(call.opdef.name, data.rank - 2, call.attrs)
    how = {**_attributes(window), "dilations": window.dilate, "group": call["num_group"]}
    adj = call["adj"] or (0,) * window.rank
    return o.onnx.ConvTranspose(data, weight, bias, output_padding=adj, **how)


def _pooling(o: Writer, call: Call, data: Tensor) -> Tensor:
    if call["pool_type"] == "max":
        return _max_pool(o, call, data)
    if data.dtype.is_float:
        return _mean_pool(o, call, data)
    wide = DTYPES["f32"]  # sums of whole numbers: exact up to 2^24
    return o.cast(_mean_pool(o, call, o.cast(data, wide)), data.dtype)


def _max_pool(o: Writer, call: Call, data: Tensor) -> Tensor:
    if call["global_pool"]:
        return o.onnx.GlobalMaxPool(data) if data.dtype.is_float else _folded(o, "ReduceMax", data)
    return o.onnx.MaxPool(data, **_pads(_geometry(call, data)))


def _folded(o: Writer, node: str, data: Tensor) -> Tensor:
    return o.node(node, data, o.ints(*range(2, data.rank)), keepdims=1)


def _geometry(call: Call, data: Tensor) -> Window:
    return pool_window(POOLING, data.type.shape[2:], call.attrs)


def _mean_pool(o: Writer, call: Call, data: Tensor) -> Tensor:
    """Averages and sums. A divisor that ONNX does not have is made by a product."""
    if call["global_pool"]:
        if call["pool_type"] == "avg":
            return o.onnx.GlobalAveragePool(data)
        return _folded(o, "ReduceSum", data)
    window = _geometry(call, data)
    taps = math.prod(window.kernel)
    how = _pads(window)
    if call["pool_type"] == "sum":
        return o.onnx.Mul(o.onnx.AveragePool(data, count_include_pad=1, **how), float(taps))
    counts = _counts(call, data.type.shape[2:])
    if (counts == taps).all():
        return o.onnx.AveragePool(data, count_include_pad=1, **how)
    if not call["count_include_pad"]:
        return o.onnx.AveragePool(data, count_include_pad=0, **how)
    mean = o.onnx.AveragePool(data, count_include_pad=1, **how)
    return o.onnx.Mul(mean, o.constant(taps / counts, data.dtype))


def _pads(window: Window) -> dict[str, Any]:
    """Attributes of a pooling node; rows that no window reaches need no negative padding."""
    after = tuple(max(a, 0) for a in window.after)
    apart = {"dilations": window.dilate} if any(d != 1 for d in window.dilate) else {}
    return {**_attributes(window), **apart, "pads": (*window.before, *after)}


def _counts(call: Call, dims: tuple[Dim, ...]) -> Any:
    counts: Any = np.ones(())
    for axis in pool_counts(POOLING, dims, call.attrs):
        counts = np.multiply.outer(counts, axis)
    return counts


def _roi_align(o: Writer, call: Call, data: Tensor, rois: Tensor, images: Tensor) -> Tensor:
    rows, columns = call["pooled_size"]
    return o.onnx.RoiAlign(
        data, rois, o.cast(images, DTYPES["i64"]), output_height=rows, output_width=columns,
        coordinate_transformation_mode="half_pixel" if call["aligned"] else "output_half_pixel",
        sampling_ratio=call["sampling_ratio"], spatial_scale=call["spatial_scale"],
        mode=call["mode"],
    )  # fmt: skip


OPS: tuple[Form | NoForm, ...] = (
    direct("np.matmul", "MatMul"),
    Form("np.dot", _dot),
    Form("npx.batch_dot", _batch_dot),
    Form("npx.fully_connected", _fully_connected),
    Form("npx.convolution", _convolution),
    Form("npx.deconvolution", _deconvolution),
    Form("npx.pooling", _pooling),
    Form("ir.roi_align", _roi_align),
)
