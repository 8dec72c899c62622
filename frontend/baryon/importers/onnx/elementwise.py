"""Element-wise ops. Those that are one of ours by another name are one line each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.importers.onnx.node import (
    Node,
    OnnxOp,
    Operand,
    call,
    direct,
    numpy_dtype,
    shape_of,
)
from baryon.ops import Calls

_SELU = (1.67326319217681884765625, 1.05070102214813232421875)


def _clip_attrs(o: Calls[Operand], node: Node, x: Operand) -> Any:
    node.ignore("consumed_inputs")
    return _clip_to(o, x, node.attr("min", None), node.attr("max", None))


def _clip(
    o: Calls[Operand], node: Node, x: Operand, low: Operand | None = None,
    high: Operand | None = None,
) -> Any:  # fmt: skip
    bounds = [low, high]
    if all(b is None or isinstance(b, np.ndarray) for b in bounds):
        return _clip_to(o, x, *(None if b is None else b.item() for b in bounds))  # type: ignore[union-attr]
    y = x if low is None else o.np.maximum(x, low)
    return y if high is None else o.np.minimum(y, high)


def _clip_to(o: Calls[Operand], x: Operand, low: Any, high: Any) -> Any:
    return x if low is None and high is None else o.np.clip(x, low, high)


def _variadic(target: str) -> Any:
    def build(o: Calls[Operand], node: Node, *inputs: Operand) -> Any:
        node.ignore("consumed_inputs")
        return functools.reduce(call(o, target), inputs)

    return build


def _mean(o: Calls[Operand], node: Node, *inputs: Operand) -> Any:
    total = functools.reduce(o.np.add, inputs)
    return o.np.multiply(total, 1.0 / len(inputs)) if len(inputs) > 1 else total


def _pow(o: Calls[Operand], node: Node, x: Operand, y: Operand) -> Any:
    if numpy_dtype(y) != numpy_dtype(x):  # the result has the type of the base
        y = o.npx.cast(y, dtype=numpy_dtype(x))
    return o.np.power(x, y)


def _multiply(o: Calls[Operand], node: Node, x: Operand, y: Operand) -> Any:
    node.ignore("consumed_inputs")
    return o.np.multiply(x, y)


def _divide(o: Calls[Operand], node: Node, x: Operand, y: Operand) -> Any:
    node.ignore("consumed_inputs")
    if numpy_dtype(x).kind in "uO":  # sizes, where symbols are among them
        return o.np.floor_divide(x, y)
    if numpy_dtype(x).kind == "i":  # C's division, not Python's
        return o.np.floor_divide(o.np.subtract(x, o.np.fmod(x, y)), y)
    return o.np.divide(x, y)


def _prelu(o: Calls[Operand], node: Node, x: Operand, slope: Operand) -> Any:
    node.ignore("consumed_inputs")
    given, shape = shape_of(slope), shape_of(x)
    if len(given) == 1 and len(shape) > 1 and given[0] not in (1, shape[-1]):
        slope = o.np.reshape(slope, (-1, *(1,) * (len(shape) - 2)))  # by channel, as before opset 7
    low, high = o.np.minimum(x, 0.0), o.np.maximum(x, 0.0)
    return o.np.add(high, o.np.multiply(low, slope))


def _selu(o: Calls[Operand], node: Node, x: Operand) -> Any:
    node.ignore("consumed_inputs")
    alpha, gamma = node.attr("alpha", _SELU[0]), node.attr("gamma", _SELU[1])
    return o.np.multiply(o.npx.elu(x, slope=alpha), float(gamma))


def _hard_sigmoid(o: Calls[Operand], node: Node, x: Operand) -> Any:
    node.ignore("consumed_inputs")
    slope, shift = node.attr("alpha", 0.2), node.attr("beta", 0.5)
    return o.np.clip(o.np.add(o.np.multiply(x, float(slope)), float(shift)), 0.0, 1.0)


def _hard_swish(o: Calls[Operand], node: Node, x: Operand) -> Any:
    gate = o.np.clip(o.np.add(o.np.multiply(x, 1 / 6), 0.5), 0.0, 1.0)
    return o.np.multiply(x, gate)


def _mish(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return o.np.multiply(x, o.np.tanh(o.npx.softplus(x)))


def _swish(o: Calls[Operand], node: Node, x: Operand) -> Any:
    alpha = float(node.attr("alpha", 1.0))
    if alpha == 1.0:
        return o.npx.silu(x)
    return o.np.multiply(x, o.npx.sigmoid(o.np.multiply(x, alpha)))


def _gelu(o: Calls[Operand], node: Node, x: Operand) -> Any:
    approximate = node.attr("approximate", "none")
    return o.npx.gelu(x, approximate="erf" if approximate == "none" else approximate)


def _ceil(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return o.np.negative(o.np.floor(o.np.negative(x)))


def _mod(o: Calls[Operand], node: Node, x: Operand, y: Operand) -> Any:
    return o.np.fmod(x, y) if node.attr("fmod", 0) else o.np.mod(x, y)


def _identity(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return x


def _shift(o: Calls[Operand], node: Node, x: Operand, by: Operand) -> Any:
    left = node.attr("direction", "") == "LEFT"
    return (o.np.bitwise_left_shift if left else o.np.bitwise_right_shift)(x, by)


def _is_infinite(o: Calls[Operand], node: Node, x: Operand) -> Any:
    below, above = node.attr("detect_negative", 1), node.attr("detect_positive", 1)
    if below and above:
        return o.np.isinf(x)
    if not below and not above:
        return o.np.zeros_like(o.np.isinf(x))
    return o.np.isneginf(x) if below else o.np.isposinf(x)


def _shrink(o: Calls[Operand], node: Node, x: Operand) -> Any:
    border, bias = float(node.attr("lambd", 0.5)), float(node.attr("bias", 0.0))
    above = o.np.where(o.np.greater(x, border), o.np.subtract(x, bias), o.np.zeros_like(x))
    return o.np.where(o.np.less(x, -border), o.np.add(x, bias), above)


def _same_names(pairs: Sequence[tuple[str, str]]) -> tuple[OnnxOp, ...]:
    return tuple(direct(theirs, ours) for theirs, ours in pairs)


def _thresholded(o: Calls[Operand], node: Node, x: Operand) -> Any:
    above = o.np.greater(x, float(node.attr("alpha", 1.0)))
    return o.np.where(above, x, o.np.zeros_like(x))


OPS = (
    *_same_names((
        ("Abs", "np.abs"), ("Add", "np.add"), ("Equal", "np.equal"), ("Erf", "npx.erf"),
        ("Exp", "np.exp"), ("Floor", "np.floor"), ("Greater", "np.greater"), ("IsNaN", "np.isnan"),
        ("GreaterOrEqual", "np.greater_equal"), ("Less", "np.less"),
        ("LessOrEqual", "np.less_equal"), ("Log", "np.log"), ("Neg", "np.negative"),
        ("Not", "np.logical_not"), ("Reciprocal", "np.reciprocal"), ("Relu", "npx.relu"),
        ("Sigmoid", "npx.sigmoid"), ("Sign", "np.sign"), ("Softplus", "npx.softplus"),
        ("Softsign", "npx.softsign"), ("Sqrt", "np.sqrt"), ("Sub", "np.subtract"),
        ("Tanh", "np.tanh"), ("Where", "np.where"), ("And", "np.logical_and"),
        ("Or", "np.logical_or"), ("Xor", "np.logical_xor"), ("BitwiseAnd", "np.bitwise_and"),
        ("BitwiseOr", "np.bitwise_or"), ("BitwiseXor", "np.bitwise_xor"),
        ("BitwiseNot", "np.invert"), ("Round", "np.rint"), ("Cos", "np.cos"), ("Sin", "np.sin"),
        ("Tan", "np.tan"), ("Acos", "np.arccos"), ("Asin", "np.arcsin"), ("Atan", "np.arctan"),
        ("Cosh", "np.cosh"), ("Sinh", "np.sinh"), ("Acosh", "np.arccosh"),
        ("Asinh", "np.arcsinh"), ("Atanh", "np.arctanh"),
    )),
    direct("LeakyRelu", "npx.leaky_relu", slope=("alpha", 0.01)),
    direct("Elu", "npx.elu", slope=("alpha", 1.0)),
    OnnxOp("BitShift", _shift, since=11),
    OnnxOp("Ceil", _ceil),
    OnnxOp("Clip", _clip_attrs),
    OnnxOp("Clip", _clip, since=11),
    OnnxOp("Div", _divide),
    OnnxOp("Gelu", _gelu, since=20),
    OnnxOp("HardSigmoid", _hard_sigmoid),
    OnnxOp("HardSwish", _hard_swish, since=14),
    OnnxOp("Identity", _identity, takes_sequences=True),
    OnnxOp("IsInf", _is_infinite, since=10),
    OnnxOp("Max", _variadic("np.maximum")),
    OnnxOp("Mean", _mean),
    OnnxOp("Min", _variadic("np.minimum")),
    OnnxOp("Mish", _mish, since=18),
    OnnxOp("Mod", _mod, since=10),
    OnnxOp("Mul", _multiply),
    OnnxOp("Pow", _pow),
    OnnxOp("PRelu", _prelu, since=7),
    OnnxOp("Selu", _selu),
    OnnxOp("Shrink", _shrink, since=9),
    OnnxOp("Sum", _variadic("np.add")),
    OnnxOp("ThresholdedRelu", _thresholded, since=10),
    OnnxOp("Swish", _swish, since=24),
)  # fmt: skip
