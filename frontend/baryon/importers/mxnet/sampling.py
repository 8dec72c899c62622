"""Images in other sizes: bilinear resizing, each axis as a product with a matrix of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from baryon import np
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, integer, number, text
from baryon.importers.mxnet.node import Node, op

_MODES: dict[str, Callable[[int, float], int]] = {
    "odd_scale": lambda n, scale: int(n * scale) if n % 2 == 0 else int((n - 1) * scale) + 1,
    "to_even_down": lambda n, scale: n - n % 2,
    "to_even_up": lambda n, scale: n + n % 2,
    "to_odd_down": lambda n, scale: n if n % 2 else n - 1,
    "to_odd_up": lambda n, scale: n if n % 2 else n + 1,
}
"""Sizes of results that follow from the data's."""


def _bilinear_resize(node: Node, x: ndarray, like: Any = None) -> ndarray:
    sizes = tuple(int(str(d)) for d in x.shape[2:])
    wanted = _wanted(node, sizes, like)
    aligned = bool(node.get(flag("align_corners", True)))
    for axis, (size, out) in enumerate(zip(sizes, wanted, strict=True), 2):
        x = _weighted(x, axis, weights(size, out, aligned))
    return x


def _wanted(node: Node, sizes: tuple[int, ...], like: Any) -> tuple[int, ...]:
    mode = node.get(text("mode", "size"))
    fixed = (node.get(integer("height", 1)), node.get(integer("width", 1)))
    scales = (node.get(number("scale_height", None)), node.get(number("scale_width", None)))
    if mode == "like":
        return tuple(int(str(d)) for d in like.shape[2:])
    if mode == "size":
        pairs = zip(sizes, fixed, scales, strict=True)
        return tuple(out if scale is None else int(n * scale) for n, out, scale in pairs)
    if mode not in _MODES:
        raise node.unsupported(f"mode={mode!r}")
    return tuple(_MODES[mode](n, scale or 1.0) for n, scale in zip(sizes, scales, strict=True))


def weights(size: int, out: int, aligned: bool) -> numpy.ndarray[Any, Any]:
    """(size, out): how much of each element of an axis goes to each of the result.

    aligned: the first and last elements lie on one another; else the borders of the elements do.
    """
    places = numpy.arange(out, dtype=numpy.float32)
    if aligned:
        at = places * numpy.float32((size - 1) / max(out - 1, 1) if out > 1 else 0.0)
    else:
        at = numpy.maximum((places + numpy.float32(0.5)) * numpy.float32(size / out)
                           - numpy.float32(0.5), 0)  # fmt: skip
    low = numpy.minimum(at.astype(numpy.int64), size - 1)
    high = numpy.minimum(low + 1, size - 1)
    part = at - low
    found = numpy.zeros((size, out), numpy.float32)
    numpy.add.at(found, (low, numpy.arange(out)), 1 - part)
    numpy.add.at(found, (high, numpy.arange(out)), part)
    return found


def _weighted(x: ndarray, axis: int, matrix: numpy.ndarray[Any, Any]) -> ndarray:
    """One axis times a matrix."""
    by = np.array(matrix, dtype=x.dtype)
    if axis == x.ndim - 1:
        return np.matmul(x, by)
    return np.matmul(np.array(numpy.ascontiguousarray(matrix.T), dtype=x.dtype), x)


OPS = (op("_contrib_BilinearResize2D", _bilinear_resize),)
