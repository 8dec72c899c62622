"""Codes: QuantizeLinear and DequantizeLinear with scales and zero points, the QDQ form."""

from __future__ import annotations

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm, same
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import DType, f32


def _numbers(o: Writer, call: Call, dtype: DType) -> tuple[Tensor, Tensor]:
    """Scale and zero point: scalars, or vectors along the axis."""
    scale, zero = np.asarray(call["scale"], np.float32), np.asarray(call["zero"], dtype.numpy)
    if call["axis"] is None:
        scale, zero = scale.reshape(()), zero.reshape(())
    return o.constant(scale), o.constant(np.array(np.broadcast_to(zero, scale.shape)))


def _quantize(o: Writer, call: Call, x: Tensor) -> Tensor:
    axis = {} if call["axis"] is None else {"axis": call["axis"]}
    return o.onnx.QuantizeLinear(
        o.cast(x, f32), *_numbers(o, call, call.type.dtype), dtype=call.type.dtype, **axis
    )


def _dequantize(o: Writer, call: Call, q: Tensor) -> Tensor:
    axis = {} if call["axis"] is None else {"axis": call["axis"]}
    return o.onnx.DequantizeLinear(q, *_numbers(o, call, q.dtype), dtype=f32, **axis)


OPS: tuple[Form | NoForm, ...] = (
    Form("ir.quantize", _quantize),
    Form("ir.dequantize", _dequantize),
    same("ir.as_quantized"),
    same("ir.codes"),
)
