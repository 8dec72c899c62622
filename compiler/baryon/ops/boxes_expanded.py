"""Choices among boxes in calls of other ops: sorting, and the suppression of boxes in order.

A row that is no candidate sorts behind all others, and its group is NaN.
"""

from __future__ import annotations

from typing import Any

from baryon.ir import boolean, f32, i32
from baryon.ops.gradients import Attrs, Recorder, Values
from baryon.ops.manipulation import END
from baryon.ops.shapes import write_shape

_NONE = float("-inf")


def nms(o: Recorder, x: Values, attrs: Attrs) -> list[Any]:
    """The expansion of `ir.nms`."""
    scores, classes, boxes = x
    usable = o.np.greater(scores, attrs["valid"])
    if attrs["use_classes"]:
        known = o.np.not_equal(classes, float(attrs["background"]))
        usable = o.np.logical_and(usable, known)
    _, order = o.ir.sort(o.np.where(usable, scores, _NONE), axis=1, descending=True)
    sorted_usable = _first(o, o.np.take_along_axis(usable, order, axis=1), attrs["topk"])
    group = o.np.zeros_like(scores)
    if attrs["use_classes"] and not attrs["force"]:
        group = o.np.take_along_axis(classes, order, axis=1)
    gone = o.ir.suppressed(
        _rows(o, boxes, order), o.np.where(sorted_usable, group, _nan(o, group)),
        overlap=attrs["overlap"], equal=False,
    )  # fmt: skip
    kept = o.np.logical_and(sorted_usable, o.np.logical_not(gone))
    _, places = o.ir.sort(o.npx.cast(kept, dtype=f32), axis=1, descending=True)
    numbers = o.np.take_along_axis(o.npx.cast(order, dtype=i32), places, axis=1)
    return [o.np.where(o.np.take_along_axis(kept, places, axis=1), numbers, -1)]


def detection(o: Recorder, x: Values, attrs: Attrs) -> list[Any]:
    """The expansion of `npx.multibox_detection`."""
    cls_prob, loc_pred, anchor = x
    scores = o.npx.slice(cls_prob, begin=(0, 1), end=(END, END))
    best, kind = o.np.max(scores, axis=(1,)), o.np.argmax(scores, axis=1)
    valid = o.np.greater_equal(best, attrs["threshold"])
    boxes = _placed(o, loc_pred, anchor, attrs)
    head = [o.np.expand_dims(v, axis=(2,)) for v in (o.npx.cast(kind, dtype=best.type.dtype), best)]
    rows = o.np.where(
        o.np.expand_dims(valid, axis=(2,)), o.np.concatenate([*head, boxes], axis=2), -1.0
    )
    thin = 0 < attrs["nms_threshold"] <= 1
    key = o.np.where(valid, best, _NONE) if thin else o.npx.cast(valid, dtype=f32)
    _, order = o.ir.sort(key, axis=1, descending=True)
    found = _rows(o, rows, order)
    return [_thinned(o, found, attrs) if thin else found]


def _thinned(o: Recorder, found: Any, attrs: Attrs) -> Any:
    """Rows in order, suppressed ones with the class -1; those behind nms_topk are -1 throughout."""
    classes = o.np.squeeze(o.npx.slice(found, begin=(0, 0, 0), end=(END, END, 1)), axis=2)
    taken = _first(o, o.np.greater_equal(classes, 0.0), attrs["nms_topk"])
    group = o.np.zeros_like(classes) if attrs["force_suppress"] else classes
    gone = o.ir.suppressed(
        o.npx.slice(found, begin=(0, 0, 2), end=(END, END, 6)),
        o.np.where(taken, group, _nan(o, group)), overlap=attrs["nms_threshold"], equal=True,
    )  # fmt: skip
    head = o.np.expand_dims(o.np.where(gone, -1.0, classes), axis=(2,))
    rest = o.npx.slice(found, begin=(0, 0, 1), end=(END, END, 6))
    rows = o.np.concatenate([head, rest], axis=2)
    return o.np.where(o.np.expand_dims(taken, axis=(2,)), rows, -1.0)


def _placed(o: Recorder, offsets: Any, anchor: Any, attrs: Attrs) -> Any:
    """The boxes (batch, A, 4) that a network predicts relative to anchors."""
    count = anchor.type.shape[1]
    moved = o.np.reshape(offsets, write_shape((offsets.type.shape[0], count, 4)))
    scaled = o.np.multiply(moved, _vector(o, anchor, attrs["variances"]))
    low, high = (_columns(o, anchor, i) for i in (0, 2))
    shift, stretch = (_columns(o, scaled, i) for i in (0, 2))
    size = o.np.subtract(high, low)
    middle = o.np.add(o.np.multiply(shift, size), o.np.multiply(o.np.add(low, high), 0.5))
    half = o.np.multiply(o.np.multiply(o.np.exp(stretch), size), 0.5)
    corners = [o.np.subtract(middle, half), o.np.add(middle, half)]
    boxes = o.np.concatenate(corners, axis=2)
    return o.np.clip(boxes, 0.0, 1.0) if attrs["clip"] else boxes


def _columns(o: Recorder, x: Any, first: int) -> Any:
    """Two of the four numbers of boxes."""
    return o.npx.slice(x, begin=(0, 0, first), end=(END, END, first + 2))


def _vector(o: Recorder, like: Any, values: Any) -> Any:
    """Four numbers that broadcast to boxes."""
    parts = [o.np.full(shape=(1, 1, 1), fill_value=v, dtype=like.type.dtype) for v in values]
    return o.np.concatenate(parts, axis=2)


def _rows(o: Recorder, rows: Any, order: Any) -> Any:
    """Rows (batch, N, K) in an order (batch, N)."""
    column = o.np.expand_dims(order, axis=(2,))
    places = o.np.broadcast_to(column, shape=write_shape(rows.type.shape))
    return o.np.take_along_axis(rows, places, axis=1)


def _first(o: Recorder, flags: Any, count: int) -> Any:
    """The flags of the first rows; all for a count that is not positive."""
    rest = int(str(flags.type.shape[1])) - count
    if count <= 0 or rest <= 0:
        return flags
    parts = [o.np.full(shape=(1, n), fill_value=v, dtype=boolean)
             for n, v in ((count, 1.0), (rest, 0.0))]  # fmt: skip
    return o.np.logical_and(flags, o.np.concatenate(parts, axis=1))


def _nan(o: Recorder, like: Any) -> Any:
    return o.np.full(shape=(1, 1), fill_value=float("nan"), dtype=like.type.dtype)
