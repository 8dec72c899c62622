"""Conversions between element types."""

from __future__ import annotations

from typing import Any

from baryon.importers.onnx.node import Node, OnnxOp, Operand, is_symbolic, numpy_dtype
from baryon.importers.onnx.reader import element_type
from baryon.ir import DType, dtype_of
from baryon.ops import Calls


def _cast(o: Calls[Operand], node: Node, x: Operand) -> Any:
    dtype = element_type(node.attr("to", 0))
    if not is_symbolic(x) or dtype.kind not in ("int", "uint"):
        return _converted(o, node, x, dtype)
    node.ignore("saturate", "round_mode")
    return x


def _cast_like(o: Calls[Operand], node: Node, x: Operand, like: Operand) -> Any:
    return _converted(o, node, x, dtype_of(numpy_dtype(like)))


def _converted(o: Calls[Operand], node: Node, x: Operand, dtype: DType) -> Any:
    saturate, rounding = bool(node.attr("saturate", 1)), node.attr("round_mode", "up")
    if dtype.format is None:  # of which the two attributes say nothing
        return o.npx.cast(x, dtype=dtype)
    return o.ir.narrow(x, dtype=dtype, saturate=saturate, rounding=rounding)


def _bit_cast(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return o.ir.bit_cast(x, dtype=element_type(node.attr("to", 0)))


OPS = (
    OnnxOp("BitCast", _bit_cast, since=26),
    OnnxOp("Cast", _cast, since=6),
    OnnxOp("CastLike", _cast_like, since=15),
)
