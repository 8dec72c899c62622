"""Ops that change a shape or the order of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.importers.onnx.node import Node, OnnxOp, Operand, is_symbolic, rank_of, shape_of
from baryon.ir import Dim, Sym, dim_floordiv, dim_mul, dim_prod
from baryon.ops import Calls
from baryon.ops.shapes import broadcast, write_shape


def _reshape_attr(o: Calls[Operand], node: Node, x: Operand) -> Any:
    node.ignore("consumed_inputs")
    return _reshape_to(o, node, x, node.ints("shape"))


def _reshape(o: Calls[Operand], node: Node, x: Operand, shape: Operand) -> Any:
    return _reshape_to(o, node, x, node.known_dims(shape, "the shape"))


def _reshape_to(o: Calls[Operand], node: Node, x: Operand, target: Sequence[Dim]) -> Any:
    given, keep_zero = shape_of(x), node.attr("allowzero", 0)
    dims = [given[i] if d == 0 and not keep_zero else d for i, d in enumerate(target)]
    total = dim_prod(given)
    if isinstance(total, Sym) and node.batch and not any(isinstance(d, Sym) for d in dims):
        dims[0] = _batch_dim(node, given, dims, total)
    if -1 in dims:
        rest = dim_prod(tuple(d for d in dims if d != -1))
        filled = dim_floordiv(total, rest)
        dims[dims.index(-1)] = -1 if filled is None else filled
    if isinstance(x, np.ndarray):
        return x.reshape([node.number(d, "a dimension") for d in dims])
    return o.np.reshape(x, write_shape(dims))


def _batch_dim(node: Node, given: tuple[Dim, ...], dims: list[Dim], total: Sym) -> Dim:
    """The leading dimension of a shape that was written out for the batch size of the file."""
    assert node.batch is not None
    lead = node.number(dims[0], "a dimension")
    if lead == -1:
        return -1
    rest = node.number(dim_prod(tuple(dims[1:])), "a dimension")
    if -1 in dims:
        known = {1, given[0].factor} if isinstance(given[0], Sym) else {1}
        factor = lead // node.batch if lead in {node.batch * f for f in known} else 0
    else:
        factor = total.factor // rest if rest and total.factor % rest == 0 else 0
    if not factor or lead != factor * node.batch:
        raise node.unsupported(
            f"the shape {tuple(dims)} is written for one batch size",
            "export the model with a dynamic batch axis, or compile it without dynamic_batch",
        )
    return Sym(total.name, factor)


def _flatten(o: Calls[Operand], node: Node, x: Operand) -> Any:
    shape, axis = shape_of(x), node.attr("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    if axis == 1:
        return o.npx.batch_flatten(x)
    return o.np.reshape(x, write_shape((dim_prod(shape[:axis]), dim_prod(shape[axis:]))))


def _transpose(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return o.np.transpose(x, axes=node.ints("perm") or tuple(reversed(range(rank_of(x)))))


def _axes(node: Node, axes: Operand | None) -> tuple[int, ...]:
    return node.known_ints(axes, "axes") if axes is not None else node.ints("axes")


def _squeeze(o: Calls[Operand], node: Node, x: Operand, axes: Operand | None = None) -> Any:
    given = _axes(node, axes)
    ones = tuple(i for i, d in enumerate(shape_of(x)) if d == 1)
    return o.np.squeeze(x, axis=given or ones)


def _unsqueeze(o: Calls[Operand], node: Node, x: Operand, axes: Operand | None = None) -> Any:
    return o.np.expand_dims(x, axis=_axes(node, axes))


def _concat(o: Calls[Operand], node: Node, *inputs: Operand) -> Any:
    axis = node.attr("axis", 1)
    arrays = [x for x in inputs if isinstance(x, np.ndarray)]
    if any(map(is_symbolic, arrays)) and len(arrays) == len(inputs):
        return np.concatenate(arrays, axis)
    return o.np.concatenate(inputs, axis=axis)


def _expand(o: Calls[Operand], node: Node, x: Operand, shape: Operand) -> Any:
    target = broadcast("Expand", shape_of(x), node.known_dims(shape, "the shape"))
    return o.np.broadcast_to(x, shape=write_shape(target))


def _depth_to_space(o: Calls[Operand], node: Node, x: Operand) -> Any:
    n, c, h, w = shape_of(x)
    b, mode = node.attr("blocksize", 0), node.attr("mode", "DCR")
    rest = dim_floordiv(c, b * b)
    if rest is None:
        raise node.unsupported(f"{c} channels cannot be divided by {b * b}")
    split = (n, b, b, rest, h, w) if mode == "DCR" else (n, rest, b, b, h, w)
    order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    parts = o.np.transpose(o.np.reshape(x, write_shape(split)), axes=order)
    return o.np.reshape(parts, write_shape((n, rest, dim_mul(h, b), dim_mul(w, b))))


OPS = (
    OnnxOp("Concat", _concat, since=4),
    OnnxOp("DepthToSpace", _depth_to_space),
    OnnxOp("Expand", _expand, since=8),
    OnnxOp("Flatten", _flatten),
    OnnxOp("Reshape", _reshape_attr),
    OnnxOp("Reshape", _reshape, since=5),
    OnnxOp("Squeeze", _squeeze),
    OnnxOp("Transpose", _transpose),
    OnnxOp("Unsqueeze", _unsqueeze),
)
