"""Activation functions: element by element, for floating operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import TensorType
from baryon.ops import numerics
from baryon.ops.attributes import Param
from baryon.ops.declare import INTEGER_SAMPLES, SAMPLES
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, as_float, rounded
from baryon.ops.opdef import OpDef, Sample, elementwise
from baryon.ops.shapes import floating

_DOC = "The result has data's shape and dtype; whole numbers give float32."


def _activation(
    name: str, doc: str, function: Callable[..., Any], gradient: Any, expr: Any, **more: Any
) -> OpDef:
    def infer(data: TensorType, **attrs: Any) -> TensorType:
        return TensorType(data.shape, floating(data.dtype))

    def reference(data: Arr, **attrs: Any) -> Any:
        return function(as_float(data), **attrs)

    fields = {"samples": SAMPLES, "source": f"MXNet 2 {name}"} | more
    return OpDef(
        name=name,
        doc=f"{doc}\n\n{_DOC}",
        operands=("data",),
        infer=infer,
        reference=rounded(reference),
        gradient=gradient,
        lowering=elementwise(expr),
        **fields,
    )


def _relu_infer(data: TensorType) -> TensorType:
    return data.with_shape(data.shape)


def _relu_ref(data: Arr) -> Any:
    return np.maximum(data, data.dtype.type(0))


def _relu_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    # by the result: data need not be kept for it
    return [o.np.where(o.np.greater(y[0], 0.0), g[0], 0.0)]


relu = OpDef(
    name="npx.relu",
    doc="max(data, 0). Shape and dtype are those of data, whole numbers included.",
    operands=("data",),
    infer=_relu_infer,
    reference=rounded(_relu_ref),
    gradient=_relu_grad,
    lowering=elementwise(lambda t, data: t.maximum(data, t.const(0, like=data))),
    samples=SAMPLES + INTEGER_SAMPLES,
    source="MXNet 2 npx.relu",
)


def _sigmoid_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    slope = o.np.multiply(y[0], o.np.subtract(1.0, y[0]))
    return [o.np.multiply(g[0], slope)]


sigmoid = _activation(
    "npx.sigmoid",
    "1 / (1 + exp(-data)).",
    numerics.sigmoid,
    _sigmoid_grad,
    lambda t, data: t.sigmoid(data),
)


def _softplus_ref(data: Arr) -> Any:
    return np.maximum(data, 0) + np.log1p(np.exp(-np.abs(data)))


def _softplus_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.npx.sigmoid(x[0]))]


def _softplus_expr(t: Any, data: Any) -> Any:
    return t.maximum(data, t.const(0, like=data)) + t.log1p(t.exp(-t.abs(data)))


softplus = _activation(
    "npx.softplus",
    "log(1 + exp(data)), without overflow. MXNet calls it softrelu.",
    _softplus_ref,
    _softplus_grad,
    _softplus_expr,
)


def _softsign_ref(data: Arr) -> Any:
    return data / (1 + np.abs(data))


def _softsign_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], o.np.square(o.np.add(o.np.abs(x[0]), 1.0)))]


softsign = _activation(
    "npx.softsign",
    "data / (1 + |data|).",
    _softsign_ref,
    _softsign_grad,
    lambda t, data: data / (t.const(1, like=data) + t.abs(data)),
)


def _leaky_relu_ref(data: Arr, slope: float) -> Any:
    return np.where(data > 0, data, data * slope)


def _leaky_relu_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    below = o.np.multiply(g[0], attrs["slope"])
    return [o.np.where(o.np.greater(x[0], 0.0), g[0], below)]


def _leaky_relu_expr(t: Any, data: Any, slope: float) -> Any:
    above = t.gt(data, t.const(0, like=data))
    return t.select(above, data, data * t.const(slope, like=data))


_ALPHA_SAMPLES = (*SAMPLES, Sample(((2, 3),), {"slope": 0.1}))
leaky_relu = _activation(
    "npx.leaky_relu",
    "data where it is positive, slope * data elsewhere.",
    _leaky_relu_ref,
    _leaky_relu_grad,
    _leaky_relu_expr,
    params=(Param("slope", "float", 0.25, "factor of negative elements"),),
    samples=_ALPHA_SAMPLES,
)


def _elu_ref(data: Arr, slope: float) -> Any:
    return np.where(data > 0, data, slope * np.expm1(np.minimum(data, 0)))


def _elu_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    below = o.np.multiply(g[0], o.np.add(y[0], attrs["slope"]))
    return [o.np.where(o.np.greater(x[0], 0.0), g[0], below)]


def _elu_expr(t: Any, data: Any, slope: float) -> Any:
    zero = t.const(0, like=data)
    below = t.const(slope, like=data) * t.expm1(t.minimum(data, zero))
    return t.select(t.gt(data, zero), data, below)


elu = _activation(
    "npx.elu",
    "data where it is positive, slope * (exp(data) - 1) elsewhere.",
    _elu_ref,
    _elu_grad,
    _elu_expr,
    params=(Param("slope", "float", 1.0, "the negative of the limit at -infinity"),),
    samples=_ALPHA_SAMPLES,
    source="MXNet 2 npx.leaky_relu(act_type='elu'); ONNX Elu",
)


def _silu_ref(data: Arr) -> Any:
    return data * numerics.sigmoid(data)


def _silu_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    s = o.npx.sigmoid(x[0])
    bend = o.np.add(o.np.multiply(x[0], o.np.subtract(1.0, s)), 1.0)
    return [o.np.multiply(g[0], o.np.multiply(s, bend))]


silu = _activation(
    "npx.silu",
    "data * sigmoid(data), also called swish.",
    _silu_ref,
    _silu_grad,
    lambda t, data: data * t.sigmoid(data),
    source="arXiv:1702.03118; MXNet 2 gluon.nn.SiLU",
)

_TANH_SCALE, _TANH_CUBE = math.sqrt(2 / math.pi), 0.044715


def _gelu_ref(data: Arr, approximate: str) -> Any:
    if approximate == "erf":
        return 0.5 * data * (1 + numerics.erf(data * math.sqrt(0.5)))
    return 0.5 * data * (1 + np.tanh(_TANH_SCALE * (data + _TANH_CUBE * data**3)))


def _gelu_slope_erf(o: Recorder, x: Any) -> Any:
    cdf = o.np.multiply(o.np.add(o.npx.erf(o.np.multiply(x, math.sqrt(0.5))), 1.0), 0.5)
    bell = o.np.exp(o.np.multiply(o.np.square(x), -0.5))
    pdf = o.np.multiply(bell, 1 / math.sqrt(2 * math.pi))
    return o.np.add(cdf, o.np.multiply(x, pdf))


def _gelu_slope_tanh(o: Recorder, x: Any) -> Any:
    squared = o.np.square(x)
    inner = o.np.multiply(x, o.np.add(o.np.multiply(squared, _TANH_CUBE), 1.0))
    th = o.np.tanh(o.np.multiply(inner, _TANH_SCALE))
    d_inner = o.np.add(o.np.multiply(squared, 3 * _TANH_CUBE * _TANH_SCALE), _TANH_SCALE)
    bend = o.np.multiply(o.np.multiply(x, o.np.subtract(1.0, o.np.square(th))), d_inner)
    return o.np.multiply(o.np.add(o.np.add(th, 1.0), bend), 0.5)


def _gelu_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    slope = _gelu_slope_erf if attrs["approximate"] == "erf" else _gelu_slope_tanh
    return [o.np.multiply(g[0], slope(o, x[0]))]


def _gelu_expr(t: Any, data: Any, approximate: str) -> Any:
    one, half = t.const(1, like=data), t.const(0.5, like=data)
    if approximate == "erf":
        return half * data * (one + t.erf(data * t.const(math.sqrt(0.5), like=data)))
    cubic = data + t.const(_TANH_CUBE, like=data) * data * data * data
    return half * data * (one + t.tanh(t.const(_TANH_SCALE, like=data) * cubic))


gelu = _activation(
    "npx.gelu",
    "data times the normal distribution's probability of values below it.",
    _gelu_ref,
    _gelu_grad,
    _gelu_expr,
    params=(
        Param("approximate", "str", "erf", "the exact form, or tanh's", choices=("erf", "tanh")),
    ),
    samples=(*SAMPLES, Sample(((2, 3),), {"approximate": "tanh"})),
    source="arXiv:1606.08415; MXNet 2 npx.leaky_relu(act_type='gelu_erf')",
)

OPS = (relu, sigmoid, softplus, softsign, leaky_relu, elu, silu, gelu)
