"""Choices among boxes: suppression, detection, matching, training targets.

Boxes are (xmin, ymin, xmax, ymax). Suppression has a kernel. Matching ends after a number of steps
that the data decides: it runs on the host, and stands beside the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType, boolean, i32
from baryon.ops import boxes_expanded
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.numerics import Arr
from baryon.ops.opdef import OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail, need_float, need_shape, text

_HOST = absent("it runs on the host: its loop ends when the data says so")
_EXPANDED = absent("it is sorting and ir.suppressed")
_DISCRETE = absent("choices are piecewise constant")


def iou_matrix(a: Arr, b: Arr) -> Arr:
    """Intersection over union of boxes (N, 4) with boxes (M, 4); 0 where the union is empty."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inter = np.clip(high - low, 0, None).prod(axis=2)
    union = _areas(a)[:, None] + _areas(b)[None] - inter
    found: Arr = np.where(union > 0, inter / np.where(union > 0, union, 1), 0)
    return found


def _areas(boxes: Arr) -> Arr:
    sides = boxes[:, 2:4] - boxes[:, :2]
    found: Arr = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0)
    return found


def _suppressed(iou: Arr, same: Arr, limit: float, equal: bool) -> Arr:
    """Which of boxes in order of falling score overlap too much with a kept one before them."""
    gone = np.zeros(len(iou), bool)
    near = same & ((iou >= limit) if equal else (iou > limit))
    for i in range(len(iou)):
        if not gone[i]:
            gone[i + 1 :] |= near[i, i + 1 :]
    return gone


def _suppressed_infer(boxes: TensorType, groups: TensorType, **attrs: Any) -> TensorType:
    op = "ir.suppressed"
    need_float(op, boxes=boxes, groups=groups)
    if groups.rank != 2:
        fail(op, f"groups must be (batch, boxes), not {text(groups.shape)}")
    need_shape(op, "boxes", boxes, (*groups.shape, 4), "four numbers for each group")
    return TensorType(groups.shape, boolean)


def _suppressed_ref(boxes: Arr, groups: Arr, overlap: float, equal: bool) -> Any:
    out = np.zeros(groups.shape, bool)
    for n in range(len(groups)):
        there = np.flatnonzero(groups[n] == groups[n])
        group, box = groups[n][there], boxes[n][there]
        out[n, there] = _suppressed(iou_matrix(box, box), group[:, None] == group, overlap, equal)
    return out


suppressed = OpDef(
    name="ir.suppressed",
    doc="Which boxes, in order of falling score, overlap too much with a kept one before them.\n\n"
    "boxes (batch, N, 4) by their corners, groups (batch, N), floating (IRTypeError otherwise). A "
    "box suppresses those of its group; NaN is no group: such a box neither suppresses nor is "
    "suppressed. The result is bool (batch, N).",
    operands=("boxes", "groups"),
    params=(
        Param("overlap", "float", 0.5, "the overlap (intersection over union) that is too much"),
        Param("equal", "bool", False, "this very overlap is too much as well"),
    ),
    infer=_suppressed_infer,
    reference=_suppressed_ref,
    gradient=_DISCRETE,
    lowering=kernel("suppressed"),
    samples=(
        Sample(((2, 4, 4), (2, 4)), {"overlap": 0.1}, positive=True, batch=(0, 1)),
        Sample(((1, 3, 4), (1, 3)), {"equal": True}, positive=True),
    ),
    source="MXNet 2 npx.box_nms, npx.multibox_detection",
)


def _nms_infer(scores: TensorType, classes: TensorType, boxes: TensorType, **attrs: Any) -> Any:
    op = "ir.nms"
    need_float(op, scores=scores, classes=classes, boxes=boxes)
    if scores.rank != 2:
        fail(op, f"scores must be (batch, boxes), not {text(scores.shape)}")
    need_shape(op, "classes", classes, scores.shape, "the shape of scores")
    need_shape(op, "boxes", boxes, (*scores.shape, 4), "four numbers for each score")
    return TensorType(scores.shape, i32)


def _nms_ref(
    scores: Arr, classes: Arr, boxes: Arr, overlap: float, valid: float, topk: int, background: int,
    use_classes: bool, force: bool,
) -> Any:  # fmt: skip
    out = np.full(scores.shape, -1, np.int32)
    for n in range(len(scores)):
        usable = scores[n] > valid
        if use_classes:
            usable &= classes[n] != background
        order = np.argsort(-scores[n], kind="stable")
        order = order[usable[order]]
        order = order[:topk] if topk > 0 else order
        together = force or not use_classes
        same = np.full((len(order),) * 2, True)
        if not together:
            same = classes[n][order][:, None] == classes[n][order]
        gone = _suppressed(iou_matrix(boxes[n][order], boxes[n][order]), same, overlap, False)
        kept = order[~gone]
        out[n, : len(kept)] = kept
    return out


nms = OpDef(
    name="ir.nms",
    doc="Numbers of the boxes that non-maximum suppression keeps, by falling score, then -1.\n\n"
    "scores (batch, boxes), classes of the same shape, boxes (batch, boxes, 4) by their corners, "
    "one floating dtype (IRTypeError otherwise). A box is dropped if its score is not above "
    "valid, if it is of the background class, if topk boxes have larger scores, or if it overlaps "
    "one that is kept, of its class unless force, by more than overlap (intersection over union).",
    operands=("scores", "classes", "boxes"),
    params=(
        Param("overlap", "float", 0.5, "the largest overlap of two boxes"),
        Param("valid", "float", 0.0, "the score that boxes must exceed"),
        Param("topk", "int", -1, "how many boxes are looked at; all if not positive"),
        Param("background", "int", -1, "the class that is dropped"),
        Param("use_classes", "bool", True, "look at classes at all"),
        Param("force", "bool", False, "boxes suppress those of other classes too"),
    ),
    infer=_nms_infer,
    reference=_nms_ref,
    gradient=_DISCRETE,
    lowering=_EXPANDED,
    expansion=boxes_expanded.nms,
    samples=(
        Sample(((2, 4), (2, 4), (2, 4, 4)), {"overlap": 0.1}, positive=True),
        Sample(((1, 3), (1, 3), (1, 3, 4)), {"topk": 2, "force": True}, positive=True),
    ),
    source="MXNet 2 npx.box_nms",
)


def _matching_infer(data: TensorType, **attrs: Any) -> Any:
    need_float("npx.bipartite_matching", data=data)
    if data.rank < 2:
        fail("npx.bipartite_matching", f"data must have two axes or more, not {text(data.shape)}")
    return data.with_shape(data.shape[:-1]), data.with_shape((*data.shape[:-2], data.shape[-1]))


def _matching_ref(data: Arr, is_ascend: bool, threshold: float, topk: int) -> Any:
    rows = np.full(data.shape[:-1], -1, data.dtype)
    columns = np.full((*data.shape[:-2], data.shape[-1]), -1, data.dtype)
    for n in np.ndindex(data.shape[:-2]):
        _match(data[n], rows[n], columns[n], is_ascend, threshold, topk)
    return rows, columns


def _match(scores: Arr, rows: Arr, columns: Arr, ascend: bool, threshold: float, topk: int) -> None:
    """Pair the best row and column that are free, again and again."""
    keys = scores if ascend else -scores
    limit, found = (threshold if ascend else -threshold), 0
    for place in np.argsort(keys, axis=None, kind="stable"):
        r, c = divmod(int(place), scores.shape[1])
        if keys[r, c] > limit or found == topk:
            return
        if rows[r] < 0 and columns[c] < 0:
            rows[r], columns[c], found = c, r, found + 1


bipartite_matching = OpDef(
    name="npx.bipartite_matching",
    doc="Pairs of rows and columns, the best score first, each used once.\n\n"
    "data (..., N, M), floating (IRTypeError otherwise). Results in data's dtype: for each row its "
    "column (..., N), for each column its row (..., M); -1 for none.",
    operands=("data",),
    params=(
        Param("is_ascend", "bool", False, "small scores are good"),
        Param("threshold", "float", REQUIRED, "worse scores make no pair"),
        Param("topk", "int", -1, "the most pairs of a matrix; no limit if negative"),
    ),
    infer=_matching_infer,
    reference=_matching_ref,
    gradient=_DISCRETE,
    lowering=_HOST,
    samples=(
        Sample(((2, 3, 2),), {"threshold": 0.1}, positive=True),
        Sample(((3, 4),), {"threshold": 1.5, "is_ascend": True, "topk": 1}, positive=True),
    ),
    source="MXNet 2 npx.bipartite_matching",
)

_TARGET = "npx.multibox_target"


def _target_infer(
    anchor: TensorType, label: TensorType, cls_pred: TensorType, **attrs: Any
) -> tuple[TensorType, ...]:
    need_float(_TARGET, anchor=anchor, label=label, cls_pred=cls_pred)
    if anchor.rank != 3 or anchor.shape[2] != 4 or anchor.shape[0] != 1:
        fail(_TARGET, f"anchor must be (1, anchors, 4), not {text(anchor.shape)}")
    if label.rank != 3 or cls_pred.rank != 3 or label.shape[0] != cls_pred.shape[0]:
        fail(_TARGET, f"label {text(label.shape)} and cls_pred {text(cls_pred.shape)} must be "
             "(batch, labels, 5) and (batch, classes, anchors)")  # fmt: skip
    count, batch = anchor.shape[1], label.shape[0]
    if cls_pred.shape[2] != count or len(attrs["variances"]) != 4 or not isinstance(count, int):
        fail(_TARGET, f"cls_pred {text(cls_pred.shape)} for {count} anchors, variances "
             f"{attrs['variances']}")  # fmt: skip
    flat = anchor.with_shape((batch, 4 * count))
    return flat, flat, anchor.with_shape((batch, count))


def _target_ref(anchor: Arr, label: Arr, cls_pred: Arr, **attrs: Any) -> Any:
    count = anchor.shape[1]
    offsets = np.zeros((len(label), count, 4), anchor.dtype)
    masks = np.zeros_like(offsets)
    classes = np.full((len(label), count), attrs["ignore_label"], anchor.dtype)
    for n, rows in enumerate(label):
        ended = np.flatnonzero(rows[:, 0] == -1)
        truth = rows[: ended[0]] if len(ended) else rows
        if len(truth):
            match, negative = _matched(anchor[0], truth, cls_pred[n], attrs)
            positive = match >= 0
            classes[n, negative] = 0
            classes[n, positive] = truth[match[positive], 0] + 1
            masks[n, positive] = 1
            boxes = truth[match[positive], 1:5]
            offsets[n, positive] = _offsets(anchor[0][positive], boxes, attrs["variances"])
    return offsets.reshape(len(label), -1), masks.reshape(len(label), -1), classes


def _matched(anchors: Arr, truth: Arr, scores: Arr, attrs: Any) -> tuple[Arr, Arr]:
    """For each anchor the number of its box, or -1; and which anchors are background."""
    iou = iou_matrix(anchors, truth[:, 1:5])
    match = np.full(len(anchors), -1)
    free = iou.copy()
    for _ in range(len(truth)):  # the best pairs first, each box once
        a, t = divmod(int(free.argmax()), len(truth))
        if free[a, t] <= 1e-6:
            break
        match[a], free[a], free[:, t] = t, -1, -1
    best = iou.max(axis=1)
    if attrs["overlap_threshold"] > 0:
        close = (match < 0) & (best > attrs["overlap_threshold"])
        match[close] = iou.argmax(axis=1)[close]
    return match, _background(match, best, scores, attrs)


def _background(match: Arr, best: Arr, scores: Arr, attrs: Any) -> Arr:
    """The anchors that count as background: all that have no box, or the hardest of them."""
    ratio = attrs["negative_mining_ratio"]
    if ratio <= 0:
        found: Arr = match < 0
        return found
    positives = int((match >= 0).sum())
    wanted = max(int(positives * ratio), attrs["minimum_negative_samples"])
    shifted = np.exp(scores - scores.max(axis=0))
    certain = shifted[0] / shifted.sum(axis=0)
    candidates = np.flatnonzero((match < 0) & (best < attrs["negative_mining_thresh"]))
    hardest = candidates[np.argsort(certain[candidates], kind="stable")]
    chosen = np.zeros(len(match), bool)
    chosen[hardest[: min(wanted, len(match) - positives)]] = True
    return chosen


def _offsets(anchors: Arr, boxes: Arr, variances: Any) -> Arr:
    """Boxes relative to their anchors, as a network predicts them."""
    size, wanted = (b[:, 2:4] - b[:, :2] for b in (anchors, boxes))
    shift = ((boxes[:, 2:4] + boxes[:, :2]) - (anchors[:, 2:4] + anchors[:, :2])) / 2 / size
    offsets = np.concatenate([shift, np.log(wanted / size)], axis=1)
    scaled: Arr = offsets / np.asarray(variances, size.dtype)
    return scaled


multibox_target = OpDef(
    name=_TARGET,
    doc="What a detector should predict for each anchor.\n\n"
    "anchor (1, A, 4) and label (batch, M, 5) with a class, then a box, by their corners; the "
    "first class of -1 ends the labels of an image. cls_pred (batch, classes, A) is read for "
    "negative mining. One floating dtype; IRTypeError otherwise. Results: offsets to the matched "
    "boxes (batch, 4 A), 1 for the offsets that count (batch, 4 A), classes (batch, A) counted "
    "from 1, 0 for background, ignore_label for anchors that are left out.",
    operands=("anchor", "label", "cls_pred"),
    params=(
        Param("overlap_threshold", "float", 0.5, "overlap from which an anchor has a box"),
        Param("ignore_label", "float", -1.0, "the class of anchors that are left out"),
        Param("negative_mining_ratio", "float", -1.0, "background anchors per matched one"),
        Param("negative_mining_thresh", "float", 0.5, "overlap below which one is background"),
        Param("minimum_negative_samples", "int", 0, "the fewest background anchors"),
        Param("variances", "floats", (0.1, 0.1, 0.2, 0.2), "the scales of the offsets"),
    ),
    infer=_target_infer,
    reference=_target_ref,
    gradient=_DISCRETE,
    lowering=_HOST,
    samples=(Sample(((1, 6, 4), (2, 3, 5), (2, 3, 6)), positive=True),),
    source="MXNet 2 npx.multibox_target",
)

_DETECTION = "npx.multibox_detection"


def _detection_infer(
    cls_prob: TensorType, loc_pred: TensorType, anchor: TensorType, **attrs: Any
) -> TensorType:
    need_float(_DETECTION, cls_prob=cls_prob, loc_pred=loc_pred, anchor=anchor)
    if cls_prob.rank != 3 or anchor.rank != 3 or not isinstance(cls_prob.shape[2], int):
        fail(_DETECTION, f"cls_prob {text(cls_prob.shape)} and anchor {text(anchor.shape)} must be "
             "(batch, classes, anchors) and (1, anchors, 4)")  # fmt: skip
    batch, _, count = cls_prob.shape
    need_shape(_DETECTION, "anchor", anchor, (1, count, 4), "four numbers for each anchor")
    need_shape(_DETECTION, "loc_pred", loc_pred, (batch, 4 * count), "four for each anchor")
    return cls_prob.with_shape((batch, count, 6))


def _detection_ref(cls_prob: Arr, loc_pred: Arr, anchor: Arr, **attrs: Any) -> Any:
    count = anchor.shape[1]
    out = np.full((len(cls_prob), count, 6), -1, cls_prob.dtype)
    for n, (scores, offsets) in enumerate(zip(cls_prob, loc_pred, strict=True)):
        boxes = _placed(anchor[0], offsets.reshape(count, 4), attrs)
        best = scores[1:].max(axis=0)
        valid = np.flatnonzero(best >= attrs["threshold"])
        found = np.column_stack([scores[1:].argmax(axis=0), best, boxes])[valid]
        out[n, : len(found)] = found
        if 0 < attrs["nms_threshold"] <= 1:
            kept = _thinned(found, attrs)
            out[n, : len(found)] = -1
            out[n, : len(kept)] = kept
    return out


def _thinned(found: Arr, attrs: Any) -> Arr:
    """Detections by falling score, the class of suppressed ones set to -1."""
    order = np.argsort(-found[:, 1], kind="stable")
    rows = found[order[: attrs["nms_topk"]] if attrs["nms_topk"] > 0 else order]
    same = np.full((len(rows),) * 2, True)
    if not attrs["force_suppress"]:
        same = rows[:, None, 0] == rows[:, 0]
    gone = _suppressed(iou_matrix(rows[:, 2:], rows[:, 2:]), same, attrs["nms_threshold"], True)
    rows[gone, 0] = -1
    return rows


def _placed(anchors: Arr, offsets: Arr, attrs: Any) -> Arr:
    """The boxes that a network predicts relative to anchors."""
    offsets = offsets * np.asarray(attrs["variances"], offsets.dtype)
    size = anchors[:, 2:] - anchors[:, :2]
    middle = offsets[:, :2] * size + (anchors[:, :2] + anchors[:, 2:]) / 2
    half = np.exp(offsets[:, 2:]) * size / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    return np.clip(boxes, 0, 1) if attrs["clip"] else boxes


multibox_detection = OpDef(
    name=_DETECTION,
    doc="The detections that a network's predictions for anchors mean: (batch, A, 6).\n\n"
    "cls_prob (batch, classes, A), class 0 the background; loc_pred (batch, 4 A); anchor (1, A, "
    "4); one floating dtype; IRTypeError otherwise. A row is class (counted from 0 without the "
    "background), score, and a box by its corners. Rows come by falling score, those that another "
    "one suppresses have the class -1, and rows that are left are all -1.",
    operands=("cls_prob", "loc_pred", "anchor"),
    params=(
        Param("clip", "bool", True, "cut boxes off at 0 and 1"),
        Param("threshold", "float", 0.01, "the least score of a detection"),
        Param("background_id", "int", 0, "accepted; class 0 is the background"),
        Param("nms_threshold", "float", 0.5, "overlap that suppresses; outside (0, 1]: nothing"),
        Param("force_suppress", "bool", False, "boxes suppress those of other classes too"),
        Param("variances", "floats", (0.1, 0.1, 0.2, 0.2), "the scales of the offsets"),
        Param("nms_topk", "int", -1, "how many detections are kept; all if not positive"),
    ),
    infer=_detection_infer,
    reference=_detection_ref,
    gradient=_DISCRETE,
    lowering=_EXPANDED,
    expansion=boxes_expanded.detection,
    samples=(
        Sample(((2, 3, 5), (2, 20), (1, 5, 4)), positive=True),
        Sample(((1, 2, 4), (1, 16), (1, 4, 4)), {"nms_topk": 2, "clip": False}, positive=True),
    ),
    source="MXNet 2 npx.multibox_detection",
)

OPS = (suppressed, nms, bipartite_matching, multibox_target, multibox_detection)
