"""Networks that MXNet quantized: a quantized operator means dequantize, operator, quantize.

Source: MXNet's operators `_contrib_quantize*`, `_contrib_quantized_*` and, of its oneDNN backend,
`_sg_onednn_*` (`_sg_mkldnn_*` in 1.x), whose graphs inside say what was fused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet import layers, reduction, shape
from baryon.importers.mxnet.attributes import flag, integer, number, text, whole
from baryon.importers.mxnet.codes import Codes, again, coded, known, meaning, one, range_of
from baryon.importers.mxnet.codes import weight_codes as rounded
from baryon.importers.mxnet.node import MxOp, Node, op
from baryon.importers.mxnet.reader import SymbolNode

_NOT_NEGATIVE = {
    "Activation": ("relu", "sigmoid", "softrelu"), "relu": None, "_npx_relu": None, "clip": None,
    "sigmoid": None, "_npx_sigmoid": None, "_npi_clip": None, "square": None, "sqrt": None,
    "exp": None, "abs": None, "_npi_square": None, "_npi_sqrt": None, "_npi_exp": None,
    "_npi_absolute": None,
}  # fmt: skip
"""Operators at the end of a fused one whose results are uint8 codes; with their `act_type`."""


def _quantize(node: Node, x: ndarray, low: ndarray, high: ndarray) -> Codes:
    return coded(x, node.get(text("out_type", "uint8")), low, high)


def _quantize_v2(node: Node, x: ndarray) -> Codes:
    """Codes of the calibrated range or, without one, of that of the data."""
    limits = _calibrated(node)
    kind = node.get(text("out_type", "int8"))
    if kind == "auto":
        kind = "uint8" if limits and limits[0] >= 0 else "int8"
    low, high = map(one, limits) if limits else range_of(x)
    return coded(x, kind, low, high)


def _requantize(node: Node, data: ndarray, low: ndarray, high: ndarray) -> Codes:
    return _quantize_v2(node, meaning(Codes(data, low, high)))


def _dequantize(node: Node, data: ndarray, low: ndarray, high: ndarray) -> ndarray:
    node.ignore("out_type")
    return meaning(Codes(data, low, high))


def _calibrated(node: Node) -> tuple[float, float] | None:
    low, high = (node.get(number(f"{end}_calib_range", None)) for end in ("min", "max"))
    return None if low is None or high is None else (low, high)


def _result(node: Node, y: ndarray, kind: str) -> Any:
    """Floats, codes of the calibrated range, or, without one, floats in the place of int32."""
    limits = _calibrated(node)
    if node.get(flag("enable_float_output", False)) or node.get(
        flag("enabled_float_output", False)
    ):
        return y
    if limits is None:
        return Codes(y, *range_of(y))
    return coded(y, kind, *map(one, limits))


def _around(build: Callable[..., ndarray]) -> Callable[..., Any]:
    """An operator on one array of codes, which keeps their range."""

    def call(node: Node, data: ndarray, low: ndarray, high: ndarray) -> Codes:
        codes = Codes(data, low, high)
        return again(codes, build(node, meaning(codes)))

    return call


def _binary(function: Callable[..., ndarray]) -> Callable[..., Any]:
    def call(
        node: Node, a: ndarray, b: ndarray, a_low: ndarray, a_high: ndarray, b_low: ndarray,
        b_high: ndarray,
    ) -> Any:  # fmt: skip
        y = function(meaning(Codes(a, a_low, a_high)), meaning(Codes(b, b_low, b_high)))
        return _result(node, y, "int8")

    return call


def _concat(node: Node, *inputs: ndarray) -> Codes:
    """Arrays, then the ends of their ranges in pairs; the result has the widest range."""
    count = len(inputs) // 3
    ends = zip(inputs[count::2], inputs[count + 1 :: 2], strict=True)
    parts = [Codes(x, *pair) for x, pair in zip(inputs[:count], ends, strict=True)]
    axis = node.get(integer("dim", 1))
    y = np.concatenate([meaning(p) for p in parts], axis=axis)
    signed = any(p.data.type.dtype.numpy.name != "uint8" for p in parts)
    limits = _calibrated(node)
    if limits is not None:
        return coded(y, "int8" if signed else "uint8", *map(one, limits))
    low, high = parts[0].low, parts[0].high
    for p in parts[1:]:
        low, high = np.minimum(low, p.low), np.maximum(high, p.high)
    return coded(y, "int8" if signed else "uint8", low, high)


def _embedding(node: Node, x: ndarray, weight: ndarray, low: ndarray, high: ndarray) -> Codes:
    node.ignore("sparse_grad", "dtype", "input_dim", "output_dim")
    codes = Codes(weight, low, high)
    return again(codes, npx.embedding(x, meaning(codes)))


def _product(build: Callable[..., ndarray]) -> Callable[..., Any]:
    """A layer on codes with a weight (and bias) of codes, whose ends come after all of them."""

    def call(node: Node, x: ndarray, weight: ndarray, *rest: ndarray) -> Any:
        count = 2 if len(rest) == 4 else 3
        arrays = [x, weight, *rest[: count - 2]]
        ends = rest[count - 2 :]
        pairs = zip(ends[::2], ends[1::2], strict=True)
        values = [meaning(Codes(a, *p)) for a, p in zip(arrays, pairs, strict=True)]
        return _result(node, build(node, *values), "int8")

    return call


def _batch_norm(
    node: Node, data: ndarray, gamma: ndarray, beta: ndarray, mean: ndarray, variance: ndarray,
    low: ndarray, high: ndarray,
) -> Any:  # fmt: skip
    limits = _calibrated(node)
    x = meaning(Codes(data, low, high))
    y = layers.batch_norm(node, x, gamma, beta, mean, variance)
    if limits is None:
        raise node.unsupported("no calibrated range")
    return coded(y, "int8", *map(one, limits))


# Fused operators ---------------------------------------------------------------------------------


def _inlined(node: Node, *inputs: ndarray) -> list[ndarray]:
    """The graph inside, on floats."""
    (inner,) = node.inner
    return inner.run(dict(zip(inner.inputs, inputs, strict=True)))


def _fused(node: Node, *inputs: ndarray) -> Any:
    node.ignore(
        "with_bn", "with_act", "with_sum", "with_postsum_act", "with_eltwise", "dedup_sum",
        "weight_channelwise_scale", "channel_wise_quantize", "first_quantization_pass",
    )  # fmt: skip
    if len(node.inner) != 1:
        raise node.unsupported("it has no graph inside")
    if not node.get(flag("quantized", False)):
        node.ignore("min_calib_range", "max_calib_range", "enable_float_output")
        return _inlined(node, *inputs)
    return _FusedCodes(node, inputs).run()


class _FusedCodes:
    """A fused convolution or fully connected layer on codes.

    Its inputs are those of the graph inside in order, then the ends of the ranges of those that are
    codes: of the data, of a weight and bias if these are, of what is added.
    """

    def __init__(self, node: Node, inputs: Sequence[ndarray]) -> None:
        self.node, (self.inner,) = node, node.inner
        names, count = self.inner.inputs, len(self.inner.inputs)
        shared = len(inputs) < count + 2  # the sum is the data once more, and is not repeated
        first = inputs[: count - shared]
        self.ends = [*inputs[len(first) :]]
        self.values = dict(zip(names, [*first, *[inputs[0]] * shared], strict=True))

    def run(self) -> Any:
        """The graph inside on what codes mean, its weight rounded."""
        main = self.inner.find("Convolution", "_npx_convolution", "FullyConnected",
                               "_npx_fully_connected")  # fmt: skip
        if main is None:
            raise self.node.unsupported("neither a convolution nor a fully connected layer")
        symbol = self.inner.symbol.nodes
        layer = symbol[main]
        data, weight, *bias = (symbol[e.node].name for e in layer.inputs)
        order = [data, weight, *bias, *(n for n in self.values if n not in (data, weight, *bias))]
        real = {name: self._meaning(name) for name in order if self._is_coded(name)}
        values = {**self.values, **real}
        if not self._is_coded(weight):
            return self._with_float_weight(main, data, weight, bias, values)
        return self._finished(self.inner.run(values)[0])

    def _is_coded(self, name: str) -> bool:
        return not self.values[name].type.dtype.is_float

    def _meaning(self, name: str) -> ndarray:
        if len(self.ends) < 2:
            raise self.node.unsupported(f"the range of {name} is missing")
        low, high = self.ends.pop(0), self.ends.pop(0)
        return meaning(Codes(self.values[name], low, high))

    def _with_float_weight(
        self, main: int, data: str, weight: str, bias: Sequence[str], values: dict[str, ndarray]
    ) -> Any:
        """The weight with the batch normalization in it is rounded, as MXNet does at first use."""
        layer = self.inner.symbol.nodes[main]
        w = known(values[weight], self.node, "the weight")
        b = known(values[bias[0]], self.node, "the bias") if bias else None
        norm = self.inner.find("BatchNorm", "_npx_batch_norm")
        if norm is not None:
            statistics = self.inner.symbol.nodes[norm]
            numbers = [known(values[self.inner.symbol.nodes[e.node].name], self.node, "a statistic")
                       for e in statistics.inputs[1:]]  # fmt: skip
            w, b = _folded(self.inner.node(norm), w, b, numbers)
        calibrated = _calibrated(self.node) is not None
        is_float = bool(self.node.get(flag("enable_float_output", False)))
        rows = calibrated or is_float
        real = rounded(w, by_row=rows, name=f"{weight}_codes")
        y = _layer(self.inner.node(main, "no_bias"), layer, values[data], real,
                   None if b is None else ndarray(b))  # fmt: skip
        return self._finished(self.inner.run(values, {main if norm is None else norm: [y]})[0])

    def _finished(self, y: ndarray) -> Any:
        last = self.inner.symbol.nodes[self.inner.symbol.heads[0].node]
        return _result(self.node, y, "uint8" if _is_not_negative(last) else "int8")


def _is_not_negative(node: SymbolNode) -> bool:
    types = _NOT_NEGATIVE.get(node.op, ())
    return types is None or node.attrs.get("act_type") in types


def _folded(
    norm: Node, weight: Any, bias: Any, numbers: Sequence[Any]
) -> tuple[numpy.ndarray[Any, Any], numpy.ndarray[Any, Any]]:
    """A convolution's weight and bias with the batch normalization that follows in them."""
    gamma, beta, mean, variance = numbers
    scale = numpy.ones_like(gamma) if norm.get(flag("fix_gamma", True)) else gamma
    alpha = scale / numpy.sqrt(variance + numpy.float32(norm.get(number("eps", 1e-3))))
    moved = beta + alpha * ((0 if bias is None else bias) - mean)
    return weight * alpha.reshape(-1, *[1] * (weight.ndim - 1)), moved.astype(numpy.float32)


def _layer(node: Node, proto: SymbolNode, x: ndarray, weight: ndarray, bias: Any) -> ndarray:
    """The layer itself with other weights."""
    if proto.op in ("Convolution", "_npx_convolution"):
        return layers.convolution(node, x, weight, bias)
    return layers.fully_connected(node, x, weight, bias)


def _attention(function: Callable[..., ndarray], arrays: int) -> Callable[..., Any]:
    """Scores or weighted values of interleaved heads, on floats or codes."""

    def call(node: Node, *inputs: ndarray) -> Any:
        heads, values = node.get(integer("heads")), _values(node, inputs, arrays)
        ordered = values if arrays == 1 else [values[1], values[0]]
        y = function(*ordered, heads)
        return _result(node, y, "int8") if node.get(flag("quantized", False)) else y

    return call


def _batch_dot(node: Node, *inputs: ndarray) -> Any:
    a, b = _values(node, inputs, 2)
    y = reduction.batch_dot(node, a, b)
    return _result(node, y, "int8") if node.get(flag("quantized", False)) else y


def _values(node: Node, inputs: Sequence[ndarray], count: int) -> list[ndarray]:
    """What inputs mean, which are codes with their ranges behind them if the node is quantized."""
    if not node.get(flag("quantized", False)):
        node.ignore("enable_float_output", "enabled_float_output", "min_calib_range",
                    "max_calib_range")  # fmt: skip
        return [*inputs[:count]]
    ends = inputs[count:]
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return [meaning(Codes(x, *pair)) for x, pair in zip(inputs[:count], pairs, strict=True)]


def _flatten(node: Node, x: ndarray) -> ndarray:
    return npx.batch_flatten(x)


def _activation(node: Node, x: ndarray) -> ndarray:
    return npx.activation(x, node.get(text("act_type")))


def _reshape(node: Node, x: ndarray) -> ndarray:
    node.ignore("order")
    return npx.reshape(
        x, node.get(whole("newshape")), reverse=bool(node.get(flag("reverse", False)))
    )


def _frozen(names: str, build: Callable[..., Any]) -> MxOp:
    """An operator whose weights are constants: they are rounded while importing."""
    return op(names, build, frozen=True)


OPS = (
    op("_contrib_quantize _npx_contrib_quantize", _quantize),
    op("_contrib_quantize_v2 _npx_contrib_quantize_v2", _quantize_v2),
    op("_contrib_requantize _npx_requantize", _requantize),
    op("_contrib_dequantize", _dequantize),
    op("_contrib_quantized_pooling _npx_quantized_pooling", _around(layers.pooling)),
    op("_contrib_quantized_act _npx_quantized_act", _around(_activation)),
    op("_contrib_quantized_flatten _npx_quantized_flatten", _around(_flatten)),
    op("_contrib_quantized_reshape quantized_reshape", _around(_reshape)),
    op("_contrib_quantized_transpose quantized_transpose", _around(shape.transpose)),
    op("_contrib_quantized_elemwise_add _npx_quantized_elemwise_add _contrib_quantized_npi_add",
       _binary(np.add)),
    op("_contrib_quantized_elemwise_mul _npx_quantized_elemwise_mul", _binary(np.multiply)),
    op("_contrib_quantized_concat", _concat),
    _frozen("_contrib_quantized_embedding _npx_quantized_embedding", _embedding),
    _frozen("_contrib_quantized_conv _npx_quantized_conv", _product(layers.convolution)),
    _frozen("_contrib_quantized_fully_connected _npx_quantized_fully_connected",
            _product(layers.fully_connected)),
    _frozen("_contrib_quantized_batch_norm", _batch_norm),
    _frozen("_sg_onednn_conv _sg_mkldnn_conv _sg_onednn_fully_connected "
            "_sg_mkldnn_fully_connected", _fused),
    op("_sg_onednn_batch_norm _sg_pow_mul_scalar", _inlined),
    op("_sg_onednn_selfatt_qk _sg_mkldnn_selfatt_qk",
       _attention(npx.interleaved_matmul_selfatt_qk, 1)),
    op("_sg_onednn_selfatt_valatt _sg_mkldnn_selfatt_valatt",
       _attention(npx.interleaved_matmul_selfatt_valatt, 2)),
    op("_sg_onednn_batch_dot", _batch_dot),
)  # fmt: skip
