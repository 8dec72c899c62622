"""Softmax and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType
from baryon.ops.attributes import Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, kernel
from baryon.ops.shapes import fail, need_float, one_axis

_PARAMS = (
    Param("axis", "int", -1, "the axis along which the results sum to 1"),
    Param("temperature", "float?", None, "divides data first; None for 1"),
)
_SHARED_DOC = (
    "data has a floating dtype and rank 1 or more; the result has its shape and dtype. IRTypeError "
    "otherwise, and for a temperature that is not positive."
)
_SAMPLES = (
    Sample(((2, 5),), batch=(0,)),
    Sample(((2, 3, 4),), {"axis": 1, "temperature": 2.5}, batch=(0,)),
    Sample(((3,),), {"axis": 0}, dtypes=("f64",)),
    Sample(((0, 3),)),
    Sample(((2, 3),), dtypes=("f16",)),
)


def _infer(op: str, data: TensorType, axis: int, temperature: float | None) -> TensorType:
    need_float(op, data=data)
    one_axis(op, axis, data.rank)
    if temperature is not None and not temperature > 0:
        fail(op, f"temperature must be positive, not {temperature}")
    return data.with_shape(data.shape)


def _softmax_infer(data: TensorType, **attrs: Any) -> TensorType:
    return _infer("npx.softmax", data, **attrs)


def _log_softmax_infer(data: TensorType, **attrs: Any) -> TensorType:
    return _infer("npx.log_softmax", data, **attrs)


def _centred(data: Arr, axis: int, temperature: float | None) -> Arr:
    """Scaled data minus its maximum along the axis, so that nothing overflows."""
    scaled = data if temperature is None else data / temperature
    centred: Arr = scaled - scaled.max(axis=axis, keepdims=True, initial=-np.inf)
    return centred


def _softmax_ref(data: Arr, axis: int, temperature: float | None) -> Any:
    e = np.exp(_centred(data, axis, temperature))
    return e / e.sum(axis=axis, keepdims=True)


def _log_softmax_ref(data: Arr, axis: int, temperature: float | None) -> Any:
    x = _centred(data, axis, temperature)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def _scaled(o: Recorder, g: Any, attrs: Attrs) -> Any:
    return g if attrs["temperature"] is None else o.np.multiply(g, 1 / attrs["temperature"])


def _softmax_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    weighted = o.np.multiply(g[0], y[0])
    total = o.np.sum(weighted, axis=(attrs["axis"],), keepdims=True)
    return [_scaled(o, o.np.subtract(weighted, o.np.multiply(y[0], total)), attrs)]


def _log_softmax_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    total = o.np.sum(g[0], axis=(attrs["axis"],), keepdims=True)
    return [_scaled(o, o.np.subtract(g[0], o.np.multiply(o.np.exp(y[0]), total)), attrs)]


softmax = OpDef(
    name="npx.softmax",
    doc=f"exp(data / temperature), divided by its sum along an axis.\n\n{_SHARED_DOC}",
    operands=("data",),
    params=_PARAMS,
    infer=_softmax_infer,
    reference=rounded(_softmax_ref),
    gradient=_softmax_grad,
    lowering=kernel("softmax"),
    samples=_SAMPLES,
    source="MXNet 2 npx.softmax; ONNX Softmax (since 13)",
)
log_softmax = OpDef(
    name="npx.log_softmax",
    doc=f"The logarithm of npx.softmax, without loss of precision.\n\n{_SHARED_DOC}",
    operands=("data",),
    params=_PARAMS,
    infer=_log_softmax_infer,
    reference=rounded(_log_softmax_ref),
    gradient=_log_softmax_grad,
    lowering=kernel("softmax"),
    samples=_SAMPLES,
    source="MXNet 2 npx.log_softmax; ONNX LogSoftmax (since 13)",
)

OPS = (softmax, log_softmax)
