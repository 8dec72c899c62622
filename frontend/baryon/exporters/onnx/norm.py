"""Reductions, normalizations, softmax and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm, by_ops, same
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import boolean, dim_prod, i32
from baryon.ops import TABLE
from baryon.ops.attention import expansion as attention_in_ops
from baryon.ops.shapes import many_axes


def _reduced(o: Writer, node: str, x: Tensor, axes: Sequence[int], keepdims: bool) -> Tensor:
    """A fold along axes. None of them: the op over one element."""
    if not axes:
        x, axes, keepdims = o.onnx.Unsqueeze(x, o.ints(0)), (0,), False
    return o.node(node, x, o.ints(*axes), keepdims=int(keepdims))


def _axes(call: Call, x: Tensor) -> tuple[int, ...]:
    return many_axes(call.opdef.name, call["axis"], x.rank)


def _folds(name: str, node: str) -> Form:
    def write(o: Writer, call: Call, a: Tensor) -> Tensor:
        x = o.typed(o.cast(a, call.type.dtype), a.type.shape)
        return _reduced(o, node, x, _axes(call, a), call["keepdims"])

    return Form(name, write)


def _is_empty(a: Tensor, axes: Sequence[int]) -> bool:
    return any(a.type.shape[axis] == 0 for axis in axes)


def _mean(o: Writer, call: Call, a: Tensor) -> Tensor:
    axes = _axes(call, a)
    if _is_empty(a, axes):
        return _nothing(o, call)
    x = o.typed(o.cast(a, call.type.dtype), a.type.shape)
    return _reduced(o, "ReduceMean", x, axes, call["keepdims"])


def _nothing(o: Writer, call: Call) -> Tensor:
    """The mean of no elements: NaN, where ONNX Runtime gives 0."""
    nan = o.constant(np.asarray(np.nan, call.type.dtype.numpy))
    return o.onnx.Expand(nan, o.dims(call.type.shape))


def _variance(root: bool) -> Any:
    def write(o: Writer, call: Call, a: Tensor) -> Tensor:
        x, axes = o.at_least_single(o.cast(a, call.type.dtype)), _axes(call, a)
        if _is_empty(a, axes):
            return _nothing(o, call)
        x = o.typed(x, a.type.shape)
        if not axes:
            return o.cast(o.onnx.Sub(x, x), call.type.dtype)
        centred = o.onnx.Sub(x, _reduced(o, "ReduceMean", x, axes, True))
        squares = o.onnx.Mul(centred, centred)
        made = _reduced(o, "ReduceMean", squares, axes, call["keepdims"])
        return o.cast(o.onnx.Sqrt(made) if root else made, call.type.dtype)

    return write


def _position(name: str, node: str) -> Form:
    def write(o: Writer, call: Call, a: Tensor) -> Tensor:
        axis, keep = call["axis"], int(call["keepdims"])
        given = o.cast(a, i32) if a.dtype == boolean else a
        if axis is not None:
            return o.node(node, given, axis=axis % a.rank, keepdims=keep)
        flat = o.reshaped(o.typed(given, a.type.shape), (dim_prod(a.type.shape),))
        place = o.node(node, flat, axis=0, keepdims=0)
        return o.reshaped(place, call.type.shape) if call.type.rank else place

    return Form(name, write)


def _cumsum(o: Writer, call: Call, a: Tensor) -> Tensor:
    axis = o.constant(np.asarray(call["axis"] % a.rank, np.int64))
    return o.onnx.CumSum(o.cast(a, call.type.dtype), axis)


def _det(o: Writer, call: Call, a: Tensor) -> Tensor:
    return o.onnx.Det(a)


def _batch_norm(
    o: Writer, call: Call, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor
) -> Tensor:
    if call["fix_gamma"]:
        ones = np.ones([int(d) for d in gamma.type.shape], gamma.dtype.numpy)  # type: ignore[arg-type]
        gamma = o.constant(ones)
    axis, rank = call["axis"] % x.rank, x.rank
    if axis == 1:
        return o.onnx.BatchNormalization(x, gamma, beta, mean, var, epsilon=call["eps"])
    order = [0, axis, *(i for i in range(1, rank) if i != axis)]
    if axis == 0:
        order = [1, 0, *range(2, rank)] if rank > 1 else []
    if not order:
        return _plain_norm(o, call, x, gamma, beta, mean, var)
    moved = o.onnx.Transpose(x, perm=order)
    made = o.onnx.BatchNormalization(moved, gamma, beta, mean, var, epsilon=call["eps"])
    return o.onnx.Transpose(made, perm=[order.index(i) for i in range(rank)])


def _plain_norm(
    o: Writer, call: Call, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor
) -> Tensor:
    """Of a vector, which has no axis of a batch."""
    scale = o.onnx.Div(gamma, o.onnx.Sqrt(o.onnx.Add(var, call["eps"])))
    return o.onnx.Add(o.onnx.Mul(o.onnx.Sub(x, mean), scale), beta)


def _last(call: Call, x: Tensor) -> list[int] | None:
    """The order of axes that brings an axis to the end, and back; None where it is there."""
    axis = call["axis"] % x.rank
    if axis == x.rank - 1:
        return None
    order = [*range(x.rank)]
    order[axis], order[-1] = order[-1], order[axis]
    return order


def _normalized(name: str, node: str) -> Form:
    """A normalization along the last axis; others are exchanged with it."""

    def write(o: Writer, call: Call, data: Tensor, *vectors: Tensor) -> Tensor:
        order = _last(call, data)
        given = data if order is None else o.onnx.Transpose(data, perm=order)
        made = o.node(node, given, *vectors, axis=-1, epsilon=call["eps"])
        return made if order is None else o.onnx.Transpose(made, perm=order)

    return Form(name, write)


def _lrn(o: Writer, call: Call, data: Tensor) -> Tensor:
    size = call["nsize"]
    if size % 2:
        how = {"size": size, "alpha": call["alpha"], "beta": call["beta"]}
        return o.onnx.LRN(data, bias=call["knorm"], **how)
    # of an even number of channels, which ONNX Runtime refuses: a mean over a window of channels
    shape = data.type.shape
    rows = (shape[0], 1, shape[1], dim_prod(shape[2:]))
    squares = o.reshaped(o.typed(o.onnx.Mul(data, data), shape), rows)
    pads = ((size - 1) // 2, 0, size // 2, 0)
    mean = o.onnx.AveragePool(squares, kernel_shape=(size, 1), pads=pads, count_include_pad=1)
    scale = o.onnx.Add(o.onnx.Mul(o.reshaped(mean, shape), call["alpha"]), call["knorm"])
    return o.onnx.Div(data, o.onnx.Pow(scale, call["beta"]))


def _softmax(name: str, node: str) -> Form:
    def write(o: Writer, call: Call, data: Tensor) -> Tensor:
        if call["temperature"] is not None:
            data = o.onnx.Div(data, call["temperature"])
        return o.node(node, data, axis=call["axis"])

    return Form(name, write)


def _expanded(name: str) -> Form:
    """An op that its declaration writes in others."""
    expansion = TABLE[name].expansion
    assert expansion is not None
    return by_ops(name, expansion)


OPS: tuple[Form | NoForm, ...] = (
    _folds("np.sum", "ReduceSum"),
    Form("np.mean", _mean),
    _folds("np.max", "ReduceMax"),
    _folds("np.min", "ReduceMin"),
    _folds("np.prod", "ReduceProd"),
    Form("np.var", _variance(root=False)),
    Form("np.std", _variance(root=True)),
    Form("np.cumsum", _cumsum),
    Form("ir.linalg_det", _det),
    _position("np.argmax", "ArgMax"),
    _position("np.argmin", "ArgMin"),
    Form("npx.batch_norm", _batch_norm),
    _normalized("npx.layer_norm", "LayerNormalization"),
    _normalized("npx.rms_norm", "RMSNormalization"),
    Form("npx.lrn", _lrn),
    same("npx.dropout"),
    _expanded("ir.batch_norm_train"),
    _expanded("ir.batch_norm_gradient"),
    _softmax("npx.softmax", "Softmax"),
    _softmax("npx.log_softmax", "LogSoftmax"),
    by_ops("ir.attention", attention_in_ops),
)
