"""Values that are known while importing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from onnx import helper

from baryon.importers.onnx.dims import ones
from baryon.importers.onnx.node import (
    Node,
    OnnxOp,
    Operand,
    dims_array,
    is_symbolic,
    numpy_dtype,
    shape_of,
)
from baryon.ir import Sym, dim_floordiv, dim_prod
from baryon.ops import Calls
from baryon.ops.shapes import write_shape

_PLAIN = {
    "value_float": np.float32, "value_floats": np.float32,
    "value_int": np.int64, "value_ints": np.int64,
}  # fmt: skip


def _constant(o: Calls[Operand], node: Node) -> Any:
    value: Any = node.attr("value", None)
    for name, dtype in _PLAIN.items():
        plain = node.attr(name, None)
        value = value if plain is None else np.array(plain, dtype)
    if not isinstance(value, np.ndarray):
        raise node.unsupported("it is neither a tensor nor numbers")
    return value


def _constant_of_shape(o: Calls[Operand], node: Node, shape: Operand) -> Any:
    """A constant whose elements are all one number in memory, however large it is."""
    value = node.attr("value", np.zeros(1, np.float32)).reshape(())
    dims = node.known_dims(shape, "the shape")
    if any(isinstance(d, Sym) for d in dims):
        return o.np.full(shape=write_shape(dims), fill_value=value.item(), dtype=value.dtype)
    return np.broadcast_to(value, dims)  # type: ignore[arg-type]


def _shape(o: Calls[Operand], node: Node, x: Operand) -> Any:
    dims = shape_of(x)
    first, last = node.attr("start", 0), node.attr("end", len(dims))
    return dims_array(dims[first:last])


def _size(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return dims_array([dim_prod(shape_of(x))]).reshape(())


def _range(o: Calls[Operand], node: Node, start: Operand, limit: Operand, delta: Operand) -> Any:
    dims = [start, limit, delta]
    if is_symbolic(limit) and not any(map(is_symbolic, (start, delta))):
        return _range_of_symbol(o, node, *(node.known(x, "the range").item() for x in dims))
    first, last, step = (node.known(x, "the range").item() for x in (start, limit, delta))
    node.scope.recorder.budget.take(max(0, math.ceil((last - first) / step)))
    return np.arange(first, last, step, dtype=node.known(start, "the range").dtype)


def _range_of_symbol(o: Calls[Operand], node: Node, first: int, size: Sym, step: int) -> Any:
    """0, step, ... below a symbolic size, as running sums."""
    count = dim_floordiv(size, step)
    if first != 0 or not isinstance(count, Sym):
        raise node.unsupported(f"from {first} in steps of {step} to a symbolic size")
    numbers = o.np.subtract(o.np.cumsum(ones(o, count), axis=0), np.int64(1))
    return o.np.multiply(numbers, np.int64(step))


def _eye_like(o: Calls[Operand], node: Node, x: Operand) -> Any:
    rows, columns = (node.number(d, "a side of the matrix") for d in shape_of(x))
    code = node.attr("dtype", 0)
    dtype = helper.tensor_dtype_to_np_dtype(code) if code else numpy_dtype(x)
    return np.eye(rows, columns, node.attr("k", 0), dtype)


OPS = (
    OnnxOp("Constant", _constant),
    OnnxOp("EyeLike", _eye_like, since=9),
    OnnxOp("ConstantOfShape", _constant_of_shape, since=9),
    OnnxOp("Range", _range, since=11),
    OnnxOp("Shape", _shape),
    OnnxOp("Size", _size),
)
