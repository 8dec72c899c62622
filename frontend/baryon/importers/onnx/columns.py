"""Col2Im: windows of images back to images."""

from __future__ import annotations

from math import prod

import numpy

from baryon import np
from baryon.array import ndarray, op
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp
from baryon.ops.shapes import write_shape
from baryon.ops.windows import Window


def _col2im(node: Node, x: ndarray, image: ndarray, block: ndarray) -> ndarray:
    sizes, kernel = (tuple(int(n) for n in v.asnumpy()) for v in (image, block))
    ones = (1,) * len(sizes)
    pads = node.ints("pads", (0,) * 2 * len(sizes))
    stride, dilate = node.ints("strides", ones), node.ints("dilations", ones)
    begin, end = pads[: len(sizes)], pads[len(sizes) :]
    window = Window("Col2Im", kernel, stride, dilate, begin, end)
    padded = [b + n + e for b, n, e in zip(begin, sizes, end, strict=True)]
    places = _places(window, sizes, padded)
    channels = node.number(x.shape[1], "the axis of windows") // prod(kernel)
    lead = (x.shape[0], channels)
    updates = np.reshape(x, write_shape((*lead, places.size)))
    index = np.array(places.reshape(-1), dtype="int64")
    flat = op("ir.scatter_add")(index, updates, size=prod(padded), axis=2)
    whole = np.reshape(flat, write_shape((*lead, *padded)))
    kept = tuple(slice(b, b + n) for b, n in zip(begin, sizes, strict=True))
    return whole[(slice(None), slice(None), *kept)]


def _places(
    window: Window, sizes: tuple[int, ...], padded: list[int]
) -> numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.int64]]:
    """Where in a padded image as flat each window's elements are: (taps, positions)."""
    axes = zip(window.kernel, window.dilate, window.stride, window.out(sizes), strict=True)
    along = [numpy.arange(k)[:, None] * d + numpy.arange(n) * s for k, d, s, n in axes]
    total = numpy.zeros((1, 1), numpy.int64)
    for size, place in zip(padded, along, strict=True):
        joined = total[:, None, :, None] * size + place[None, :, None, :]
        total = joined.reshape(total.shape[0] * place.shape[0], -1)
    return total


OPS = (OnnxOp("Col2Im", by_arrays(_col2im), since=18),)
