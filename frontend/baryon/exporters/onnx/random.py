"""Random numbers: SplitMix64, whose arithmetic on 64-bit words the standard has."""

from __future__ import annotations

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import DTYPES, dim_prod, f32, f64, i64, u64
from baryon.ops.random import DIGITS, GAMMA, LAST_SHIFT, MIX, STREAM

_MASK = (1 << 64) - 1


def _word(o: Writer, value: int) -> Tensor:
    return o.constant(np.asarray(value & _MASK, np.uint64))


def _shifted(o: Writer, z: Tensor, places: int) -> Tensor:
    return o.onnx.BitShift(z, _word(o, places), direction="RIGHT")


def _mixed(o: Writer, z: Tensor) -> Tensor:
    for shift, factor in MIX:
        z = o.onnx.Mul(o.onnx.BitwiseXor(z, _shifted(o, z, shift)), _word(o, factor))
    return o.onnx.BitwiseXor(z, _shifted(o, z, LAST_SHIFT))


def _uniform(o: Writer, call: Call, key: Tensor) -> Tensor:
    dtype = call.type.dtype
    digits = DIGITS[dtype.name]
    start = _mixed(o, o.onnx.Add(key, _word(o, call["stream"] * STREAM)))
    count = o.dims([dim_prod(call.type.shape)])
    ends = (o.constant(np.asarray(1, np.int64)), o.constant(np.asarray(1, np.int64)))
    stop = o.onnx.Add(o.onnx.Squeeze(count), ends[0])
    places = o.cast(o.onnx.Range(ends[0], stop, ends[1]), u64)
    z = _mixed(o, o.onnx.Add(o.onnx.Mul(places, _word(o, GAMMA)), start))
    top = o.cast(_shifted(o, z, 64 - digits), i64)
    wide = f64 if dtype == f64 else f32
    unit = o.onnx.Mul(o.cast(top, wide), o.constant(np.asarray(0.5**digits, wide.numpy)))
    return o.onnx.Reshape(o.cast(unit, DTYPES[dtype.name]), o.dims(call.type.shape),
                                  allowzero=1)  # fmt: skip


OPS: tuple[Form | NoForm, ...] = (Form("ir.random_uniform", _uniform),)
