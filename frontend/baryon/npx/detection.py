"""Object detection: boxes, anchors, regions. Boxes are (xmin, ymin, xmax, ymax) unless told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from baryon.array import ndarray
from baryon.array.types import ArrayLike, Axes
from baryon.npx.common import array, cast, fail, ir, np, npx, pair, sizes


def _columns(x: ndarray) -> list[ndarray]:
    """The four numbers of boxes, each (..., 1)."""
    parts: Any = np.split(x, 4, axis=-1)
    return list(parts)


def _to_corners(x: ndarray, format: str) -> ndarray:
    """Boxes given as (x, y, width, height) around their centre, by their corners."""
    if format == "corner":
        return x
    if format != "center":
        fail("box", f"format={format!r}", "it is 'corner' or 'center'")
    cx, cy, w, h = _columns(x)
    w, h = np.multiply(w, 0.5), np.multiply(h, 0.5)
    return np.concatenate([cx - w, cy - h, cx + w, cy + h], axis=-1)


def _to_centers(x: ndarray) -> ndarray:
    left, top, right, bottom = _columns(x)
    middle = [np.multiply(left + right, 0.5), np.multiply(top + bottom, 0.5)]
    return np.concatenate([*middle, right - left, bottom - top], axis=-1)


def box_iou(lhs: ArrayLike, rhs: ArrayLike, format: str = "corner") -> ndarray:
    """Intersection over union of all pairs of boxes: (*lhs axes, *rhs axes) without their last.

    lhs, rhs: (..., 4). format: corner, or center for (x, y, width, height). 0 for empty unions.
    """
    a, b = _to_corners(array(lhs), format), _to_corners(array(rhs), format)
    few = np.expand_dims(a, axis=tuple(range(a.ndim - 1, a.ndim + b.ndim - 2)))
    low, high = np.maximum(few[..., :2], b[..., :2]), np.minimum(few[..., 2:], b[..., 2:])
    sides = np.maximum(high - low, 0.0)
    inter = sides[..., 0] * sides[..., 1]
    union = _area(few) + _area(b) - inter
    some = np.greater(union, 0.0)
    return np.where(some, inter / np.where(some, union, 1.0), 0.0)


def _area(x: ndarray) -> ndarray:
    sides = np.maximum(x[..., 2:] - x[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def box_nms(
    data: ArrayLike, overlap_thresh: float = 0.5, valid_thresh: float = 0, topk: int = -1,
    coord_start: int = 2, score_index: int = 1, id_index: int = -1, background_id: int = -1,
    force_suppress: bool = False, in_format: str = "corner", out_format: str = "corner",
) -> ndarray:  # fmt: skip
    """Non-maximum suppression: the boxes that are kept, by falling score, then rows of -1.

    data: (..., boxes, K); of a row, score_index is its score, id_index its class (none if
    negative), coord_start the first of its four coordinates. A box is dropped if its score is not
    above valid_thresh, if its class is background_id, if topk others score higher, and if it
    overlaps a kept one of its class (of any class with force_suppress) by more than overlap_thresh.
    Gradients go to the kept rows.
    """
    x = array(data)
    *outer, count, width = sizes("box_nms", x)
    rows = np.reshape(x, (math.prod(outer), count, width))
    found = npx.stop_gradient(rows)
    at = slice(coord_start, coord_start + 4)
    score = found[..., score_index]
    order = ir(
        "nms", score, found[..., id_index] if id_index >= 0 else score,
        _to_corners(found[..., at], in_format), overlap=overlap_thresh, valid=valid_thresh,
        topk=topk, background=background_id, use_classes=id_index >= 0, force=force_suppress,
    )  # fmt: skip
    places = np.broadcast_to(np.expand_dims(order, axis=2), shape=rows.shape)
    kept = np.take_along_axis(_reformed(rows, at, in_format, out_format), np.maximum(places, 0), 1)
    return np.reshape(np.where(np.less(places, 0), -1.0, kept), x.shape)


def _reformed(rows: ndarray, at: slice, old: str, new: str) -> ndarray:
    """Rows with their coordinates in another format."""
    if old == new:
        return rows
    boxes = rows[..., at]
    moved = _to_centers(boxes) if new == "center" else _to_corners(boxes, old)
    return np.concatenate([rows[..., : at.start], moved, rows[..., at.stop :]], axis=-1)


def box_encode(
    samples: ArrayLike, matches: ArrayLike, anchors: ArrayLike, refs: ArrayLike, means: ArrayLike,
    stds: ArrayLike,
) -> list[ndarray]:  # fmt: skip
    """Offsets of matched boxes to their anchors, and a mask of those that count.

    samples: (B, N), 1 for anchors that have a box; matches: (B, N), its number in refs (B, M, 4);
    anchors: (B or 1, N, 4). means, stds: four numbers each: offsets become (offset - mean) / std.
    Returns [offsets, mask], both (B, N, 4), 0 where there is no box.
    """
    truth, boxes = array(refs), array(anchors)
    index = np.expand_dims(np.maximum(cast(array(matches), "int32"), 0), axis=2)
    places = np.broadcast_to(index, shape=(*index.shape[:2], 4))
    wanted = np.take_along_axis(truth, places, axis=1, mode="clip")
    (x, y, w, h), (gx, gy, gw, gh) = (_columns(_to_centers(b)) for b in (boxes, wanted))
    offsets = [(gx - x) / w, (gy - y) / h, np.log(gw / w), np.log(gh / h)]
    scaled = (np.concatenate(offsets, axis=-1) - array(means)) / array(stds)
    taken = np.greater(np.expand_dims(array(samples), axis=2), 0.5)
    mask = np.broadcast_to(taken, shape=scaled.shape)
    return [np.where(mask, scaled, 0.0), cast(mask, scaled.dtype)]


def box_decode(
    data: ArrayLike, anchors: ArrayLike, std0: float = 1.0, std1: float = 1.0, std2: float = 1.0,
    std3: float = 1.0, clip: float = -1.0, format: str = "center",
) -> ndarray:  # fmt: skip
    """The boxes (B, N, 4), by their corners, that offsets (B, N, 4) to anchors (1, N, 4) mean.

    std0 to std3 multiply the offsets; clip, if positive, is the largest logarithm of a ratio of
    sizes. format: of the anchors, corner or center.
    """
    if format not in ("corner", "center"):
        fail("box_decode", f"format={format!r}", "it is 'corner' or 'center'")
    boxes = array(anchors)
    x, y, w, h = _columns(boxes if format == "center" else _to_centers(boxes))
    dx, dy, dw, dh = _columns(array(data))
    dw, dh = np.multiply(dw, std2), np.multiply(dh, std3)
    if clip > 0:
        dw, dh = np.minimum(dw, clip), np.minimum(dh, clip)
    cx, cy = np.multiply(dx, std0) * w + x, np.multiply(dy, std1) * h + y
    half_w, half_h = np.exp(dw) * w * 0.5, np.exp(dh) * h * 0.5
    return np.concatenate([cx - half_w, cy - half_h, cx + half_w, cy + half_h], axis=-1)


def multibox_prior(
    data: ArrayLike, sizes: Sequence[float] = (1.0,), ratios: Sequence[float] = (1.0,),
    clip: bool = False, steps: Sequence[float] = (-1.0, -1.0),
    offsets: Sequence[float] = (0.5, 0.5),
) -> ndarray:  # fmt: skip
    """Anchors at each place of a feature map (N, C, H, W): (1, H * W * kinds, 4).

    The kinds are all sizes with the first ratio (of width to height), then the first size with the
    other ratios; sizes are shares of the image's height. steps: distances of the places in y and x
    as shares of the image, 1 / H and 1 / W unless positive. offsets: of the centre in a step, y and
    x. clip: cut boxes off at 0 and 1.
    """
    x = array(data)
    height, width = x.shape[-2:]
    if x.ndim < 2 or not isinstance(height, int) or not isinstance(width, int):
        fail("multibox_prior", f"data {x.type} must end with fixed height and width")
    step_y, step_x = (s if s > 0 else 1 / n for s, n in zip(steps, (height, width), strict=True))
    cy = (numpy.arange(height) + offsets[0]) * step_y
    cx = (numpy.arange(width) + offsets[1]) * step_x
    kinds = [(s, ratios[0]) for s in sizes] + [(sizes[0], r) for r in ratios[1:]]
    half_w = [s * height / width * math.sqrt(r) / 2 for s, r in kinds]
    half_h = [s / math.sqrt(r) / 2 for s, r in kinds]
    sides = numpy.stack([half_w, half_h, half_w, half_h], axis=1) * [-1, -1, 1, 1]
    grid = numpy.stack(numpy.meshgrid(cx, cy), axis=-1)
    anchors = numpy.tile(grid, 2)[:, :, None] + sides
    anchors = anchors.clip(0, 1) if clip else anchors
    return array(anchors.reshape(1, -1, 4), "float32")


def roi_pooling(
    data: ArrayLike, rois: ArrayLike, pooled_size: Axes = (), spatial_scale: float = 1.0
) -> ndarray:
    """The maximum over each bin of each region of interest: (R, C, *pooled_size).

    data: (N, C, H, W). rois: (R, 5), the number of an image and a box with both corners included,
    which spatial_scale brings to the coordinates of data, rounded. pooled_size: rows and columns of
    bins. Empty bins give 0. Only data has a gradient.
    """
    bins = pair(pooled_size, 2, 1)
    pooled, _ = ir("roi_pooling", data, rois, pooled_size=bins, spatial_scale=spatial_scale)
    return pooled  # type: ignore[no-any-return]


PUBLIC = (box_iou, box_nms, box_encode, box_decode, multibox_prior, roi_pooling)
