"""Conversions to and from the small types, and bits taken for another type.

`npx.cast` converts between all types; into small ones it follows ONNX's Cast as it is by default.
`ir.narrow` is for its other rules.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

from baryon.ir import DType, TensorType, boolean, dtype_of
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.numerics import Arr
from baryon.ops.opdef import VIEW, OpDef, Sample, absent, elementwise
from baryon.ops.shapes import fail

ROUNDINGS = ("up", "down", "nearest")
"""How a number becomes a power of two: away from zero, towards it, to the nearest (of two the
larger)."""

_EXPONENT = 23
"""The place of float32's exponent."""
_LEAST_POWER = 1 << _EXPONENT - 1
"""The bits of 2^-127, the least power that f8e8m0 has."""
_ROUND_UP = {"up": (1 << _EXPONENT) - 1, "down": 0, "nearest": 1 << _EXPONENT - 1}
_INFINITE = 0x7F800000


def converted(x: Arr, dtype: DType) -> Arr:
    """x in another type; the meaning of `npx.cast`."""
    if dtype.format is not None:
        return narrowed(x, dtype)
    return widened(x).astype(dtype.numpy)


def widened(x: Arr) -> Arr:
    """Elements of a small type in the type that computes with them."""
    return x.astype(dtype_of(x.dtype).wide.numpy, copy=False)


def narrowed(x: Arr, dtype: DType, saturate: bool = True, rounding: str = "up") -> Arr:
    """x as a small float; the meaning of `ir.narrow`."""
    x, form = _single(widened(x)), dtype.format
    assert form is not None
    if not form.signed:
        return _power_of_two(x, dtype, saturate, rounding)
    if saturate or form.nan is None:
        largest = np.float32(ml_dtypes.finfo(dtype.numpy).max)
        x = np.clip(x, -largest, largest)
    if form.nan is None:
        x = np.where(np.isnan(x), np.float32(0), x)
    return x.astype(dtype.numpy)


def _single(x: Arr) -> Arr:
    """Numbers as float32, float64 so that rounding them again gives what rounding once gives.

    What float64 has beyond float32 makes the last digit odd (Boldo and Melquiond, "Emulation of FMA
    and correctly rounded sums", 2008).
    """
    nearest = x.astype(np.float32)
    if x.dtype != np.float64:
        return nearest
    back, bits = nearest.astype(np.float64), nearest.view(np.uint32)
    below = bits - (np.abs(back) > np.abs(x))
    apart = (back < x) | (back > x)
    return np.where(apart, below | 1, bits).astype(np.uint32).view(np.float32)


def _power_of_two(x: Arr, dtype: DType, saturate: bool, rounding: str) -> Arr:
    form = dtype.format
    assert form is not None and form.nan is not None
    bits = np.abs(x).view(np.uint32)
    codes = np.where(bits <= _LEAST_POWER, 0, bits + _ROUND_UP[rounding] >> _EXPONENT)
    codes = np.where(codes > form.largest, form.largest if saturate else form.nan, codes)
    undefined = bits > _INFINITE
    if not saturate:
        undefined |= bits < _LEAST_POWER
    return np.where(undefined, form.nan, codes).astype(np.uint8).view(dtype.numpy)


def _narrow_infer(x: TensorType, dtype: DType, saturate: bool, rounding: str) -> TensorType:
    if dtype.format is None:
        fail("ir.narrow", f"{dtype} is not a small float", "use npx.cast")
    return TensorType(x.shape, dtype)


narrow = OpDef(
    name="ir.narrow",
    doc="x as a small float: the nearest, of two the even one.\n\n"
    "Beyond the largest number: that one, or without `saturate` infinity or "
    "NaN, whichever the type has. Infinities likewise. NaN stays NaN, or is 0 where there is none. "
    "IRTypeError for a dtype that is not a small float.",
    operands=("x",),
    params=(
        Param("dtype", "dtype", REQUIRED, "a small float"),
        Param("saturate", "bool", True, "whether numbers beyond the largest become that one"),
        Param("rounding", "str", "up", "of f8e8m0, which has powers of two alone", ROUNDINGS),
    ),
    infer=_narrow_infer,
    reference=narrowed,
    gradient=absent("models that hold small floats are not trained"),
    lowering=elementwise(
        lambda t, x, dtype, saturate, rounding: t.narrow(x, dtype, saturate, rounding)
    ),
    small=True,
    samples=(
        Sample(((2, 3, 5),), {"dtype": "f8e4m3fn"}, batch=(0,)),
        Sample(((19,),), {"dtype": "f8e4m3fnuz", "saturate": False}),
        Sample(((19,),), {"dtype": "f8e5m2", "saturate": False}, dtypes=("f16",)),
        Sample(((3, 4),), {"dtype": "f8e5m2fnuz"}, dtypes=("i32",), high=100000),
        *(Sample(((19,),), {"dtype": "f8e8m0", "rounding": r}, positive=True) for r in ROUNDINGS),
        Sample(((),), {"dtype": "f4e2m1"}, dtypes=("f64",)),
        Sample(((0, 2),), {"dtype": "f8e5m2"}, dtypes=("bf16",)),
    ),
    source="ONNX Cast-19 and Cast-24",
)


def _bit_cast_infer(x: TensorType, dtype: DType) -> TensorType:
    if dtype.bits != x.dtype.bits:
        fail("ir.bit_cast", f"{x.dtype} has {x.dtype.bits} bits, {dtype} has {dtype.bits}")
    if dtype == boolean != x.dtype:
        fail("ir.bit_cast", f"{x.dtype} has bits that are no truth value", "compare with 0")
    return TensorType(x.shape, dtype)


bit_cast = OpDef(
    name="ir.bit_cast",
    doc="The bits of x taken for another type of the same width; the memory is shared.\n\n"
    "IRTypeError for a type of another width, and for bool.",
    operands=("x",),
    params=(Param("dtype", "dtype", REQUIRED, "the element type of the result"),),
    infer=_bit_cast_infer,
    reference=lambda x, dtype: x.view(dtype.numpy),
    gradient=absent("bits have no gradient"),
    lowering=VIEW,
    small=True,
    samples=(
        Sample(((2, 3),), {"dtype": "i32"}, batch=(0,)),
        Sample(((2, 3),), {"dtype": "bf16"}, dtypes=("u16",), high=16256),
        Sample(((4,),), {"dtype": "u8"}, dtypes=("f8e4m3fn",)),
        Sample(((),), {"dtype": "i4"}, dtypes=("u4",), high=16),
    ),
    source="ONNX BitCast",
)

OPS = (narrow, bit_cast)
