"""Ops whose results have as many rows as the data says."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon import np as mxnp
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp, Operand, shape_of
from baryon.np.distinct import distinct
from baryon.ops import Calls

_NOTHING = np.zeros((0, 3), np.int64)


def _nonzero(o: Calls[Operand], node: Node, x: Operand) -> Any:
    whole = x if shape_of(x) else o.np.reshape(x, newshape=(1,))
    places, _ = o.ir.nonzero(whole)
    turned = o.np.transpose(places, axes=(1, 0))
    return turned if shape_of(x) else o.npx.slice(turned, begin=(0,), end=(0,))


def _compress(node: Node, x: ndarray, condition: ndarray) -> Any:
    axis = node.attr("axis", None)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return mxnp.take(x, mxnp.flatnonzero(condition), axis=axis)


def _non_max_suppression(
    o: Calls[Operand], node: Node, boxes: Operand, scores: Operand, limit: Operand | None = None,
    overlap: Operand | None = None, least: Operand | None = None,
) -> Any:  # fmt: skip
    centers = bool(node.attr("center_point_box", 0))
    if limit is None:
        return _NOTHING
    known = max(int(limit.item()), 0) if isinstance(limit, np.ndarray) else -1
    if known == 0:
        return _NOTHING
    rows, _ = o.ir.non_max_suppression(
        boxes, scores, _single(o, limit), _single(o, overlap, 0.0), _single(o, least, -np.inf),
        centers=centers, per_class=known,
    )  # fmt: skip
    return rows


def _single(o: Calls[Operand], x: Operand | None, default: float = 0.0) -> Any:
    """One number in an array of shape (1,)."""
    return np.array([default], np.float32) if x is None else o.np.reshape(x, newshape=(1,))


def _unique(node: Node, x: ndarray) -> Any:
    axis = node.attr("axis", None)
    return distinct(x, axis, by_first=not node.attr("sorted", 1))


OPS = (
    OnnxOp("Compress", by_arrays(_compress), since=9),
    OnnxOp("NonMaxSuppression", _non_max_suppression, since=10),
    OnnxOp("NonZero", _nonzero, since=9),
    OnnxOp("Unique", by_arrays(_unique), since=11),
)
