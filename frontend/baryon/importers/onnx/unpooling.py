"""Maxima of windows with their places, and back: MaxPool and MaxUnpool."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp, Operand, shape_of
from baryon.importers.onnx.pooling import pool_attributes
from baryon.ir import Array
from baryon.ops import TABLE, Calls
from baryon.ops.nn_pool import POOLING, pool_window
from baryon.ops.windows import Window


def _max_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    columns_first = bool(node.attr("storage_order", 0))
    attrs = pool_attributes(node, x)
    largest = o.npx.pooling(x, pool_type="max", **attrs)
    if len(node.outputs) < 2 or not node.outputs[1]:
        return largest
    window = pool_window(POOLING, shape_of(x)[2:], TABLE[POOLING].normalize(attrs))
    places = by_arrays(lambda _, data: _places(node, data, window, columns_first))
    return largest, places(o, node, x)


def _places(node: Node, x: ndarray, window: Window, columns_first: bool) -> ndarray:
    """The place of each window's first maximum in x as flat: int64 of the pooling's shape.

    columns_first: each image counts its elements with the first spatial axis fastest.
    """
    sizes = [node.number(d, "a dimension") for d in x.shape]
    counts = window.out(sizes[2:])
    taps = [*numpy.ndindex(*window.kernel)]
    seen = _padded(x, window)
    best = np.argmax(np.stack([seen[_seen(window, t, counts)] for t in taps]), axis=0)
    steps = _steps(sizes[2:], columns_first)
    starts = [
        (numpy.arange(n) * s - b) * step
        for n, s, b, step in zip(counts, window.stride, window.before, steps, strict=True)
    ]
    images = numpy.arange(prod(sizes[:2])).reshape(*sizes[:2], *[1] * window.rank)
    moved = numpy.asarray(taps) @ (numpy.asarray(window.dilate) * steps)
    place = np.take(_whole(moved), best) + _whole(images * prod(sizes[2:]))
    for start in numpy.ix_(*starts):
        place = place + _whole(start)
    return place


def _whole(x: Array) -> ndarray:
    return np.array(x, dtype="int64")


def _steps(sizes: Sequence[int], columns_first: bool) -> Array:
    """How far apart neighbours along each axis are in an image."""
    before = [prod(sizes[:a]) if columns_first else prod(sizes[a + 1 :]) for a in range(len(sizes))]
    return numpy.asarray(before)


def _padded(x: ndarray, window: Window) -> ndarray:
    """x with padding that wins no maximum."""
    dtype: Any = x.dtype
    least = numpy.iinfo(dtype).min if dtype.kind in "iu" else -numpy.inf
    widths = [(b, max(a, 0)) for b, a in zip(window.before, window.after, strict=True)]
    return np.pad(x, [(0, 0), (0, 0), *widths], constant_values=least)


def _seen(window: Window, tap: Sequence[int], counts: Sequence[int]) -> tuple[slice, ...]:
    """What the windows see at one tap."""
    axes = zip(tap, window.dilate, window.stride, counts, strict=True)
    spans = [slice(t * d, t * d + s * (n - 1) + 1, s) for t, d, s, n in axes]
    return (slice(None), slice(None), *spans)


def _max_unpool(node: Node, x: ndarray, places: ndarray, wanted: ndarray | None = None) -> ndarray:
    kernel = node.ints("kernel_shape")
    stride = node.ints("strides", (1,) * len(kernel))
    pads = node.ints("pads", (0,) * 2 * len(kernel))
    sizes = [node.number(d, "a dimension") for d in x.shape]
    shape = sizes[:2]
    for axis, (size, s, k) in enumerate(zip(sizes[2:], stride, kernel, strict=True)):
        shape.append((size - 1) * s + k - pads[axis] - pads[axis + len(kernel)])
    empty = np.zeros((prod(shape),), dtype=x.dtype)
    index = np.reshape(places, (1, -1))
    y = np.reshape(npx.index_update(empty, index, np.reshape(x, -1)), shape)
    if wanted is None:
        return y
    ends = [(0, int(w) - n) for w, n in zip(wanted.asnumpy(), shape, strict=True)]
    return np.pad(y, ends)


OPS = (
    OnnxOp("MaxPool", _max_pool),
    OnnxOp("MaxUnpool", by_arrays(_max_unpool), since=9),
)
