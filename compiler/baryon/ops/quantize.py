"""Between real numbers and the 8-bit codes that stand for them.

A code q means scale * (q - zero), per tensor or along an axis. The attributes of an op say which
numbers; the type of codes carries them along, so that no op can take codes for what they are not.
All arithmetic is float32, so that kernels of every instruction set give the same codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import DType, Module, Quant, TensorType, f32
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.numerics import Arr
from baryon.ops.opdef import VIEW, OpDef, Sample, absent, elementwise
from baryon.ops.shapes import fail

QUANTIZE, DEQUANTIZE = "ir.quantize", "ir.dequantize"
AS_QUANTIZED, CODES = "ir.as_quantized", "ir.codes"

Floats = tuple[float, ...]
Ints = tuple[int, ...]

_NUMBERS = (
    Param("scale", "floats", REQUIRED, "what a step of the codes means, one or one for each place"),
    Param("zero", "ints", (0,), "the codes that mean 0: one, or one for each place"),
    Param("axis", "int?", None, "the axis of the places, not negative; None for one scale"),
)


def quantized(x: Arr, dtype: DType, quant: Quant) -> Arr:
    """The codes of an array: clip(rint(x * (1 / scale)) + zero), NaN the smallest code."""
    scale, zero = _spread(quant, x.ndim)
    low, high = dtype.limits
    steps = x.astype(np.float32) * (np.float32(1) / scale)
    codes = np.clip(np.rint(steps), low - zero, high - zero)
    codes = np.where(np.isnan(codes), low - zero, codes)
    result: Arr = (codes.astype(np.int32) + zero).astype(dtype.numpy)
    return result


def dequantized(q: Arr, quant: Quant) -> Arr:
    """What codes mean, in float32."""
    scale, zero = _spread(quant, q.ndim)
    result: Arr = (q.astype(np.int32) - zero).astype(np.float32) * scale
    return result


def holds_codes(module: Module) -> bool:
    """Whether a module computes with codes: it then promises the same bits on every CPU."""
    ops = (op for func in module.funcs.values() for op in func.body.walk())
    return any(op.name in (QUANTIZE, DEQUANTIZE, AS_QUANTIZED) for op in ops)


def _spread(quant: Quant, rank: int) -> tuple[Any, Any]:
    """Scales and zero points in shapes that broadcast to the tensor's."""
    after = 0 if quant.axis is None else rank - quant.axis - 1
    shape = (-1,) + (1,) * after if quant.axis is not None else ()
    scale = np.asarray(quant.scale, np.float32)
    zero = np.asarray(quant.zero, np.int32)
    return scale.reshape(shape), zero.reshape(shape)


def _checked(op: str, x: TensorType, dtype: DType, numbers: Quant) -> TensorType:
    defect = numbers.defect(x.shape, dtype)
    if defect is not None:
        fail(op, f"{x} cannot have {numbers}: {defect}")
    return TensorType(x.shape, dtype, numbers)


def _quantize_infer(
    x: TensorType, dtype: DType, scale: Floats, zero: Ints, axis: int | None
) -> TensorType:
    if not x.dtype.is_float:
        fail(QUANTIZE, f"x must be floating, not {x.dtype}", "convert with npx.cast")
    return _checked(QUANTIZE, x, dtype, Quant.of(scale, zero, axis))


def _quantize_ref(x: Arr, dtype: DType, scale: Floats, zero: Ints, axis: int | None) -> Any:
    return quantized(x, dtype, Quant.of(scale, zero, axis))


def _per_tensor(op: str, axis: int | None) -> None:
    if axis is not None:
        fail(op, f"no kernel has scales along axis {axis} of computed values",
             "use one scale, or write it as arithmetic")  # fmt: skip


def _quantize_expr(
    t: Any, x: Any, dtype: DType, scale: Floats, zero: Ints, axis: int | None
) -> Any:
    _per_tensor(QUANTIZE, axis)
    x = t.cast(x, f32)
    steps = t.bind(x * t.const(float(np.float32(1) / np.float32(scale[0])), x))
    return t.codes(steps, zero[0], dtype)


quantize = OpDef(
    name=QUANTIZE,
    doc="The codes of real numbers: clip(rint(x * (1 / scale)) + zero).\n\n"
    "Computed in float32, the reciprocal rounded first; of two neighbours the even one; NaN gives "
    "the smallest code. The result has x's shape, and its type carries scale, zero and axis. "
    "IRTypeError for operands that are not floating, and for numbers that do not fit.",
    operands=("x",),
    params=(Param("dtype", "dtype", REQUIRED, "i8 or u8"), *_NUMBERS),
    infer=_quantize_infer,
    reference=_quantize_ref,
    gradient=absent("codes are piecewise constant"),
    lowering=elementwise(_quantize_expr),
    samples=(
        Sample(((2, 3, 4),), {"dtype": "i8", "scale": (0.02,)}, batch=(0,)),
        Sample(((2, 19),), {"dtype": "u8", "scale": (0.01,), "zero": (131,)}, batch=(0,)),
        Sample(((3,),), {"dtype": "i8", "scale": (0.5,), "zero": (-128,)}, dtypes=("f16",)),
        Sample(((), ), {"dtype": "u8", "scale": (0.1,)}, dtypes=("f64",)),
        Sample(((0, 2),), {"dtype": "i8", "scale": (1.0,)}),
    ),
    source="ONNX QuantizeLinear, with the product by the reciprocal for its quotient",
)  # fmt: skip


def _dequantize_infer(q: TensorType, scale: Floats, zero: Ints, axis: int | None) -> TensorType:
    numbers = Quant.of(scale, zero, axis)
    _checked(DEQUANTIZE, q, q.dtype, numbers)
    if q.quant not in (None, numbers):
        fail(DEQUANTIZE, f"the codes are {q}, not {numbers}", "requantize them first")
    return TensorType(q.shape, f32)


def _dequantize_ref(q: Arr, scale: Floats, zero: Ints, axis: int | None) -> Any:
    return dequantized(q, Quant.of(scale, zero, axis))


def _dequantize_expr(t: Any, q: Any, scale: Floats, zero: Ints, axis: int | None) -> Any:
    _per_tensor(DEQUANTIZE, axis)
    shifted = q - t.const(float(zero[0]), q) if zero[0] else q
    return shifted * t.const(float(np.float32(scale[0])), q)


dequantize = OpDef(
    name=DEQUANTIZE,
    doc="What codes mean: scale * (q - zero) in float32.\n\n"
    "The type of q carries these numbers, or none (whole numbers from outside); IRTypeError where "
    "it carries others. The difference is exact, the product rounded once.",
    operands=("q",),
    params=_NUMBERS,
    infer=_dequantize_infer,
    reference=_dequantize_ref,
    gradient=absent("codes are whole numbers"),
    lowering=elementwise(_dequantize_expr),
    samples=(
        Sample(((2, 3, 4),), {"scale": (0.02,)}, dtypes=("i8",), high=127, batch=(0,)),
        Sample(((2, 19),), {"scale": (0.1,), "zero": (131,)}, dtypes=("u8",), high=256),
        Sample(((),), {"scale": (0.1,), "zero": (-5,)}, dtypes=("i8",), high=127),
        Sample(((0, 2),), {"scale": (1.0,)}, dtypes=("u8",)),
    ),
    source="ONNX DequantizeLinear",
)


def _as_quantized_infer(q: TensorType, scale: Floats, zero: Ints, axis: int | None) -> TensorType:
    if q.quant is not None:
        fail(AS_QUANTIZED, f"the operand is quantized already: {q}", "take ir.codes of it first")
    return _checked(AS_QUANTIZED, q, q.dtype, Quant.of(scale, zero, axis))


as_quantized = OpDef(
    name=AS_QUANTIZED,
    doc="Whole numbers taken for codes: the type gets scale, zero and axis, the memory is shared.",
    operands=("q",),
    params=_NUMBERS,
    infer=_as_quantized_infer,
    reference=lambda q, scale, zero, axis: q,
    gradient=absent("codes are whole numbers"),
    lowering=VIEW,
    samples=(
        Sample(((2, 3),), {"scale": (0.1,), "zero": (3,)}, dtypes=("u8",), batch=(0,)),
        Sample(((2, 3),), {"scale": (0.1, 0.5), "axis": 0}, dtypes=("i8",)),
    ),
    source="the types of docs/spec/ir.md",
)


def _codes_infer(q: TensorType) -> TensorType:
    return TensorType(q.shape, q.dtype)


codes = OpDef(
    name=CODES,
    doc="Codes taken for whole numbers: the type loses its quantization, the memory is shared.",
    operands=("q",),
    infer=_codes_infer,
    reference=lambda q: q,
    gradient=absent("codes are whole numbers"),
    lowering=VIEW,
    samples=(Sample(((2, 3),), dtypes=("u8",), batch=(0,)),),
    source="the types of docs/spec/ir.md",
)

OPS = (quantize, dequantize, as_quantized, codes)
