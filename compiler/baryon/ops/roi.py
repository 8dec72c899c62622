"""Pooling over regions that are operands."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType, i32
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, absent
from baryon.ops.shapes import fail, need_float, static_dim, text

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
    lowering=absent("it runs on the host: the bounds of its windows are data"),
    samples=(
        Sample(((2, 2, 5, 4), (1, 5)), {"pooled_size": (2, 2), "spatial_scale": 1.5},
               positive=True),
    ),
    source="arXiv:1504.08083; MXNet 2 npx.roi_pooling",
)  # fmt: skip

OPS = (roi_pooling,)
