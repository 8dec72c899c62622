"""Types of the IR: dimensions and tensors; element types are in `baryon.ir.dtypes`.

A tensor type is a shape and an element type; quantization and memory layout are part of the type,
not of the ops. A quantized op means dequantize, op, quantize. A layout says how a value lies in
memory and changes no meaning: logical shapes stay as the user wrote them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from baryon.ir.diagnostics import IRTypeError
from baryon.ir.dtypes import DType, dtype_of, i8, u8


@dataclass(frozen=True)
class Sym:
    """A dimension known only at run time: `factor` times the symbol `name`, as in `4*N`."""

    name: str
    factor: int = 1

    def __str__(self) -> str:
        return self.name if self.factor == 1 else f"{self.factor}*{self.name}"

    def __mul__(self, other: Dim) -> Dim:
        return dim_mul(self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return _exact_quotient(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return _exact_quotient(other, self)


Dim = int | Sym


def dim_mul(a: Dim, b: Dim) -> Dim:
    """The product of two dimensions; at most one of them may be symbolic."""
    if isinstance(a, Sym) and isinstance(b, Sym):
        raise IRTypeError(f"the product of two symbolic dimensions, {a} and {b}, is not supported")
    if isinstance(a, Sym):
        return Sym(a.name, a.factor * int(b)) if b != 0 else 0  # type: ignore[arg-type]
    if isinstance(b, Sym):
        return dim_mul(b, a)
    return a * b


def dim_floordiv(a: Dim, b: Dim) -> Dim | None:
    """The exact quotient of two dimensions, or None where it is not a dimension."""
    if isinstance(a, Sym) and isinstance(b, Sym):
        return a.factor // b.factor if a.name == b.name and a.factor % b.factor == 0 else None
    if isinstance(b, Sym) or b == 0:
        return None
    if isinstance(a, Sym):
        return Sym(a.name, a.factor // b) if a.factor % b == 0 else None
    return a // b if a % b == 0 else None


def _exact_quotient(a: Dim, b: Dim) -> Dim:
    quotient = dim_floordiv(a, b)
    if quotient is None:
        raise IRTypeError(f"{a} // {b} is not a dimension: it must divide exactly")
    return quotient


def dim_prod(dims: tuple[Dim, ...]) -> Dim:
    """The product of dimensions (1 for none)."""
    total: Dim = 1
    for d in dims:
        total = dim_mul(total, d)
    return total


def bind_dim(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The value of a dimension when every symbol has the size that `sizes` gives it."""
    return dim if isinstance(dim, int) else dim.factor * sizes[dim.name]


def bounded(dim: Dim, bounds: Mapping[str, Dim]) -> Dim:
    """The dimension with what a symbol is bounded by in its place, where `bounds` has it."""
    known = isinstance(dim, Sym) and dim.name in bounds
    return dim_mul(bounds[dim.name], dim.factor) if known else dim  # type: ignore[union-attr]


@dataclass(frozen=True)
class Quant:
    """Affine quantization: real = scale * (stored - zero), per tensor or along `axis`.

    scale: one number, or one for each position along `axis`; exact in float32. zero: alike, or one
    number for all positions.
    """

    scale: tuple[float, ...]
    zero: tuple[int, ...] = (0,)
    axis: int | None = None

    @staticmethod
    def of(scale: Sequence[float], zero: Sequence[int] = (0,), axis: int | None = None) -> Quant:
        """The one form of these numbers: scales rounded to float32, equal zero points once."""
        zeros = tuple(map(int, zero))
        once = zeros[:1] if len(set(zeros)) == 1 else zeros
        return Quant(tuple(np.asarray(scale, np.float32).tolist()), once, axis)

    @property
    def attrs(self) -> dict[str, tuple[float, ...] | tuple[int, ...] | int | None]:
        """The attributes of `ir.quantize`, `ir.dequantize` and `ir.as_quantized` that say this."""
        return {"scale": self.scale, "zero": self.zero, "axis": self.axis}

    def defect(self, shape: Sequence[Dim], dtype: DType) -> str | None:
        """What is wrong with these numbers for a tensor; None for nothing."""
        if dtype not in (i8, u8):
            return f"codes are i8 or u8, not {dtype}"
        if self.axis is not None and not 0 <= self.axis < len(shape):
            return f"axis {self.axis} is outside of rank {len(shape)}"
        return self._defect_of_numbers(1 if self.axis is None else shape[self.axis], dtype)

    def _defect_of_numbers(self, places: Dim, dtype: DType) -> str | None:
        low, high = dtype.limits
        if self != Quant.of(self.scale, self.zero, self.axis):
            return "scales must be float32 numbers, equal zero points be written once"
        if len(self.scale) != places or len(self.zero) not in (1, places):
            return f"{len(self.scale)} scales, {len(self.zero)} zero points for {places} places"
        if not 0 < min(self.scale) <= max(self.scale) < math.inf:
            return "scales must be positive and finite"
        fits = all(low <= z <= high for z in self.zero)
        return None if fits else f"zero points of {dtype} lie in {low}..{high}"

    def __str__(self) -> str:
        axis = "" if self.axis is None else f", axis={self.axis}"
        return f"<scale={_numbers(self.scale)}, zero={_numbers(self.zero)}{axis}>"


def _numbers(values: tuple[float, ...] | tuple[int, ...]) -> str:
    return repr(values[0]) if len(values) == 1 else "(" + ", ".join(map(repr, values)) + ")"


@dataclass(frozen=True)
class Layout:
    """Channels-last memory order: axis 0, spatial axes, then axis 1 innermost.

    pitch: elements between neighbouring pixels' channel rows, where the value is a slice of a wider
    buffer (a concatenation without copies); None when rows are dense.
    """

    pitch: int | None = None

    def __str__(self) -> str:
        return "{channels_last}" if self.pitch is None else f"{{channels_last, pitch={self.pitch}}}"

    @staticmethod
    def order(rank: int) -> tuple[int, ...]:
        """Logical axes in memory order, outermost first: (0, 2, 3, 1) at rank 4."""
        return (0, *range(2, rank), 1) if rank > 1 else tuple(range(rank))


CHANNELS_LAST = Layout()


@dataclass(frozen=True)
class TensorType:
    """A tensor: logical shape, element type, and optional quantization and layout.

    `layout` None means dense row-major memory in logical order.
    """

    shape: tuple[Dim, ...]
    dtype: DType
    quant: Quant | None = None
    layout: Layout | None = None

    def __str__(self) -> str:
        dims = ",".join(map(str, self.shape))
        return f"{self.dtype}[{dims}]{self.quant or ''}{self.layout or ''}"

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """True when no dimension is symbolic."""
        return all(isinstance(d, int) for d in self.shape)

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape as ints; IRTypeError when a dimension is symbolic."""
        if not self.is_static:
            raise IRTypeError(f"{self} has a symbolic dimension where a fixed one is needed")
        return tuple(int(d) for d in self.shape)  # type: ignore[arg-type]

    def bound(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape when every symbol has the size that `sizes` gives it."""
        return tuple(bind_dim(d, sizes) for d in self.shape)

    def numel(self, sizes: Mapping[str, int] | None = None) -> int:
        """Number of elements, symbols bound by `sizes`."""
        return math.prod(self.bound(sizes or {}) if sizes else self.static_shape)

    def with_shape(self, shape: tuple[Dim, ...]) -> TensorType:
        """The same element type with another shape, row-major and without quantization."""
        return TensorType(shape, self.dtype)

    def moved_to(self, shape: tuple[Dim, ...]) -> TensorType:
        """The same elements elsewhere: as `with_shape`, but codes of one scale stay what they are.

        Scales along an axis are lost, as nothing says where the axis goes.
        """
        per_tensor = self.quant is not None and self.quant.axis is None
        return TensorType(shape, self.dtype, self.quant if per_tensor else None)

    def with_quant(self, quant: Quant | None) -> TensorType:
        """The same elements with another meaning; None for plain whole numbers."""
        return replace(self, quant=quant)

    def with_layout(self, layout: Layout | None) -> TensorType:
        """The same logical value lying otherwise in memory."""
        return replace(self, layout=layout)

    def with_dtype(self, dtype: DType) -> TensorType:
        """Elements of another type at the same places."""
        return replace(self, dtype=dtype)


def tensor_type_of(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> TensorType:
    """The type of a NumPy array."""
    return TensorType(tuple(array.shape), dtype_of(array.dtype))
