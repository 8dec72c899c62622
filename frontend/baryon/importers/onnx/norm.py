"""Normalizations, dropout and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.importers.onnx.node import Node, OnnxOp, Operand, call, numpy_dtype, rank_of, shape_of
from baryon.ir import dim_prod
from baryon.ops import Calls
from baryon.ops.shapes import write_shape


def _batch_norm(
    o: Calls[Operand], node: Node, x: Operand, scale: Operand, bias: Operand,
    mean: Operand, var: Operand,
) -> Any:  # fmt: skip
    momentum, epsilon = node.attr("momentum", 0.9), node.attr("epsilon", 1e-5)
    node.ignore("is_test", "consumed_inputs")
    if not node.attr("spatial", 1):
        raise node.unsupported("spatial=0")
    if not node.attr("training_mode", 0):
        return o.npx.batch_norm(x, scale, bias, mean, var, eps=epsilon, fix_gamma=False)
    own = _moments(o, x, tuple(a for a in range(rank_of(x)) if a != 1))
    y = o.npx.batch_norm(x, scale, bias, *own, eps=epsilon, fix_gamma=False)
    running = (
        o.np.add(o.np.multiply(old, momentum), o.np.multiply(new, 1 - momentum))
        for old, new in zip((mean, var), own, strict=True)
    )
    return (y, *running)


def _moments(
    o: Calls[Operand], x: Operand, axes: tuple[int, ...], keepdims: bool = False
) -> tuple[Any, Any]:
    """Mean and variance, of the whole population, along some axes."""
    centred = o.np.subtract(x, o.np.mean(x, axis=axes, keepdims=True))
    mean = o.np.mean(x, axis=axes, keepdims=keepdims)
    return mean, o.np.mean(o.np.square(centred), axis=axes, keepdims=keepdims)


def _instance_norm(o: Calls[Operand], node: Node, x: Operand, scale: Operand, bias: Operand) -> Any:
    mean, var = _moments(o, x, tuple(range(2, rank_of(x))), keepdims=True)
    inverse = o.npx.rsqrt(o.np.add(var, float(node.attr("epsilon", 1e-5))))
    scaled = o.np.multiply(o.np.subtract(x, mean), inverse)
    gamma, beta = (
        o.np.expand_dims(v, axis=[a - 1 for a in range(2, rank_of(x))]) for v in (scale, bias)
    )
    return o.np.add(o.np.multiply(scaled, gamma), beta)


def _layer_norm(
    o: Calls[Operand], node: Node, x: Operand, scale: Operand, bias: Operand | None = None
) -> Any:
    node.ignore("stash_type")  # the precision of the mean: ours is at least that of the operands
    axis, epsilon = node.attr("axis", -1) % rank_of(x), node.attr("epsilon", 1e-5)
    y = _normalized(o, node, x, scale, bias, axis, epsilon)
    if len(node.outputs) == 1:
        return y
    mean, var = _moments(o, x, tuple(range(axis, rank_of(x))), keepdims=True)
    return y, mean, o.npx.rsqrt(o.np.add(var, epsilon))


def _normalized(
    o: Calls[Operand], node: Node, x: Operand, scale: Operand, bias: Operand | None, axis: int,
    epsilon: float,
) -> Any:  # fmt: skip
    shape = shape_of(x)
    if shape_of(scale) != shape[axis:]:
        raise node.unsupported(f"a scale of the shape {shape_of(scale)} on {shape[axis:]}")
    if bias is None:
        bias = np.broadcast_to(np.zeros((), numpy_dtype(x)), shape_of(scale))  # type: ignore[arg-type]
    if axis == len(shape) - 1:
        return o.npx.layer_norm(x, scale, bias, axis=-1, eps=epsilon)
    rows = o.np.reshape(x, write_shape((*shape[:axis], dim_prod(shape[axis:]))))
    gamma, beta = (o.np.reshape(v, (-1,)) for v in (scale, bias))
    normal = o.npx.layer_norm(rows, gamma, beta, axis=-1, eps=epsilon)
    return o.np.reshape(normal, write_shape(shape))


def _lrn(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return o.npx.lrn(
        x, nsize=node.attr("size", 0), alpha=node.attr("alpha", 1e-4),
        beta=node.attr("beta", 0.75), knorm=node.attr("bias", 1.0),
    )  # fmt: skip


def _lp_norm(o: Calls[Operand], node: Node, x: Operand) -> Any:
    axis, p = node.attr("axis", -1), node.attr("p", 2)
    if p not in (1, 2):
        raise node.unsupported(f"p={p}")
    total = o.np.sum((o.np.abs if p == 1 else o.np.square)(x), axis=axis, keepdims=True)
    norm = total if p == 1 else o.np.sqrt(total)
    nothing = o.np.equal(norm, 0.0)
    return o.np.where(nothing, 0.0, o.np.divide(x, o.np.where(nothing, 1.0, norm)))


def _rows_softmax(target: str) -> Any:
    """Before opset 13 the operand is a matrix: the axes before `axis`, those from it on."""

    def build(o: Calls[Operand], node: Node, x: Operand) -> Any:
        shape = shape_of(x)
        axis = node.attr("axis", 1) % max(len(shape), 1)
        longer = [a for a in range(axis, len(shape)) if shape[a] != 1]
        if len(longer) <= 1:
            return call(o, target)(x, axis=longer[0] if longer else axis)
        matrix = (dim_prod(shape[:axis]), dim_prod(shape[axis:]))
        rows = call(o, target)(o.np.reshape(x, write_shape(matrix)), axis=1)
        return o.np.reshape(rows, write_shape(shape))

    return build


def _softmax(target: str) -> Any:
    def build(o: Calls[Operand], node: Node, x: Operand) -> Any:
        return call(o, target)(x, axis=node.attr("axis", -1))

    return build


OPS = (
    OnnxOp("BatchNormalization", _batch_norm),
    OnnxOp("InstanceNormalization", _instance_norm, since=6),
    OnnxOp("LayerNormalization", _layer_norm, since=17),
    OnnxOp("LpNormalization", _lp_norm),
    OnnxOp("LRN", _lrn),
    OnnxOp("Softmax", _rows_softmax("npx.softmax")),
    OnnxOp("Softmax", _softmax("npx.softmax"), since=13),
    OnnxOp("LogSoftmax", _rows_softmax("npx.log_softmax")),
    OnnxOp("LogSoftmax", _softmax("npx.log_softmax"), since=13),
)
