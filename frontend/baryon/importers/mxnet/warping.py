"""Images read at places that a network computes, and shifted against one another.

Spatial transformers (arXiv:1506.02025) and the correlation of optical flow (arXiv:1504.06852).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, integer, text, whole
from baryon.importers.mxnet.node import Node, op
from baryon.npx.sampling import Image, linear
from baryon.ops.shapes import write_shape

_MOST_SHIFTS = 1 << 10
"""A network of optical flow has 441."""
_MOST_PIXELS = 1 << 13
"""Along an axis of a grid: a damaged file can ask for billions."""


def _sampled(x: ndarray, grid: ndarray) -> ndarray:
    """x (N, C, H, W) at grid (N, 2, h, w): columns and rows from -1 to 1; zeros lie around it."""
    sizes = _sizes(x)
    places = np.reshape(grid, (*write_shape(grid.shape[:1]), 2, 1, -1))
    taps = [linear((places[:, 1 - axis] + 1.0) * ((size - 1) / 2))
            for axis, size in enumerate(sizes)]  # fmt: skip
    pixels = np.reshape(x, (*write_shape(x.shape[:2]), -1))
    y = Image(pixels, sizes).weighted(taps)
    return np.reshape(y, write_shape((*x.shape[:2], *grid.shape[2:])))


def _sizes(x: ndarray) -> tuple[int, ...]:
    return tuple(int(str(d)) for d in x.shape[2:])


def _pixels(sizes: Sequence[int]) -> tuple[numpy.ndarray[Any, Any], ...]:
    """Columns and rows of the pixels, (h, w) each."""
    rows, columns = numpy.indices(sizes, dtype=numpy.float32)
    return columns, rows


def _affine(node: Node, matrix: ndarray, sizes: Sequence[int]) -> ndarray:
    """matrix (N, 6) -> places (N, 2, h, w) of a picture that is turned, scaled and moved."""
    if len(sizes) != 2 or not 1 <= min(sizes) <= max(sizes) <= _MOST_PIXELS:
        raise node.unsupported(f"target_shape={tuple(sizes)}")
    places = [at * (2.0 / max(size - 1, 1)) - 1.0
              for at, size in zip(_pixels(sizes), sizes[::-1], strict=True)]  # fmt: skip
    known = numpy.stack([*places, numpy.ones(sizes)]).reshape(3, -1).astype(numpy.float32)
    turned = np.matmul(np.reshape(matrix, (-1, 2, 3)), np.array(known, dtype=matrix.dtype))
    return np.reshape(turned, write_shape((*matrix.shape[:1], 2, *sizes)))


def _moved(flow: ndarray) -> ndarray:
    """flow (N, 2, h, w) in pixels -> the places that it comes from."""
    sizes = _sizes(flow)
    scale = numpy.array([max((n - 1) / 2, 0.5) for n in sizes[::-1]], numpy.float32)
    here = np.array(numpy.stack(_pixels(sizes)), dtype=flow.dtype)
    return (flow + here) / np.array(scale.reshape(2, 1, 1), dtype=flow.dtype) - 1.0


def _grid(node: Node, x: ndarray) -> ndarray:
    kind = node.get(text("transform_type"))
    sizes = node.get(whole("target_shape", (0, 0)))
    if kind == "affine":
        return _affine(node, x, sizes)
    if kind == "warp":
        return _moved(x)
    raise node.unsupported(f"transform_type={kind!r}")


def _transformer(node: Node, x: ndarray, matrix: ndarray) -> ndarray:
    node.ignore("sampler_type", "transform_type")  # there is one of each
    sizes = node.get(whole("target_shape", (0, 0)))
    wanted = tuple(d or n for d, n in zip(sizes, _sizes(x), strict=True))
    return _sampled(x, _affine(node, matrix, wanted))


def _correlation(node: Node, a: ndarray, b: ndarray) -> ndarray:
    """a, b (N, C, H, W) -> (N, shifts, h, w): means over windows of products with b shifted."""
    far, kernel = node.get(integer("max_displacement", 1)), node.get(integer("kernel_size", 1))
    stride, step = node.get(integer("stride1", 1)), node.get(integer("stride2", 1))
    pad, multiply = node.get(integer("pad_size", 0)), node.get(flag("is_multiply", True))
    if (
        kernel % 2 == 0
        or min(kernel, stride, step) < 1
        or not 0 <= min(far, pad) <= max(far, pad) <= _MOST_PIXELS
    ):
        raise node.unsupported(f"kernel_size={kernel}, max_displacement={far}, pad_size={pad}")
    shifts = [step * i for i in range(-(far // step), far // step + 1)]
    if len(shifts) ** 2 > _MOST_SHIFTS:
        raise node.unsupported(f"{len(shifts) ** 2} shifts, {_MOST_SHIFTS} at most")
    a, b = (np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad))) for x in (a, b))
    spans = [_span(node, size, far, kernel, stride) for size in _sizes(a)]
    fixed = _part(a, (far, far), spans)
    compare = _products if multiply else _distances
    rows = [compare(fixed, b, far + shift, far, shifts) for shift in shifts]
    found = np.concatenate(rows, axis=1)
    return npx.pooling(found, (kernel, kernel), (stride, stride), pool_type="avg")


def _span(node: Node, size: int, far: int, kernel: int, stride: int) -> int:
    """How many rows or columns of the padded data the windows cover."""
    count = -(-(size - 2 * (far + kernel // 2)) // stride)
    if count < 1:
        raise node.unsupported(f"{size} rows or columns are too few for max_displacement={far}")
    return (count - 1) * stride + kernel


def _part(x: ndarray, starts: Sequence[int], spans: Sequence[int]) -> ndarray:
    ends = (start + span for start, span in zip(starts, spans, strict=True))
    return npx.slice(x, (None, None, *starts), (None, None, *ends))


def _products(a: ndarray, b: ndarray, row: int, far: int, shifts: Sequence[int]) -> ndarray:
    """(N, shifts, h, w): means of products over channels, at all shifts of the columns.

    A matrix product gives all columns with all, of which a band along the diagonal is taken: that
    is more arithmetic, but in one kernel.
    """
    height, width = _sizes(a)
    other = _part(b, (row, 0), (height, _sizes(b)[1]))
    table = np.matmul(np.transpose(a, (0, 2, 3, 1)), np.transpose(other, (0, 2, 1, 3)))
    band = numpy.add.outer(numpy.arange(width) + far, numpy.array(shifts)).astype(numpy.int32)
    at = np.broadcast_to(np.array(band, dtype="int32"),
                         write_shape((*table.shape[:2], *band.shape)))  # fmt: skip
    found = np.take_along_axis(table, at, axis=-1)
    return np.transpose(found, (0, 3, 1, 2)) / float(str(a.shape[1]))


def _distances(a: ndarray, b: ndarray, row: int, far: int, shifts: Sequence[int]) -> ndarray:
    """As `_products`, of absolute differences."""
    parts = [_part(b, (row, far + shift), _sizes(a)) for shift in shifts]
    return np.concatenate([np.mean(np.abs(a - p), axis=1, keepdims=True) for p in parts], axis=1)


def _bilinear_sampler(_: Node, x: ndarray, grid: ndarray) -> ndarray:
    return _sampled(x, grid)


OPS = (
    op("BilinearSampler", _bilinear_sampler),
    op("GridGenerator", _grid),
    op("SpatialTransformer", _transformer),
    op("Correlation", _correlation),
)
