"""Maxima over regions of images: MaxRoiPool has no kernel of today's opset in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import f64, i32, i64
from baryon.ops.manipulation import END


def _pooled(o: Writer, call: Call, data: Tensor, rois: Tensor) -> Any:
    """A Scan over regions; which cells are in which bins is known before, axis by axis."""
    corners = o.np.multiply(o.typed(o.cast(rois, f64), rois.shape), call["spatial_scale"])
    sizes, bins = data.type.shape[2:], call["pooled_size"]
    rows, columns = (
        _cells(o, _column(o, corners, 2 - a), _column(o, corners, 4 - a), bins[a], sizes[a])
        for a in range(2)
    )
    images = o.typed(o.cast(_column(o, rois, 0), i64), rois.type.shape[:1])
    inner = o.inner()
    given = [
        Tensor(o.file.unique(f"{o.label}/{name}"), x.dtype, x.type.shape[1:])
        for name, x in (("rows", rows), ("columns", columns), ("image", images))
    ]
    graph = inner.graph(given, _region(inner, data, *given))
    return o.with_graphs(
        "Scan", [rows, columns, images], [t.dtype for t in call.types],
        body=graph, num_scan_inputs=len(given),
    )  # fmt: skip


def _column(o: Writer, rois: Tensor, place: int) -> Any:
    """One of the five numbers of regions, (R)."""
    return o.np.squeeze(o.npx.slice(rois, begin=(0, place), end=(END, place + 1)), axis=1)


def _cells(o: Writer, start: Tensor, end: Tensor, bins: int, size: Any) -> Any:
    """Which cells of an axis are in which bins of a region, (R, bins, size); ends are included."""
    low, high = (o.npx.round_ste(x) for x in (start, end))
    extent = o.np.maximum(o.np.add(o.np.subtract(high, low), 1.0), 1.0)
    width, low = (o.np.expand_dims(x, axis=(1,)) for x in (o.np.divide(extent, bins), low))
    numbers, places = (_row(o, np.arange(n, dtype=np.float64)) for n in (bins, size))
    first = o.np.add(o.np.floor(o.np.multiply(numbers, width)), low)
    last = o.np.add(o.np.ceil(o.np.multiply(o.np.add(numbers, 1.0), width)), low)
    first, last = (o.np.expand_dims(x, axis=(2,)) for x in (first, last))
    return o.np.logical_and(o.np.greater_equal(places, first), o.np.less(places, last))


def _row(o: Writer, numbers: Any) -> Tensor:
    return o.constant(numbers[None])


def _region(o: Writer, data: Tensor, rows: Tensor, columns: Tensor, image: Tensor) -> list[Tensor]:
    """One region: maxima (C, *bins) over columns, then over rows, and their places in data."""
    _, channels, height, width = (int(str(d)) for d in data.type.shape)
    cells = o.np.take(data, image, axis=0)
    across = o.np.where(columns, o.np.expand_dims(cells, axis=(2,)), -np.inf)  # (C, H, bins, W)
    best, column = (o.np.expand_dims(x, axis=(1,)) for x in _largest(o, across, 3))
    inside = o.np.expand_dims(rows, axis=(2,))  # (bins, H, 1)
    top, row = _largest(o, o.np.where(inside, best, -np.inf), 2)
    each = (channels, top.type.shape[1], *column.type.shape[2:])
    column = o.np.broadcast_to(column, shape=each)
    column = o.np.take_along_axis(column, o.np.expand_dims(row, axis=(2,)), axis=2)
    channel = o.np.add(
        o.np.multiply(image, channels), o.constant(np.arange(channels)[:, None, None])
    )
    line = o.np.add(o.np.multiply(channel, height), row)
    place = o.np.add(o.np.multiply(line, width), o.np.squeeze(column, axis=2))
    full = o.np.not_equal(top, -np.inf)
    return [o.np.where(full, top, 0.0), o.npx.cast(o.np.where(full, place, -1), dtype=i32)]


def _largest(o: Writer, x: Tensor, axis: int) -> tuple[Any, Any]:
    """The maxima along an axis, and where the first of each is."""
    return o.np.max(x, axis=(axis,)), o.np.argmax(x, axis=axis)


OPS: tuple[Form | NoForm, ...] = (Form("ir.roi_pooling", _pooled),)
