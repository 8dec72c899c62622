"""Reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.importers.onnx.node import Node, OnnxOp, Operand, call, shape_of
from baryon.ops import Calls
from baryon.ops.shapes import write_shape


def _axes(node: Node, axes: Operand | None) -> tuple[int, ...] | None:
    """The axes from the attribute (old) or the input (new); None for all; () for none."""
    given = node.known_ints(axes, "axes") if axes is not None else node.ints("axes")
    noop = node.attr("noop_with_empty_axes", 0)
    return given or (() if noop else None)


def _reduce(o: Calls[Operand], node: Node, target: str, x: Operand, axes: Operand | None) -> Any:
    axis, keepdims = _axes(node, axes), bool(node.attr("keepdims", 1))
    return x if axis == () else call(o, target)(x, axis=axis, keepdims=keepdims)


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
    top = o.np.max(x, axis=axis, keepdims=True)
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
