"""Pooling over regions that are operands: maxima of pixels, and averages between pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType, i32
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail, need_float, need_indices, same_dtype, static_dim, text

_OP = "ir.roi_pooling"


def _infer(data: TensorType, rois: TensorType, pooled_size: Any, spatial_scale: float) -> Any:
    need_float(_OP, data=data, rois=rois)
    if data.rank != 4 or rois.rank != 2 or rois.shape[1] != 5:
        fail(_OP, f"data {text(data.shape)} and rois {text(rois.shape)} must be (N, C, H, W) and "
             "(regions, 5)")  # fmt: skip
    if len(pooled_size) != 2 or min(pooled_size) < 1 or spatial_scale <= 0:
        fail(_OP, f"pooled_size={pooled_size}, spatial_scale={spatial_scale} must be positive")
    for dim in data.shape:
        static_dim(_OP, dim, "an axis of data")
    shape = (rois.shape[0], data.shape[1], *pooled_size)
    return data.with_shape(shape), TensorType(shape, i32)


def _bins(start: float, end: float, count: int, size: int, scale: float) -> list[tuple[int, int]]:
    """The ranges of an axis that the bins of a region cover; halves round away from zero."""
    low, high = (int(np.floor(abs(v * scale) + 0.5) * np.sign(v)) for v in (start, end))
    width = max(high - low + 1, 1) / count
    edges = [(int(np.floor(i * width)), int(np.ceil((i + 1) * width))) for i in range(count)]
    return [(min(max(a + low, 0), size), min(max(b + low, 0), size)) for a, b in edges]


def _ref(data: Arr, rois: Arr, pooled_size: tuple[int, int], spatial_scale: float) -> Any:
    _, channels, height, width = data.shape
    out = np.zeros((len(rois), channels, *pooled_size), data.dtype)
    place = np.full(out.shape, -1, np.int32)
    for r, (image, x0, y0, x1, y1) in enumerate(rois.tolist()):
        rows = _bins(y0, y1, pooled_size[0], height, spatial_scale)
        columns = _bins(x0, x1, pooled_size[1], width, spatial_scale)
        base = (int(image) * channels + np.arange(channels)) * height
        for i, j in np.ndindex(*pooled_size):
            (top, bottom), (left, right) = rows[i], columns[j]
            part = data[int(image), :, top:bottom, left:right].reshape(channels, -1)
            if not part.size:
                continue
            best = part.argmax(axis=1)
            row, column = np.divmod(best, right - left)
            out[r, :, i, j] = part[np.arange(channels), best]
            place[r, :, i, j] = (base + top + row) * width + left + column
    return out, place


def _grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    empty = o.np.less(y[1], 0)
    updates = o.np.reshape(o.np.where(empty, 0.0, g[0]), newshape=(-1,))
    size = x[0].type.numel()
    places = o.np.reshape(y[1], newshape=(-1,))
    flat = o.ir.scatter_add(places, updates, size=size)
    return [reshape_like(o, flat, x[0]), None]


roi_pooling = OpDef(
    name=_OP,
    doc="The maximum over each of a grid of bins of each region of interest.\n\n"
    "data (N, C, H, W); rois (R, 5): image, xmin, ymin, xmax, ymax, the corners included, times "
    "spatial_scale and rounded; one floating dtype (IRTypeError otherwise). Results: (R, C, "
    "*pooled_size), 0 in empty bins; and in data as flat the place of each maximum, -1 for none.",
    operands=("data", "rois"),
    params=(
        Param("pooled_size", "ints", REQUIRED, "rows and columns of bins"),
        Param("spatial_scale", "float", REQUIRED, "from the coordinates of rois to those of data"),
    ),
    infer=_infer,
    reference=rounded(_ref),
    gradient=_grad,
    lowering=kernel("roi"),
    samples=(
        Sample(((2, 2, 5, 4), (1, 5)), {"pooled_size": (2, 2), "spatial_scale": 1.5},
               positive=True),
    ),
    source="arXiv:1504.08083; MXNet 2 npx.roi_pooling",
)  # fmt: skip

_ALIGN = "ir.roi_align"

MOST_SAMPLES = 2
"""Samples of a bin along an axis, in units of the axis' size, that an adaptive number may reach."""


def _align_infer(
    data: TensorType, rois: TensorType, images: TensorType, pooled_size: Any,
    sampling_ratio: int, **attrs: Any,
) -> TensorType:  # fmt: skip
    need_float(_ALIGN, data=data, rois=rois)
    same_dtype(_ALIGN, data=data, rois=rois)
    need_indices(_ALIGN, images)
    regions = rois.shape[:1]
    if data.rank != 4 or rois.shape != (*regions, 4) or images.shape != regions:
        fail(_ALIGN, f"data {text(data.shape)}, rois {text(rois.shape)} and images "
             f"{text(images.shape)} must be (N, C, H, W), (regions, 4) and (regions)")  # fmt: skip
    if len(pooled_size) != 2 or min(pooled_size) < 1 or sampling_ratio < 0:
        fail(_ALIGN, f"pooled_size={pooled_size}, sampling_ratio={sampling_ratio} must be positive")
    for dim in data.shape:
        static_dim(_ALIGN, dim, "an axis of data")
    return data.with_shape((*regions, data.shape[1], *pooled_size))


Taps = tuple[Arr, Arr, Arr, Arr]


def _taps(low: Any, high: Any, bins: int, size: int, attrs: Attrs) -> Taps:
    """Pixels on both sides of the samples of an axis and their weights, (bins, samples) each."""
    scale, shift = (low.dtype.type(v) for v in (attrs["spatial_scale"], 0.5 * attrs["aligned"]))
    start, length = low * scale - shift, (high - low) * scale
    length = length if attrs["aligned"] else max(length, low.dtype.type(1))
    width = length / low.dtype.type(bins)
    ratio = attrs["sampling_ratio"]
    count = ratio or int(np.clip(np.ceil(width), 0, MOST_SAMPLES * size))
    inner = (np.arange(count).astype(low.dtype) + low.dtype.type(0.5)) * (width / max(count, 1))
    at = start + np.arange(bins).astype(low.dtype)[:, None] * width + inner
    inside = (at >= -1) & (at <= size)
    at = np.clip(at, 0, size - 1)
    before = np.floor(at)
    part = at - before
    after = np.minimum(before + 1, size - 1)
    places = (before.astype(np.int64), after.astype(np.int64))
    return (*places, (1 - part) * inside, part * inside)


def _align_ref(
    data: Arr, rois: Arr, images: Arr, pooled_size: tuple[int, int], mode: str, **attrs: Any
) -> Any:
    bins, sizes = pooled_size, data.shape[2:]
    out = np.zeros((len(rois), data.shape[1], *bins), data.dtype)
    for r, (x0, y0, x1, y1) in enumerate(rois):
        top, bottom, *row_weights = _taps(y0, y1, bins[0], sizes[0], attrs)
        left, right, *column_weights = _taps(x0, x1, bins[1], sizes[1], attrs)
        image = data[np.clip(images[r], 0, len(data) - 1)]
        corners = [
            image[:, rows[:, :, None, None], columns] * (by[:, :, None, None] * along)
            for rows, by in zip((top, bottom), row_weights, strict=True)
            for columns, along in zip((left, right), column_weights, strict=True)
        ]  # (C, rows of bins, samples, columns of bins, samples) each
        if not corners[0].size:
            continue
        if mode == "max":
            out[r] = np.max(corners, axis=(0, 3, 5))
        else:
            out[r] = sum(corners).mean(axis=(2, 4))
    return out


roi_align = OpDef(
    name=_ALIGN,
    doc="The average of samples in each of a grid of bins of each region of interest.\n\n"
    "data (N, C, H, W); rois (R, 4): xmin, ymin, xmax, ymax, times spatial_scale; one floating "
    "dtype; images (R): whole numbers, which image a region is in, brought into [0, N). Samples "
    "lie evenly in a bin and are interpolated between four pixels; those more than a pixel outside "
    "are 0. mode max gives the largest of all samples' weighted pixels. IRTypeError for operands "
    f"that do not fit. An adaptive number of samples is at most {MOST_SAMPLES} times the size.",
    operands=("data", "rois", "images"),
    params=(
        Param("pooled_size", "ints", REQUIRED, "rows and columns of bins"),
        Param("spatial_scale", "float", 1.0, "from the coordinates of rois to those of data"),
        Param("sampling_ratio", "int", 0, "samples of a bin along an axis; 0: one a pixel or more"),
        Param("aligned", "bool", True, "the middle of a pixel is at 0.5; else at 0, and regions "
              "have at least a pixel"),
        Param("mode", "str", "avg", "how samples are joined", choices=("avg", "max")),
    ),
    infer=_align_infer,
    reference=rounded(_align_ref),
    gradient=absent("the gradient of regions between pixels is not defined yet"),
    lowering=kernel("roi"),
    samples=(
        *(Sample(((2, 3, 6, 5), (4, 4), (4,)), {"pooled_size": (2, 3), **attrs},
                 dtypes=("f32", "f32", "i64"), high=2)
        for attrs in ({}, {"aligned": False, "spatial_scale": 1.5}, {"sampling_ratio": 2},
                      {"mode": "max", "aligned": False, "sampling_ratio": 2})),
        Sample(((1, 2, 4, 4), (2, 4), (2,)), {"pooled_size": (1, 1), "spatial_scale": 2.0},
               dtypes=("f64", "f64", "i32"), positive=True, high=1),
        Sample(((1, 2, 4, 4), (0, 4), (0,)), {"pooled_size": (1, 1)}, dtypes=("f32", "f32", "i64")),
    ),
    source="arXiv:1703.06870; ONNX RoiAlign",
)  # fmt: skip

OPS = (roi_pooling, roi_align)
