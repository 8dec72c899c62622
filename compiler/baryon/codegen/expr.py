"""Arithmetic and math functions on TIR expressions, scalar or vector.

This is the `t` that the ops' lowerings receive. Elementary functions of float32 are polynomials
that vectorize (TVM's own go to libm one element at a time, and its tanh cancels near zero); other
float types call libm. Maximum relative errors against float64, measured by tests/codegen/test_expr:

    exp 1e-7   log 2e-7   tanh 3e-7   erf 3e-7   sigmoid 3e-7   pow 4e-6 (for results in 1e-6..1e6)

The coefficients are weighted least-squares fits in Chebyshev bases, refined towards minimax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from baryon.ir import DType

_EXP = (0.5, 0.1666666716337204, 0.041666269302368164, 0.008333267644047737,
        0.0013946115504950285, 0.00019916551536880434)  # fmt: skip
"""(exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, relative error 5e-11."""

_LOG = (0.3333331048488617, -0.24999986588954926, 0.20002226531505585, -0.16669251024723053,
        0.14218656718730927, -0.12384355813264847, 0.11872990429401398, -0.11789768189191818,
        0.06915290653705597)  # fmt: skip
"""(log(1+m) - m + m^2/2) / m^3 on [sqrt(1/2)-1, sqrt(2)-1]."""

_TANH = (-0.3333333134651184, 0.13333210349082947, -0.05394720286130905, 0.021702965721488,
         -0.008182669058442116, 0.0021475329995155334)  # fmt: skip
"""(tanh(x)/x - 1) / x^2 as a polynomial in x^2 on |x| <= 0.625."""

_ERF_SMALL = (1.128379225730896, -0.37612634897232056, 0.11283698678016663, -0.02685953862965107,
              0.005201304797083139, -0.0008145077154040337, 8.377587801078334e-05)  # fmt: skip
"""erf(x)/x as a polynomial in x^2 on |x| <= 0.925."""

_ERF_LARGE = (0.0001746860216371715, -1.1295149326324463, -0.6333469152450562,
              -0.10828010737895966, 0.025119440630078316, -0.0041710687801241875,
              0.00043446384370326996, -2.1095162082929164e-05)  # fmt: skip
"""log(1 - erf(x)) on 0.92 <= x <= 4."""

Expr = Any
"""A tirx.PrimExpr; tvm ships no types."""


def dtype_of(x: Expr) -> str:
    """TVM's name of an expression's dtype, such as float32x8."""
    return str(x.ty)


def tvm_name(dtype: DType) -> str:
    """TVM's name of an element type."""
    return {"bf16": "bfloat16"}.get(dtype.name) or dtype.numpy.name


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
    """A constant of an element type, repeated in every lane."""
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


def _with_lanes(scalar: str, like: Expr) -> str:
    lanes = lanes_of(like)
    return f"{scalar}x{lanes}" if lanes > 1 else scalar


def _is_f32(x: Expr) -> bool:
    return dtype_of(x).startswith("float32")


def _is_float(x: Expr) -> bool:
    return "float" in dtype_of(x)


def _is_nan(x: Expr) -> Expr:
    """By bits: TVM simplifies `x != x` to false."""
    if not _is_f32(x):
        return tirx.isnan(x)
    bits = tirx.reinterpret(_with_lanes("int32", x), x)
    return (bits & const(0x7FFFFFFF, bits)) > const(0x7F800000, bits)


def _is_number(x: Expr) -> bool:
    """True for constants other than NaN."""
    scalar = x.value if isinstance(x, tirx.Broadcast) else x
    is_constant = isinstance(scalar, tirx.IntImm | tirx.FloatImm)
    return is_constant and not math.isnan(float(scalar.value))


def _poly(x: Expr, coefficients: Sequence[float]) -> Expr:
    total = const(coefficients[-1], x)
    for c in reversed(coefficients[:-1]):
        total = total * x + const(c, x)
    return total


def _pow2(n: Expr) -> Expr:
    """2^n for int32 n in -126..127, by building the exponent bits."""
    return tirx.reinterpret(_with_lanes("float32", n), (n + const(127, n)) << const(23, n))


class Math:
    """The functions offered to lowerings; arithmetic is by Python's operators.

    Operands that are used more than once are bound to variables first.
    """

    const = staticmethod(const)
    bind = staticmethod(bind)
    lt = staticmethod(lambda a, b: a < b)
    le = staticmethod(lambda a, b: a <= b)
    gt = staticmethod(lambda a, b: a > b)
    ge = staticmethod(lambda a, b: a >= b)
    eq = staticmethod(lambda a, b: (a == b).asobject())  # tvm puts off comparing
    ne = staticmethod(lambda a, b: (a != b).asobject())

    @staticmethod
    def maximum(a: Expr, b: Expr) -> Expr:
        """The larger; NaN if either is NaN."""
        return _extreme(a, b, lambda x, y: x > y) if _is_float(a) else tirx.max(a, b)

    @staticmethod
    def minimum(a: Expr, b: Expr) -> Expr:
        """The smaller; NaN if either is NaN."""
        return _extreme(a, b, lambda x, y: x < y) if _is_float(a) else tirx.min(a, b)

    @staticmethod
    def select(condition: Expr, a: Expr, b: Expr) -> Expr:
        """`a` where the condition holds, else `b`; both are evaluated."""
        return tirx.Select(condition, a, b)

    @staticmethod
    def cast(x: Expr, dtype: DType) -> Expr:
        """Convert to another element type, as C does."""
        name = _with_lanes(tvm_name(dtype), x)
        return x.astype(name) if dtype_of(x) != name else x

    @staticmethod
    def abs(x: Expr) -> Expr:
        """Absolute value."""
        return tirx.abs(x)

    @staticmethod
    def floor(x: Expr) -> Expr:
        """Largest whole number not above."""
        return tirx.floor(x)

    @staticmethod
    def sqrt(x: Expr) -> Expr:
        """Square root, correctly rounded."""
        return tirx.sqrt(x)

    @staticmethod
    def rsqrt(x: Expr) -> Expr:
        """One over the square root."""
        return const(1, x) / tirx.sqrt(x)

    @staticmethod
    def exp(x: Expr) -> Expr:
        """e^x: x = n ln 2 + r, 2^n in two factors so that no intermediate overflows."""
        if not _is_f32(x):
            return tirx.exp(x)
        x = bind(x)
        bounded = bind(tirx.min(tirx.max(x, const(-104.0, x)), const(89.0, x)))
        n = bind(tirx.floor(bounded * const(1.4426950408889634, x) + const(0.5, x)))
        r = bind(bounded - n * const(0.693359375, x) - n * const(-2.12194440e-4, x))
        y = _poly(r, _EXP) * r * r + r + const(1, x)
        whole = bind(n.astype(_with_lanes("int32", x)))
        half = bind(whole >> const(1, whole))
        scaled = y * _pow2(half) * _pow2(whole - half)
        return bind(tirx.Select(_is_nan(x), x, scaled))

    @staticmethod
    def log(x: Expr) -> Expr:
        """Natural logarithm; NaN below 0, -inf at 0."""
        if not _is_f32(x):
            return tirx.log(x)
        x = bind(x)
        tiny = x < const(1.1754943508222875e-38, x)
        normal = tirx.Select(tiny, x * const(8388608.0, x), x)
        bits = bind(tirx.reinterpret(_with_lanes("int32", x), normal))
        # the exponent of the multiple of sqrt(1/2) below, so that the mantissa is near 1
        offset = bits - const(0x3F3504F3, bits)
        exponent = bind(offset >> const(23, bits))
        mantissa = tirx.reinterpret(_with_lanes("float32", x), bits - (exponent << const(23, bits)))
        m = bind(mantissa - const(1, x))
        scaling = tirx.Select(tiny, const(23.0, x), const(0.0, x))
        e = bind(exponent.astype(_with_lanes("float32", x)) - scaling)
        tail = _poly(m, _LOG) * m * m * m - const(0.5, x) * m * m + e * const(-2.12194440e-4, x)
        value = m + tail + e * const(0.693359375, x)
        infinite = tirx.Select(Math.eq(x, const(float("inf"), x)), x, value)
        zero = tirx.Select(Math.eq(x, const(0, x)), const(float("-inf"), x), infinite)
        return bind(tirx.Select(x >= const(0, x), zero, const(float("nan"), x)))

    @staticmethod
    def pow(x: Expr, y: Expr) -> Expr:
        """x^y for x >= 0; for x < 0 where y is a whole number."""
        if not _is_float(x):
            return _whole_power(x, y)
        if not _is_f32(x):
            return tirx.pow(x, y)
        x, y = bind(x), bind(y)
        magnitude = Math.exp(y * Math.log(tirx.abs(x)))
        whole = Math.eq(tirx.floor(y), y)
        half = bind(y * const(0.5, y))
        odd = Math.ne(tirx.floor(half), half)
        signed = tirx.Select(odd, const(0, x) - magnitude, magnitude)
        negative = tirx.Select(whole, signed, const(float("nan"), x))
        value = tirx.Select(x < const(0, x), negative, magnitude)
        return bind(tirx.Select(Math.eq(y, const(0, y)), const(1, x), value))

    @staticmethod
    def tanh(x: Expr) -> Expr:
        """Hyperbolic tangent."""
        if not _is_f32(x):
            return tirx.tanh(x)
        x = bind(x)
        size = bind(tirx.abs(x))
        square = bind(x * x)
        small = x + x * square * _poly(square, _TANH)
        large = bind(const(1, x) - const(2, x) / (Math.exp(size + size) + const(1, x)))
        signed = tirx.Select(x < const(0, x), const(0, x) - large, large)
        return bind(tirx.Select(size < const(0.625, x), small, signed))

    @staticmethod
    def sigmoid(x: Expr) -> Expr:
        """1 / (1 + e^-x)."""
        return const(1, x) / (const(1, x) + Math.exp(const(0, x) - x))

    @staticmethod
    def erf(x: Expr) -> Expr:
        """The error function."""
        if not _is_f32(x):
            return tirx.erf(x)
        x = bind(x)
        size = bind(tirx.min(tirx.abs(x), const(4, x)))
        small = x * _poly(bind(x * x), _ERF_SMALL)
        large = bind(const(1, x) - Math.exp(_poly(size, _ERF_LARGE)))
        signed = tirx.Select(x < const(0, x), const(0, x) - large, large)
        beyond = tirx.Select(_is_nan(x), x, signed)
        return bind(tirx.Select(tirx.abs(x) <= const(0.925, x), small, beyond))

    @staticmethod
    def is_nan(x: Expr) -> Expr:
        """True for NaN."""
        return _is_nan(x)

    @staticmethod
    def logical_not(x: Expr) -> Expr:
        """True where x is zero."""
        return tirx.Not(x) if dtype_of(x).startswith("bool") else Math.eq(x, const(0, x))


def _extreme(a: Expr, b: Expr, better: Callable[[Expr, Expr], Expr]) -> Expr:
    """The better of two; x86's one-instruction form where one of them is surely no NaN."""
    if _is_number(a):
        a, b = b, a
    a = bind(a)
    if _is_number(b):  # a NaN compares false and is taken
        return bind(tirx.Select(better(b, a), b, a))
    b = bind(b)
    return bind(tirx.Select(_is_nan(a), a, tirx.Select(better(a, b), a, b)))


def _whole_power(x: Expr, y: Expr) -> Expr:
    """Whole numbers by squaring, all bits of the exponent; negative exponents are not defined."""
    result, base, rest = const(1, x), bind(x), bind(y)
    for _ in range(6):  # larger exponents overflow but for bases -1, 0 and 1
        odd = Math.eq(rest & const(1, rest), const(1, rest))
        result = bind(tirx.Select(odd, result * base, result))
        base, rest = bind(base * base), bind(rest >> const(1, rest))
    return result
