"""Regions that a network proposes, and averages in them that depend on the place.

Faster R-CNN (arXiv:1506.01497) and R-FCN (arXiv:1605.06409).
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, integer, number, numbers
from baryon.importers.mxnet.node import Node, op
from baryon.npx.common import cast

_NEVER = -2.0
"""A score below that of boxes which are out of the image or too small, -1."""
_MOST_BOXES, _MOST_BINS = 1 << 16, 1 << 8
_COUNTS = (("feature_stride", 16), ("rpn_post_nms_top_n", 300))


def _proposal(node: Node, scores: ndarray, deltas: ndarray, info: ndarray) -> Any:
    """scores (N, 2 A, h, w), deltas (N, 4 A, h, w), info (N, 3): rows, columns and scale of images.

    Returns (N * count, 5), image and corners of the boxes that are kept, from the first again where
    there are too few, and their scores.
    """
    stride, count = (node.get(integer(*a)) for a in _COUNTS)
    anchors = _anchors(stride, node.get(numbers("scales", (4.0, 8.0, 16.0, 32.0))),
                       node.get(numbers("ratios", (0.5, 1.0, 2.0))))  # fmt: skip
    images, channels, *cells = (int(str(d)) for d in deltas.shape)
    if channels != 4 * len(anchors) or not 1 <= count <= _MOST_BOXES:
        raise node.unsupported(f"{len(anchors)} anchors and {count} boxes of {channels} deltas")
    rows, columns, scale = (info[:, i].reshape(-1, 1, 1) for i in range(3))
    shifts = numpy.indices(cells)[::-1].reshape(2, -1).T * stride  # columns, rows
    boxes = (numpy.tile(shifts, 2)[:, None] + anchors).reshape(-1, 4).astype(numpy.float32)
    move = _added if node.get(flag("iou_loss", False)) else _scaled
    moved = move(np.array(boxes, dtype=deltas.dtype), _rows(deltas, len(anchors), 4))
    ends = (columns - 1.0, rows - 1.0) * 2
    corners = [np.maximum(np.minimum(x, e), 0.0) for x, e in zip(moved, ends, strict=True)]
    score = _rows(scores[:, len(anchors) :], len(anchors), 1)
    for at, size in zip(shifts.T // stride, (columns, rows), strict=True):
        place = numpy.repeat(at, len(anchors)).reshape(1, -1, 1).astype(numpy.float32)
        beyond = np.greater_equal(np.array(place), np.trunc(size / float(stride)))
        score = np.where(beyond, -1.0, score)
    least = scale * node.get(integer("rpn_min_size", 16))
    corners, score = _without_small(corners, score, least)
    kept = _kept(node, np.concatenate([np.ones_like(score), score, *corners], axis=-1), count)
    flat = np.reshape(kept, (images * count, 6))
    image = np.array(numpy.repeat(numpy.arange(images), count).reshape(-1, 1), dtype=flat.dtype)
    found = np.concatenate([image, flat[:, 2:]], axis=1)
    return [found, flat[:, 1:2]] if node.get(flag("output_score", False)) else found


def _anchors(
    stride: int, scales: tuple[float, ...], ratios: tuple[float, ...]
) -> numpy.ndarray[Any, Any]:
    """Boxes around the first place (A, 4), the corners included; sizes are rounded as MXNet's."""
    middle, found = 0.5 * (stride - 1), []
    for ratio in ratios:
        wide = math.floor(math.sqrt(math.floor(stride * stride / ratio)) + 0.5)
        tall = math.floor(wide * ratio + 0.5)
        for scale in scales:
            half = (0.5 * (wide * scale - 1), 0.5 * (tall * scale - 1))
            found.append([middle - half[0], middle - half[1], middle + half[0], middle + half[1]])
    return numpy.array(found, numpy.float32)


def _rows(x: ndarray, anchors: int, width: int) -> ndarray:
    """(N, A * width, h, w) as (N, h * w * A, width)."""
    images, _, height, columns = (int(str(d)) for d in x.shape)
    split = np.reshape(x, (images, anchors, width, height, columns))
    return np.reshape(np.transpose(split, (0, 3, 4, 1, 2)), (images, -1, width))


def _scaled(boxes: ndarray, moves: ndarray) -> list[ndarray]:
    """Left, top, right, bottom of boxes whose middles are moved and whose sizes are scaled."""
    low, high = boxes[:, :2], boxes[:, 2:]
    size = high - low + 1.0
    middle = moves[..., :2] * size + (low + 0.5 * (size - 1.0))
    half = (np.exp(moves[..., 2:]) * size - 1.0) * 0.5
    return _columns(np.concatenate([middle - half, middle + half], axis=-1))


def _added(boxes: ndarray, moves: ndarray) -> list[ndarray]:
    """As `_scaled`, of boxes whose corners are moved."""
    return _columns(boxes + moves)


def _columns(x: ndarray) -> list[ndarray]:
    return [x[..., i : i + 1] for i in range(4)]


def _without_small(
    corners: list[ndarray], score: ndarray, least: ndarray
) -> tuple[list[ndarray], ndarray]:
    """Boxes below a size get a score of -1, and are made larger."""
    left, top, right, bottom = corners
    small = np.logical_or(np.less(right - left + 1.0, least), np.less(bottom - top + 1.0, least))
    by = np.where(small, least * 0.5, 0.0)
    return [left - by, top - by, right + by, bottom + by], np.where(small, -1.0, score)


def _kept(node: Node, rows: ndarray, count: int) -> ndarray:
    """The first `count` rows of 1, score and box that overlap no better one too much.

    The corners belong to boxes, so their ends are a pixel further where areas are compared.
    """
    most = node.get(integer("rpn_pre_nms_top_n", 6000))
    total = int(str(rows.shape[1]))
    one = np.array(numpy.array([0, 0, 0, 0, 1, 1], numpy.float32), dtype=rows.dtype)
    kept = npx.box_nms(
        rows + one, overlap_thresh=node.get(number("threshold", 0.7)), valid_thresh=_NEVER,
        topk=most if 0 < most < total else -1, force_suppress=True,
    )  # fmt: skip
    found = np.sum(np.greater(kept[..., 0], 0.0).astype("int32"), axis=1, keepdims=True)
    at = np.mod(np.array(numpy.arange(count, dtype=numpy.int32)), np.minimum(found, count))
    shape = (int(str(rows.shape[0])), count, 6)
    index = np.broadcast_to(np.expand_dims(at, axis=2), shape)
    return np.take_along_axis(kept, index, axis=1) - one


def _ps_roi_pooling(node: Node, x: ndarray, rois: ndarray) -> ndarray:
    """x (N, outputs * G * G, H, W), rois (R, 5) -> (R, outputs, P, P): averages of whole pixels.

    Each bin reads channels of its own. Sums of rectangles come from sums of all that is left of and
    above a pixel, in float64, so that their differences are exact enough.
    """
    outputs, bins = node.get(integer("output_dim")), node.get(integer("pooled_size"))
    groups = node.get(integer("group_size", 0)) or bins
    scale = node.get(number("spatial_scale"))
    channels, height, width = (int(str(d)) for d in x.shape[1:])
    if (
        not 1 <= min(outputs, bins, groups) <= max(bins, groups) <= _MOST_BINS
        or channels != outputs * groups * groups
    ):
        raise node.unsupported(f"{channels} channels for {outputs} outputs of {groups} groups")
    sums = np.cumsum(np.cumsum(cast(x, "float64"), axis=2), axis=3)
    sums = np.pad(sums, ((0, 0), (0, 0), (1, 0), (1, 0)))
    left, right = _edges(rois[:, 1], rois[:, 3], bins, width, scale)
    top, bottom = _edges(rois[:, 2], rois[:, 4], bins, height, scale)
    group = numpy.arange(bins) * groups // bins
    channel = (numpy.arange(outputs)[:, None, None] * groups + group[:, None]) * groups + group
    first = cast(rois[:, :1], "int32").reshape(-1, 1, 1, 1) * channels
    plane = (first + np.array(channel.astype(numpy.int32), dtype="int32")) * (height + 1)
    flat = np.reshape(sums, (-1,))

    def at(row: ndarray, column: ndarray) -> ndarray:
        place = (plane + row.reshape(-1, 1, bins, 1)) * (width + 1) + column.reshape(-1, 1, 1, bins)
        found: ndarray = np.take(flat, place, mode="clip")
        return found

    total = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
    area = (np.maximum(bottom - top, 0).reshape(-1, 1, bins, 1)
            * np.maximum(right - left, 0).reshape(-1, 1, 1, bins))  # fmt: skip
    mean = cast(total, x.dtype) / cast(np.maximum(area, 1), x.dtype)
    found: ndarray = np.where(np.greater(area, 0), mean, 0.0)
    return found


def _edges(
    low: ndarray, high: ndarray, bins: int, size: int, scale: float
) -> tuple[ndarray, ndarray]:
    """The pixels at which bins of an axis begin and end, (R, bins) each."""
    start = np.expand_dims(_round(low) * scale, axis=1)
    end = np.expand_dims((_round(high) + 1.0) * scale, axis=1)
    width = np.maximum(end - start, 0.1) / float(bins)
    number_of = np.array(numpy.arange(bins, dtype=numpy.float32))
    first, last = np.floor(number_of * width + start), np.ceil((number_of + 1.0) * width + start)
    return tuple(cast(np.clip(v, 0.0, float(size)), "int32") for v in (first, last))  # type: ignore[return-value]


def _round(x: ndarray) -> ndarray:
    """Halves away from zero."""
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


OPS = (
    op("_contrib_Proposal _contrib_MultiProposal", _proposal),
    op("_contrib_PSROIPooling", _ps_roi_pooling),
)
