"""Element types.

Kernels compute in bool, in whole numbers of 8 to 64 bits and in floats of 16 to 64. The *small*
types beyond them are how networks keep weights and activations: they are stored, moved and
converted, one byte for each element. A small float is a row of `FloatFormat`, from which all
conversions are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ml_dtypes
import numpy as np

from baryon.ir.diagnostics import IRTypeError

Kind = Literal["float", "int", "uint", "bool"]


@dataclass(frozen=True)
class FloatFormat:
    """How a small float lies in its bits: a sign, then the exponent e, then the mantissa m.

    It means 2^(e - bias) * (1 + m / 2^mantissa), and 2^(1 - bias) * m / 2^mantissa where e is 0.
    A type without a mantissa has neither a sign nor zero, and e = 0 is like any other.

    exponent, mantissa: their widths in bits. largest: the bits of the largest finite number.
    infinity, nan: their bits, where there are any; a NaN in the place of -0 is the only one, and
    other NaNs may have a sign and lie between `infinity` and the largest code as well.
    """

    exponent: int
    mantissa: int
    bias: int
    largest: int
    infinity: int | None = None
    nan: int | None = None

    @property
    def signed(self) -> bool:
        """Whether the leading bit is a sign."""
        return self.mantissa > 0

    @property
    def sign(self) -> int:
        """The sign's bit: all below are the magnitude."""
        return 1 << self.exponent + self.mantissa

    @property
    def has_negative_zero(self) -> bool:
        """Whether the sign alone is -0 instead of NaN."""
        return self.signed and self.nan != self.sign


@dataclass(frozen=True)
class DType:
    """An element type: its text name (`f32`), kind, width in bits, and how a small float lies."""

    name: str
    kind: Kind
    bits: int
    format: FloatFormat | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The NumPy dtype with the same values (by ml_dtypes where NumPy has none)."""
        return _NUMPY[self.name]

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.numpy.itemsize

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and largest value of a type of whole numbers."""
        low = -(1 << self.bits - 1) if self.kind == "int" else 0
        return low, low + (1 << self.bits) - 1

    @property
    def is_float(self) -> bool:
        """True for f16, bf16, f32, f64 and the small floats."""
        return self.kind == "float"

    @property
    def is_small(self) -> bool:
        """True for what is stored, moved and converted, but not computed in."""
        return self.bits < 8 or self.format is not None

    @property
    def wide(self) -> DType:
        """The type in which the values of a small one are computed with; others are their own."""
        if not self.is_small:
            return self
        return {"float": f32, "int": i8, "uint": u8}[self.kind]

    @property
    def stored(self) -> DType:
        """The type that kernels load and store: u8 for the bits of a small one."""
        return u8 if self.is_small else self


def _small_float(name: str, bits: int, **format: int) -> DType:
    return DType(name, "float", bits, FloatFormat(**format))


f16, bf16, f32, f64 = (
    DType("f16", "float", 16),
    DType("bf16", "float", 16),
    DType("f32", "float", 32),
    DType("f64", "float", 64),
)
i2, i4, i8, i16, i32, i64 = (DType(f"i{b}", "int", b) for b in (2, 4, 8, 16, 32, 64))
u2, u4, u8, u16, u32, u64 = (DType(f"u{b}", "uint", b) for b in (2, 4, 8, 16, 32, 64))
boolean = DType("bool", "bool", 8)

_SMALL_FLOATS = (
    _small_float("f8e4m3fn", 8, exponent=4, mantissa=3, bias=7, largest=0x7E, nan=0x7F),
    _small_float("f8e4m3fnuz", 8, exponent=4, mantissa=3, bias=8, largest=0x7F, nan=0x80),
    _small_float(
        "f8e5m2", 8, exponent=5, mantissa=2, bias=15, largest=0x7B, infinity=0x7C, nan=0x7E
    ),
    _small_float("f8e5m2fnuz", 8, exponent=5, mantissa=2, bias=16, largest=0x7F, nan=0x80),
    _small_float("f8e8m0", 8, exponent=8, mantissa=0, bias=127, largest=0xFE, nan=0xFF),
    _small_float("f6e2m3", 6, exponent=2, mantissa=3, bias=1, largest=0x1F),
    _small_float("f6e3m2", 6, exponent=3, mantissa=2, bias=3, largest=0x1F),
    _small_float("f4e2m1", 4, exponent=2, mantissa=1, bias=1, largest=0x07),
)
"""OCP's "8-bit Floating Point" and "Microscaling Formats" 1.0, and the fnuz ones of Graphcore and
AMD (Noune et al., "8-bit Numerical Formats for Deep Neural Networks", 2022)."""

DTYPES: dict[str, DType] = {
    t.name: t
    for t in (
        f16, bf16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean,
        *_SMALL_FLOATS, i2, i4, u2, u4,
    )
}  # fmt: skip
SMALL_DTYPES = tuple(t for t in DTYPES.values() if t.is_small)
_NUMPY_NAMES = {
    "bf16": "bfloat16", "f8e4m3fn": "float8_e4m3fn", "f8e4m3fnuz": "float8_e4m3fnuz",
    "f8e5m2": "float8_e5m2", "f8e5m2fnuz": "float8_e5m2fnuz", "f8e8m0": "float8_e8m0fnu",
    "f6e2m3": "float6_e2m3fn", "f6e3m2": "float6_e3m2fn", "f4e2m1": "float4_e2m1fn",
}  # fmt: skip


def _numpy_of(dtype: DType) -> np.dtype[np.generic]:
    name = _NUMPY_NAMES.get(dtype.name) or "".join(
        (dtype.kind, str(dtype.bits) if dtype != boolean else "")
    )
    return np.dtype(getattr(ml_dtypes, name, name))


_NUMPY = {name: _numpy_of(dtype) for name, dtype in DTYPES.items()}
_FROM_NUMPY = {dtype: DTYPES[name] for name, dtype in _NUMPY.items()}


def dtype_of(value: object) -> DType:
    """The DType of anything that NumPy accepts as a dtype, of a DType, or of a DType's name.

    Raises IRTypeError for element types that baryon has no kernels for (complex, strings).
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, str) and value in DTYPES:
        return DTYPES[value]
    try:
        dtype = np.dtype(value)  # type: ignore[call-overload]
    except TypeError as error:
        raise _unsupported(value) from error
    if dtype not in _FROM_NUMPY:
        raise _unsupported(dtype)
    return _FROM_NUMPY[dtype]


def _unsupported(dtype: object) -> IRTypeError:
    return IRTypeError(f"element type {dtype} is not supported", hint=f"use one of {_names()}")


def _names() -> str:
    return ", ".join(DTYPES)
