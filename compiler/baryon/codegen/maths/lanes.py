"""TIR expressions, scalar or vector: constants, names, lanes and bits."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.codegen.tvm import T, tirx
from baryon.ir import DType
from baryon.ops.small import converted

Expr = Any
"""A tirx.PrimExpr; tvm ships no types."""


def dtype_of(x: Expr) -> str:
    """TVM's name of an expression's dtype, such as float32x8."""
    return str(x.ty)


def tvm_name(dtype: DType) -> str:
    """TVM's name of an element type, as kernels load it: small ones are bytes."""
    return dtype.stored.numpy.name


def smallest(dtype: DType) -> float:
    """The neutral element of a maximum."""
    if dtype.is_float:
        return -math.inf
    return 0 if dtype.kind in ("bool", "uint") else -(1 << dtype.bits - 1)


def largest(dtype: DType) -> float:
    """The neutral element of a minimum."""
    if dtype.is_float:
        return math.inf
    return 1 if dtype.kind == "bool" else (1 << dtype.bits - (dtype.kind == "int")) - 1


def lanes_of(x: Expr) -> int:
    """Number of vector lanes of an expression."""
    _, _, lanes = dtype_of(x).partition("x")
    return int(lanes or 1)


def splat(x: Expr, lanes: int) -> Expr:
    """A scalar repeated in every lane; vectors are returned as they are."""
    return tirx.Broadcast(x, lanes) if lanes > 1 and lanes_of(x) == 1 else x


def const(value: float, like: Expr) -> Expr:
    """A constant of the dtype and lanes of `like`."""
    scalar, _, lanes = dtype_of(like).partition("x")
    return splat(tirx.const(value, scalar), int(lanes or 1))


def lane_const(value: float, dtype: DType, lanes: int) -> Expr:
    """A constant of an element type, repeated in every lane; of a small one its bits."""
    if dtype.is_small:
        value = converted(np.asarray(value), dtype).view(np.uint8).item()
    return splat(tirx.const(value, tvm_name(dtype)), lanes)


def bind(x: Expr) -> Expr:
    """A name for the value, so that using it twice does not compute it twice.

    A local buffer, which LLVM turns into a register: TVM's analyzers take time that grows with the
    square of the length of a chain of bound variables.
    """
    if isinstance(x, _TRIVIAL) or dtype_of(x).startswith("bool"):
        return x
    scalar, _, lanes = dtype_of(x).partition("x")
    count = int(lanes or 1)
    buffer = T.alloc_buffer((count,), scalar)
    index = [tirx.Ramp(0, 1, count) if count > 1 else 0]
    T.buffer_store(buffer, x, index)
    return buffer[tuple(index)]


_TRIVIAL = (tirx.Var, tirx.IntImm, tirx.FloatImm, tirx.Broadcast, int)


def shuffle(vectors: Sequence[Expr], lanes: Sequence[int]) -> Expr:
    """A vector of the numbered lanes of the vectors laid side by side, as a variable."""
    return bind(tirx.Shuffle(list(vectors), [tirx.const(i, "int32") for i in lanes]))


def transpose(rows: Sequence[Expr]) -> list[Expr]:
    """Columns of a square of vectors; their number is a power of two.

    Each round exchanges the off-diagonal quarters of all squares of one size, by shuffles of two
    registers that every vector unit has.
    """
    count, distance = len(rows), len(rows) // 2
    current = [bind(r) for r in rows]
    while distance:
        keep = [j if not j & distance else count + (j ^ distance) for j in range(count)]
        swap = [count + j if j & distance else j | distance for j in range(count)]
        done = list(current)
        for i in (i for i in range(count) if not i & distance):
            pair = [current[i], current[i | distance]]
            done[i], done[i | distance] = shuffle(pair, keep), shuffle(pair, swap)
        current, distance = done, distance // 2
    return current


def fold(x: Expr, combine: Callable[[Expr, Expr], Expr]) -> Expr:
    """All lanes of a vector combined into a scalar: halves by halves, a remainder at the end."""
    lanes = lanes_of(x)
    if lanes == 1:
        return x
    half = 1 << (lanes - 1).bit_length() - 1
    low, high = shuffle([x], range(half)), shuffle([x], range(half, lanes))
    if 2 * half == lanes:
        return fold(bind(combine(low, high)), combine)
    return bind(combine(fold(low, combine), fold(high, combine)))


def with_lanes(scalar: str, like: Expr) -> str:
    """TVM's name of a dtype with the lanes of `like`."""
    lanes = lanes_of(like)
    return f"{scalar}x{lanes}" if lanes > 1 else scalar


def convert(x: Expr, scalar: str) -> Expr:
    """The value in the named element type, with as many lanes."""
    name = with_lanes(scalar, x)
    return x.astype(name) if dtype_of(x) != name else x


def as_bits(x: Expr, scalar: str) -> Expr:
    """The bits of the value as the named type of the same width."""
    return tirx.reinterpret(with_lanes(scalar, x), x)


def is_f32(x: Expr) -> bool:
    """Whether the elements are float32."""
    return dtype_of(x).startswith("float32")


def is_float(x: Expr) -> bool:
    """Whether the elements are floats."""
    return "float" in dtype_of(x)


def is_nan(x: Expr) -> Expr:
    """True for NaN, found by bits: TVM simplifies `x != x` to false."""
    if not is_float(x):
        return splat(tirx.const(False, "bool"), lanes_of(x))
    if "16" in dtype_of(x).partition("x")[0]:
        return tirx.isnan(x)
    bits = magnitude_bits(x)
    return bits > const(_INFINITY[_bits_of(x)], bits)


def is_infinite(x: Expr) -> Expr:
    """True for both infinities."""
    if not is_float(x):
        return splat(tirx.const(False, "bool"), lanes_of(x))
    bits = magnitude_bits(x)
    return equal(bits, const(_INFINITY[_bits_of(x)], bits))


def is_finite(x: Expr) -> Expr:
    """True for numbers other than the infinities."""
    if not is_float(x):
        return splat(tirx.const(True, "bool"), lanes_of(x))
    bits = magnitude_bits(x)
    return bits < const(_INFINITY[_bits_of(x)], bits)


_BITS = {"float32": "int32", "float64": "int64"}
_INFINITY = {"int32": 0x7F800000, "int64": 0x7FF0000000000000}
_SIGN = {"int32": -1 << 31, "int64": -1 << 63}


def _bits_of(x: Expr) -> str:
    return _BITS[dtype_of(x).partition("x")[0]]


def magnitude_bits(x: Expr) -> Expr:
    """The bits of a float without the sign; they are ordered as the magnitudes are."""
    name = _bits_of(x)
    bits = as_bits(x, name)
    return bits & const(~_SIGN[name], bits)


def sign_bit(x: Expr) -> Expr:
    """The bits of a float of which only the sign is kept."""
    name = _bits_of(x)
    bits = as_bits(x, name)
    return bits & const(_SIGN[name], bits)


def copysign(size: Expr, sign: Expr) -> Expr:
    """The magnitude of one float with the sign of another, zero's and NaN's as well."""
    return bind(as_bits(magnitude_bits(size) | sign_bit(sign), dtype_of(size).partition("x")[0]))


def _compared(comparison: Any) -> Expr:
    """TVM puts off comparing with == and !=, but for constants."""
    return comparison.asobject() if hasattr(comparison, "asobject") else comparison


def equal(x: Expr, y: Expr) -> Expr:
    """x == y; false for NaN, for which TVM's own comparison holds."""
    if is_float(x):
        return tirx.And(x <= y, x >= y)
    return _compared(x == y)


def unequal(x: Expr, y: Expr) -> Expr:
    """x != y; true for NaN. Not as a negation: TVM turns that into a comparison that NaN fails."""
    if not is_float(x):
        return _compared(x != y)
    apart = tirx.Or(x < y, x > y)
    undefined = [is_nan(v) for v in (x, y) if not is_number(v)]
    return functools.reduce(tirx.Or, undefined, apart)


def is_number(x: Expr) -> bool:
    """True for constants other than NaN."""
    scalar = x.value if isinstance(x, tirx.Broadcast) else x
    is_constant = isinstance(scalar, tirx.IntImm | tirx.FloatImm)
    return is_constant and not math.isnan(float(scalar.value))


def poly(x: Expr, coefficients: Sequence[float]) -> Expr:
    """A polynomial by Horner's rule, the constant term first."""
    total = const(coefficients[-1], x)
    for c in reversed(coefficients[:-1]):
        total = total * x + const(c, x)
    return total
