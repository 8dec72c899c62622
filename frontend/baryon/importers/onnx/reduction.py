"""Reductions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from baryon.importers.onnx.node import Node, OnnxOp, Operand, call, numpy_dtype, shape_of
from baryon.ir import Dim
from baryon.ops import Calls
from baryon.ops.shapes import write_shape


def _axes(node: Node, axes: Operand | None) -> tuple[int, ...] | None:
    """The axes from the attribute (old) or the input (new); None for all; () for none."""
    given = node.known_ints(axes, "axes") if axes is not None else node.ints("axes")
    noop = node.attr("noop_with_empty_axes", 0)
    return given or (() if noop else None)


def _reduce(o: Calls[Operand], node: Node, target: str, x: Operand, axes: Operand | None) -> Any:
    axis, keepdims = _axes(node, axes), bool(node.attr("keepdims", 1))
    return x if axis == () else _reduce_along(o, target, x, axis, keepdims)


def _reduce_along(
    o: Calls[Operand], target: str, x: Operand, axis: tuple[int, ...] | None, keepdims: bool
) -> Any:
    along = range(len(shape_of(x))) if axis is None else axis
    if target in _NEUTRAL and 0 in [shape_of(x)[a] for a in along]:
        dtype = numpy_dtype(x)
        x = o.np.full(
            shape=_of_one(shape_of(x), along), fill_value=_NEUTRAL[target](dtype), dtype=dtype
        )
    return call(o, target)(x, axis=axis, keepdims=keepdims)


def _of_one(shape: Sequence[Dim], axes: Iterable[int]) -> Any:
    """The shape with one element along some axes."""
    ones = {a % len(shape) for a in axes}
    return write_shape([1 if i in ones else d for i, d in enumerate(shape)])


def _least(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "b":
        return False
    return int(np.iinfo(dtype).min) if dtype.kind in "iu" else -math.inf


def _greatest(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "b":
        return True
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else math.inf


_NEUTRAL = {"np.max": _least, "np.min": _greatest}
"""What a reduction of no elements gives, by element type."""


def _plain(target: str) -> Any:
    def build(o: Calls[Operand], node: Node, x: Operand, axes: Operand | None = None) -> Any:
        return _reduce(o, node, target, x, axes)

    return build


def _of(before: str | None, target: str, after: str | None = None) -> Any:
    """A reduction of another op's result, whose own result may go through a third."""

    def build(o: Calls[Operand], node: Node, x: Operand, axes: Operand | None = None) -> Any:
        y = _reduce(o, node, target, call(o, before)(x) if before else x, axes)
        return call(o, after)(y) if after else y

    return build


def _log_sum_exp(o: Calls[Operand], node: Node, x: Operand, axes: Operand | None = None) -> Any:
    axis, keepdims = _axes(node, axes), bool(node.attr("keepdims", 1))
    if axis == ():
        return x
    top = _reduce_along(o, "np.max", x, axis, keepdims=True)
    top = o.np.where(o.np.isfinite(top), top, o.np.zeros_like(top))
    total = o.np.sum(o.np.exp(o.np.subtract(x, top)), axis=axis, keepdims=keepdims)
    return o.np.add(o.np.log(total), o.np.reshape(top, write_shape(shape_of(total))))


def _arg(target: str) -> Any:
    def build(o: Calls[Operand], node: Node, x: Operand) -> Any:
        axis, keepdims = node.attr("axis", 0), bool(node.attr("keepdims", 1))
        if not node.attr("select_last_index", 0):
            return call(o, target)(x, axis=axis, keepdims=keepdims)
        size = node.number(shape_of(x)[axis], "the axis")
        backward = call(o, target)(o.np.flip(x, axis=axis), axis=axis, keepdims=keepdims)
        return o.np.subtract(np.int64(size - 1), backward)

    return build


OPS = (
    OnnxOp("ReduceLogSum", _of(None, "np.sum", "np.log")),
    OnnxOp("ReduceLogSumExp", _log_sum_exp),
    OnnxOp("ArgMax", _arg("np.argmax")),
    OnnxOp("ArgMin", _arg("np.argmin")),
    OnnxOp("ReduceL1", _of("np.abs", "np.sum")),
    OnnxOp("ReduceL2", _of("np.square", "np.sum", "np.sqrt")),
    OnnxOp("ReduceMax", _plain("np.max")),
    OnnxOp("ReduceMean", _plain("np.mean")),
    OnnxOp("ReduceMin", _plain("np.min")),
    OnnxOp("ReduceProd", _plain("np.prod")),
    OnnxOp("ReduceSum", _plain("np.sum")),
    OnnxOp("ReduceSumSquare", _of("np.square", "np.sum")),
)
