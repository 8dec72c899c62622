"""Conversions between element types."""

from __future__ import annotations

from typing import Any

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.schemas import number_of
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import DType

_BIT_CAST = 26
"""The opset that has BitCast."""


def _cast(o: Writer, call: Call, x: Tensor) -> Tensor:
    return o.cast(x, call["dtype"])


def _narrow(o: Writer, call: Call, x: Tensor) -> Tensor:
    dtype: DType = call["dtype"]
    attrs: dict[str, Any] = {} if call["saturate"] else {"saturate": 0}
    if dtype.format is not None and not dtype.format.mantissa:
        attrs["round_mode"] = call["rounding"]
    return o.onnx.Cast(x, to=number_of(dtype), dtype=dtype, **attrs)


def _bit_cast(o: Writer, call: Call, x: Tensor) -> Tensor:
    if o.file.opset < _BIT_CAST:
        raise call.unsupported(f"BitCast is of opset {_BIT_CAST}")
    return o.onnx.BitCast(x, to=number_of(call["dtype"]), dtype=call["dtype"])


OPS: tuple[Form | NoForm, ...] = (
    Form("npx.cast", _cast),
    Form("ir.narrow", _narrow),
    Form("ir.bit_cast", _bit_cast),
)
