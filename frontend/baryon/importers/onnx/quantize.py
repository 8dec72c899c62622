"""Quantized models: QuantizeLinear and DequantizeLinear, and ops that hold them inside.

A quantized op means dequantize, op, quantize, and is imported as that. Where scales are known,
codes have them in their types (`ir.quantize`); where they are computed (dynamic quantization), the
same arithmetic is written out. Ops named Integer multiply codes as they are: their scale is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from baryon.importers.onnx.conv import conv
from baryon.importers.onnx.node import (
    Node,
    OnnxOp,
    Operand,
    numpy_dtype,
    rank_of,
    shape_of,
)
from baryon.importers.onnx.pooling import average_pool, global_pool
from baryon.importers.onnx.reader import element_type
from baryon.ir import Array, DType, dtype_of, f32, i8, i32, u8
from baryon.ops import Calls

_MICROSOFT = "com.microsoft"

Ops = Calls[Operand]


class _Grain(NamedTuple):
    """How scales and zero points lie over a tensor, unless there is one for all of it.

    axis: they change along it. block: so many places have one of them, 0: each has its own.
    """

    axis: int | None = None
    block: int = 0


_WHOLE = _Grain()


def _numbers(
    node: Node, scale: Array, zero: Array | None, axis: int | None = None
) -> dict[str, Any]:
    """The attributes of `ir.quantize` and `ir.dequantize`."""
    if scale.size == 1:
        axis = None
    elif scale.ndim != 1 or axis is None:
        raise node.unsupported(f"scales of shape {scale.shape}", "one, or one for each place")
    zeros = np.zeros(1, np.int64) if zero is None else zero.reshape(-1).astype(np.int64)
    once = zeros[:1] if (zeros == zeros[0]).all() else zeros
    return {"scale": scale.astype(np.float32).ravel().tolist(), "zero": once.tolist(), "axis": axis}


def _grain(node: Node, x: Operand, default: int = 1) -> _Grain:
    axis, rank, block = node.attr("axis", default), rank_of(x), node.attr("block_size", 0)
    return _Grain(axis % rank, block) if rank else _WHOLE


def _spread(o: Ops, node: Node, x: Operand, like: Operand, grain: _Grain) -> Any:
    """Numbers in a shape that broadcasts to the tensor's."""
    if rank_of(x) == 0 or shape_of(x) == (1,) or grain.axis is None:
        return o.np.reshape(x, ())
    if grain.block:
        size = node.number(shape_of(like)[grain.axis], "the axis of the blocks")
        return o.np.take(x, np.arange(size) // grain.block, axis=grain.axis)
    return o.np.reshape(x, (-1, *[1] * (rank_of(like) - grain.axis - 1)))


def _dtype_attr(node: Node, name: str, default: DType) -> DType:
    code = node.attr(name, 0)
    return element_type(code) if code else default


def _precision(scale: Operand) -> DType:
    """The type of quotients by a scale, if none is given: its own, where that is computed in."""
    dtype = dtype_of(numpy_dtype(scale))
    return dtype if dtype.is_float and not dtype.is_small else f32


def _quantize_linear(
    o: Ops, node: Node, x: Operand, scale: Operand, zero: Operand | None = None
) -> Any:
    grain, saturate = _grain(node, x), bool(node.attr("saturate", 1))
    precision = _dtype_attr(node, "precision", _precision(scale))
    dtype = _dtype_attr(node, "output_dtype", u8)
    dtype = dtype if zero is None else dtype_of(numpy_dtype(zero))
    known = isinstance(scale, np.ndarray) and (zero is None or isinstance(zero, np.ndarray))
    one = isinstance(scale, np.ndarray) and scale.size == 1
    if known and one and dtype in (i8, u8) and precision == f32:
        return o.ir.quantize(x, dtype=dtype, **_numbers(node, scale, zero))  # type: ignore[arg-type]
    spread = _spread(o, node, scale, x, grain)
    quotient = o.np.divide(*(o.npx.cast(y, dtype=precision) for y in (x, spread)))
    shift = None if zero is None else _spread(o, node, zero, x, grain)
    return _rounded(o, quotient, shift, dtype, saturate)


def _rounded(
    o: Ops, quotient: Operand, shift: Operand | None, dtype: DType, saturate: bool = True
) -> Any:
    """The codes of quotients by the scale, written out. shift: the zero point."""
    steps = quotient if dtype.is_float else o.np.rint(quotient)
    if shift is not None and not _is_zero(shift):
        steps = o.np.add(o.npx.cast(steps, dtype=f32), o.npx.cast(shift, dtype=f32))
    if dtype.is_float:
        return o.ir.narrow(steps, dtype=dtype, saturate=saturate)
    return o.npx.cast(o.np.clip(steps, *map(float, dtype.limits)), dtype=dtype)


def _is_zero(x: Operand) -> bool:
    return isinstance(x, np.ndarray) and not x.astype(np.float32).any()


def _dequantize_linear(
    o: Ops, node: Node, q: Operand, scale: Operand, zero: Operand | None = None
) -> Any:
    y = decoded(o, node, q, scale, zero, _grain(node, q))
    dtype = _dtype_attr(node, "output_dtype", _precision(scale))
    return y if dtype == f32 else o.npx.cast(y, dtype=dtype)


def decoded(
    o: Ops, node: Node, q: Operand, scale: Operand, zero: Operand | None, grain: _Grain = _WHOLE
) -> Any:
    """What codes mean, in float32."""
    known = isinstance(scale, np.ndarray) and (zero is None or isinstance(zero, np.ndarray))
    per_tensor = scale.size == 1 if isinstance(scale, np.ndarray) else False
    narrow = dtype_of(numpy_dtype(q)) in (i8, u8)
    per_axis = _is_array(q) and not grain.block
    if narrow and known and isinstance(scale, np.ndarray) and (per_tensor or per_axis):
        zeros = zero if isinstance(zero, np.ndarray) else None
        return o.ir.dequantize(q, **_numbers(node, scale, zeros, grain.axis))
    shifted = o.npx.cast(q, dtype=f32)
    if zero is not None and not _is_zero(zero):
        shift = _spread(o, node, zero, q, grain)
        shifted = o.np.subtract(shifted, o.npx.cast(shift, dtype=f32))
    return o.np.multiply(shifted, o.npx.cast(_spread(o, node, scale, q, grain), dtype=f32))


def _is_array(x: Operand) -> bool:
    return isinstance(x, np.ndarray)


def _encoded(o: Ops, node: Node, x: Operand, scale: Operand, zero: Operand | None) -> Any:
    """The codes of a result, whose scale is known."""
    scales = node.known(scale, "the scale of the result")
    zeros = None if zero is None else node.known(zero, "the zero point of the result")
    dtype = u8 if zeros is None else dtype_of(zeros.dtype)
    if dtype not in (i8, u8):
        quotient = o.np.divide(x, _spread(o, node, scales.astype(np.float32), x, _WHOLE))
        return _rounded(o, quotient, None if zeros is None else zeros.reshape(()), dtype)
    return o.ir.quantize(x, dtype=dtype, **_numbers(node, scales, zeros))


def _dynamic_quantize_linear(o: Ops, node: Node, x: Operand) -> Any:
    """Codes of the range that x has, with 0 in it; their scale, and their zero point."""
    low, high = o.np.minimum(o.np.min(x), 0.0), o.np.maximum(o.np.max(x), 0.0)
    scale = o.np.divide(o.np.subtract(high, low), 255.0)
    scale = o.np.where(o.np.equal(scale, 0.0), 1.0, scale)  # of zeros alone
    zero = o.np.clip(o.np.rint(o.np.divide(o.np.negative(low), scale)), 0.0, 255.0)
    zero = o.npx.cast(zero, dtype=u8)
    return _rounded(o, o.np.divide(x, scale), zero, u8), scale, zero


# Ops on codes ------------------------------------------------------------------------------------


def _qlinear_conv(
    o: Ops, node: Node, x: Operand, x_scale: Operand, x_zero: Operand, w: Operand,
    w_scale: Operand, w_zero: Operand, y_scale: Operand, y_zero: Operand, b: Operand | None = None,
) -> Any:  # fmt: skip
    weight = decoded(o, node, w, w_scale, w_zero, _Grain(0))
    bias = None if b is None else _bias(o, b, x_scale, w_scale)
    y = conv(o, node, decoded(o, node, x, x_scale, x_zero), weight, bias)
    return _encoded(o, node, y, y_scale, y_zero)


def _bias(o: Ops, b: Operand, x_scale: Operand, w_scale: Operand) -> Any:
    """A bias in units of the products' sums."""
    unit = o.np.multiply(o.np.reshape(x_scale, (-1,)), o.np.reshape(w_scale, (-1,)))
    return o.np.multiply(o.npx.cast(b, dtype=f32), unit)


def _qlinear_matmul(
    o: Ops, node: Node, a: Operand, a_scale: Operand, a_zero: Operand, b: Operand,
    b_scale: Operand, b_zero: Operand, y_scale: Operand, y_zero: Operand,
) -> Any:  # fmt: skip
    left = decoded(o, node, a, a_scale, a_zero)
    right = decoded(o, node, b, b_scale, b_zero, _Grain(rank_of(b) - 1))
    return _encoded(o, node, o.np.matmul(left, right), y_scale, y_zero)


_ONE = np.ones((), np.float32)


def _units(o: Ops, node: Node, q: Operand, zero: Operand | None, axis: int) -> Any:
    """Codes less their zero point, as float32, which holds the products' sums to 2^24."""
    places = shape_of(zero)[0] if zero is not None and rank_of(zero) else 1
    scale = np.ones(int(str(places)), np.float32) if places != 1 else _ONE
    return decoded(o, node, q, scale, zero, _Grain(axis))


def _matmul_integer(
    o: Ops, node: Node, a: Operand, b: Operand, a_zero: Operand | None = None,
    b_zero: Operand | None = None,
) -> Any:  # fmt: skip
    right = _units(o, node, b, b_zero, rank_of(b) - 1)
    if (
        a_zero is None
        or _is_array(a_zero)
        or not _is_array(b)
        or shape_of(a_zero) not in ((), (1,))
    ):
        left = _units(o, node, a, a_zero, rank_of(a) - 2)
        return o.npx.cast(o.np.matmul(left, right), dtype=i32)
    # a zero point from the run: the codes are multiplied, and its share is taken off afterwards
    sums = o.np.sum(_units(o, node, np.asarray(b, np.int32), b_zero, rank_of(b) - 1), axis=(-2,))
    share = o.np.multiply(o.npx.cast(o.np.reshape(a_zero, ()), dtype=f32), sums)
    share = share if rank_of(b) == 2 else o.np.expand_dims(share, axis=(-2,))
    product = o.np.matmul(_units(o, node, a, None, 0), right)
    return o.npx.cast(o.np.subtract(product, share), dtype=i32)


def _conv_integer(
    o: Ops, node: Node, x: Operand, w: Operand, x_zero: Operand | None = None,
    w_zero: Operand | None = None,
) -> Any:  # fmt: skip
    weight = _units(o, node, w, w_zero, 0)
    return o.npx.cast(conv(o, node, _units(o, node, x, x_zero, 0), weight), dtype=i32)


def _qgemm(
    o: Ops, node: Node, a: Operand, a_scale: Operand, a_zero: Operand, b: Operand,
    b_scale: Operand, b_zero: Operand, c: Operand | None = None, y_scale: Operand | None = None,
    y_zero: Operand | None = None,
) -> Any:  # fmt: skip
    across = bool(node.attr("transB", 0))
    weight = decoded(o, node, b, b_scale, b_zero, _Grain(0 if across else 1))
    weight = weight if across else o.np.transpose(weight)
    x = decoded(o, node, a, a_scale, a_zero)
    x = o.np.transpose(x) if node.attr("transA", 0) else x
    units = shape_of(weight)[0]
    alpha = node.attr("alpha", 1.0)
    y = o.npx.fully_connected(x, weight, num_hidden=units, flatten=False)
    if c is not None:
        y = o.np.add(y, _bias(o, c, a_scale, b_scale))
    y = y if alpha == 1.0 else o.np.multiply(y, alpha)
    return y if y_scale is None else _encoded(o, node, y, y_scale, y_zero)


def _binary(name: str) -> Callable[..., Any]:
    """An element-wise op on two tensors of codes."""

    def build(
        o: Ops, node: Node, a: Operand, a_scale: Operand, a_zero: Operand | None, b: Operand,
        b_scale: Operand, b_zero: Operand | None, y_scale: Operand, y_zero: Operand | None = None,
    ) -> Any:  # fmt: skip
        left, right = decoded(o, node, a, a_scale, a_zero), decoded(o, node, b, b_scale, b_zero)
        return _encoded(o, node, getattr(o.np, name)(left, right), y_scale, y_zero)

    return build


def _around(op: Callable[[Ops, Node, Operand], Any]) -> Callable[..., Any]:
    """An op on one tensor of codes."""

    def build(
        o: Ops, node: Node, x: Operand, x_scale: Operand, x_zero: Operand | None,
        y_scale: Operand, y_zero: Operand | None = None,
    ) -> Any:  # fmt: skip
        if node.attr("channels_last", 0):
            raise node.unsupported("channels_last")
        return _encoded(o, node, op(o, node, decoded(o, node, x, x_scale, x_zero)), y_scale, y_zero)

    return build


def _leaky_relu(o: Ops, node: Node, x: Operand) -> Any:
    return o.npx.leaky_relu(x, slope=node.attr("alpha", 0.01))


def _sigmoid(o: Ops, node: Node, x: Operand) -> Any:
    return o.npx.sigmoid(x)


def _qlinear_concat(o: Ops, node: Node, y_scale: Operand, y_zero: Operand, *parts: Operand) -> Any:
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    means = [decoded(o, node, q, scale, zero) for q, scale, zero in triples]
    joined = o.np.concatenate(means, axis=node.attr("axis", 0))
    return _encoded(o, node, joined, y_scale, y_zero)


def _microsoft(name: str, build: Callable[..., Any]) -> OnnxOp:
    return OnnxOp(name, build, domain=_MICROSOFT)


OPS = (
    OnnxOp("QuantizeLinear", _quantize_linear, since=10),
    OnnxOp("DequantizeLinear", _dequantize_linear, since=10),
    OnnxOp("DynamicQuantizeLinear", _dynamic_quantize_linear, since=11),
    OnnxOp("QLinearConv", _qlinear_conv, since=10),
    OnnxOp("QLinearMatMul", _qlinear_matmul, since=10),
    OnnxOp("MatMulInteger", _matmul_integer, since=10),
    OnnxOp("ConvInteger", _conv_integer, since=10),
    _microsoft("QuantizeLinear", _quantize_linear),
    _microsoft("DequantizeLinear", _dequantize_linear),
    _microsoft("QGemm", _qgemm),
    _microsoft("QLinearAdd", _binary("add")),
    _microsoft("QLinearMul", _binary("multiply")),
    _microsoft("QLinearConcat", _qlinear_concat),
    _microsoft("QLinearAveragePool", _around(average_pool)),
    _microsoft("QLinearGlobalAveragePool", _around(global_pool("avg"))),
    _microsoft("QLinearLeakyRelu", _around(_leaky_relu)),
    _microsoft("QLinearSigmoid", _around(_sigmoid)),
)
