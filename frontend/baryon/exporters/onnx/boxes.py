"""Choices among boxes, by NonMaxSuppression."""

from __future__ import annotations

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm, by_ops
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import Array, f32
from baryon.ops import boxes_expanded

_COUNTED = 0.5
"""A score between those of boxes that are looked at, from 1 on, and of those that are not, 0."""


def _suppressed(o: Writer, call: Call, boxes: Tensor, groups: Tensor) -> Tensor:
    """The boxes that are in a group, but not kept.

    Each group is a class of NonMaxSuppression, in which its boxes have scores that fall with their
    places, and those of others have none.
    """
    there = o.onnx.Not(o.onnx.IsNaN(groups))
    scores = _scores(o, call, o.onnx.Where(there, groups, o.number(0, groups)), there)
    chosen = o.onnx.NonMaxSuppression(
        _upright(o, boxes), scores, o.dims(call.type.shape[1:]),
        o.constant(_limit(call)), o.constant(np.asarray([_COUNTED], np.float32)),
    )  # fmt: skip
    places = o.onnx.Gather(chosen, o.ints(0, 2), axis=1)  # image and box, without the class
    count = o.onnx.Shape(chosen, start=0, end=1)
    kept = o.onnx.Expand(o.constant(np.asarray(True)), count)
    nothing = o.onnx.Expand(o.constant(np.asarray(False)), o.dims(call.type.shape))
    return o.onnx.And(there, o.onnx.Not(o.onnx.ScatterND(nothing, places, kept)))


def _scores(o: Writer, call: Call, groups: Tensor, there: Tensor) -> Tensor:
    """(batch, groups that occur, N): N for the first box of a group, 1 for the last, else 0."""
    (known,) = o.results("Unique", 1, groups)
    own = o.onnx.Equal(o.onnx.Unsqueeze(groups, o.ints(1)), o.onnx.Unsqueeze(known, o.ints(0, 2)))
    own = o.onnx.And(own, o.onnx.Unsqueeze(there, o.ints(1)))
    (count,) = call.type.shape[1:]
    zero = o.constant(np.asarray(0, np.int64))
    last = o.onnx.Squeeze(o.dims([count]))
    falling = o.onnx.Range(last, zero, o.constant(np.asarray(-1, np.int64)))
    return o.onnx.Where(own, o.cast(falling, f32), o.constant(np.float32(0)))


def _upright(o: Writer, boxes: Tensor) -> Tensor:
    """Boxes whose second corner is below the first have no area, where ONNX swaps corners."""
    low, high = o.results("Split", 2, o.cast(boxes, f32), o.ints(2, 2), axis=2)
    return o.onnx.Concat(low, o.onnx.Max(low, high), axis=2)


def _limit(call: Call) -> Array:
    """The largest overlap (intersection over union) that two kept boxes may have."""
    most = np.float32(call["overlap"])
    if call["equal"]:
        most = np.nextafter(most, np.float32(-1))
    if most < 0:
        raise call.unsupported(f"overlap={call['overlap']}, which any two boxes have")
    return np.minimum([most], np.float32(1))


OPS: tuple[Form | NoForm, ...] = (
    Form("ir.suppressed", _suppressed),
    by_ops("ir.nms", boxes_expanded.nms),
    by_ops("npx.multibox_detection", boxes_expanded.detection),
)
