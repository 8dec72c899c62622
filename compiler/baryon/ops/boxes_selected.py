"""Non-maximum suppression whose result has as many rows as boxes are kept: ONNX's."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, Sym, TensorType, dim_mul, dim_prod, f32, i64
from baryon.ops.attributes import Param
from baryon.ops.counted import COUNT, counted
from baryon.ops.numerics import Arr
from baryon.ops.opdef import SIZE_PARAM, OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail, need_float, need_shape, static_dim, text

_NAME = "ir.non_max_suppression"
ONE = (1,)


def _infer(
    boxes: TensorType, scores: TensorType, limit: TensorType, overlap: TensorType,
    least: TensorType, size: str, **attrs: Any,
) -> tuple[TensorType, ...]:  # fmt: skip
    need_float(_NAME, boxes=boxes, scores=scores)
    if scores.rank != 3:
        fail(_NAME, f"scores must be (batch, classes, boxes), not {text(scores.shape)}")
    batch, classes, count = scores.shape
    static_dim(_NAME, classes, "the number of classes")
    need_shape(_NAME, "boxes", boxes, (batch, count, 4), "four numbers for each score")
    for name, x, dtype in (("limit", limit, i64), ("overlap", overlap, f32), ("least", least, f32)):
        if x.shape != ONE or x.dtype != dtype:
            fail(_NAME, f"{name} must be one {dtype}, not {x}")
    return TensorType((Sym(size), 3), i64), COUNT


def per_line(scores: TensorType, per_class: int) -> Dim:
    """How many boxes of one class of one image can be kept."""
    count = scores.shape[2]
    return min(count, per_class) if isinstance(count, int) and per_class >= 0 else count


def _most(boxes: TensorType, scores: TensorType, *limits: Any, per_class: int, **attrs: Any) -> Dim:
    return dim_mul(dim_prod(scores.shape[:2]), per_line(scores, per_class))


def _ref(
    boxes: Arr, scores: Arr, limit: Arr, overlap: Arr, least: Arr, size: str, centers: bool,
    per_class: int,
) -> Any:  # fmt: skip
    corners = _corners(boxes, centers)
    most = int(limit[0]) if per_class < 0 else min(int(limit[0]), per_class)
    rows = [
        (n, c, box)
        for n, c in np.ndindex(scores.shape[:2])
        for box in _kept(corners[n], scores[n, c], most, overlap[0], least[0])
    ]
    return counted(np.array(rows, np.int64).reshape(-1, 3))


def _corners(boxes: Arr, centers: bool) -> Arr:
    """Boxes as two corners, the lower one first."""
    if centers:
        half = boxes[..., 2:] / 2
        return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
    first, second = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=-1)


def _kept(boxes: Arr, scores: Arr, most: int, overlap: float, least: float) -> list[int]:
    """The numbers of the boxes of one class that are kept, by falling score."""
    left = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > least]
    kept: list[int] = []
    while left and len(kept) < most:
        best, *left = left
        kept.append(best)
        left = [i for i in left if not _iou(boxes[best], boxes[i]) > overlap]
    return kept


def _iou(a: Arr, b: Arr) -> Any:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inter = np.maximum(high - low, 0).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inter
    return inter / union if inter > 0 and union > 0 else inter * 0


def _sample(batch: int, classes: int, count: int, **attrs: Any) -> Sample:
    return Sample(
        ((batch, count, 4), (batch, classes, count), ONE, ONE, ONE),
        attrs,
        dtypes=("f32", "f32", "i64", "f32", "f32"),
        positive=True,
        high=9,
        batch=(0, 1),
    )


non_max_suppression = OpDef(
    name=_NAME,
    doc="The boxes that non-maximum suppression keeps, as rows of image, class and box.\n\n"
    "boxes (batch, boxes, 4) by two opposite corners, or with `centers` by center and size; scores "
    "(batch, classes, boxes), of the same floating dtype (IRTypeError otherwise). Of each class of "
    "each image, by falling score and of equal scores the first: a box is kept if its score is "
    "above least, if it overlaps none that is kept by more than overlap (intersection over union), "
    "and if fewer than limit are kept already. Results: rows (size, 3) in int64, in the order of "
    "images and classes, and size.",
    operands=("boxes", "scores", "limit", "overlap", "least"),
    params=(
        Param("centers", "bool", False, "boxes are (x, y) of the center, width, height"),
        Param("per_class", "int", -1, "the largest limit, if it is known: memory for the result"),
        SIZE_PARAM,
    ),
    infer=_infer,
    reference=_ref,
    gradient=absent("choices are piecewise constant"),
    lowering=kernel("non_max_suppression"),
    most=_most,
    samples=(
        _sample(1, 1, 20),
        _sample(2, 3, 9, centers=True, per_class=4),
        _sample(1, 2, 0, per_class=3),
    ),
    source="ONNX NonMaxSuppression",
)

OPS = (non_max_suppression,)
