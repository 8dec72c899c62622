"""Arithmetic and math functions on TIR expressions, scalar or vector.

`Math` is the `t` that the ops' lowerings receive. Functions of float32 (half precisions compute in
it) are arithmetic that vectorizes, of float64 or 64-bit whole numbers partly calls of the C library
and loops over the lanes; see `baryon.codegen.maths`. Maximum relative errors against float64,
measured by tests/codegen/test_expr and test_maths:

    exp 1e-7   log 2e-7   tanh 3e-7   erf 3e-7   sigmoid 3e-7   expm1 2e-7   log1p 3e-7
    all others 6e-8: they are computed in float64 and rounded once
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from baryon.codegen.maths import (
    codes,
    double,
    half,
    lanes,
    remainder,
    single,
    small,
    special,
    whole,
)
from baryon.codegen.maths.lanes import (
    Expr,
    bind,
    const,
    convert,
    dtype_of,
    fold,
    is_f32,
    is_float,
    is_nan,
    is_number,
    lane_const,
    lanes_of,
    largest,
    shuffle,
    smallest,
    splat,
    transpose,
    tvm_name,
    with_lanes,
)
from baryon.codegen.maths.scalar import libm, libm_unless
from baryon.codegen.tvm import tirx
from baryon.ir import DType, bf16, f16

__all__ = [
    "Expr", "Math", "bind", "const", "dtype_of", "fold", "lane_const", "lanes_of", "largest",
    "shuffle", "smallest", "splat", "transpose", "tvm_name",
]  # fmt: skip

Function = Callable[..., Expr]

_LIBM = SimpleNamespace(**{name: partial(libm, name) for name in ("exp", "log", "sin", "cos")})


def _widened(function: Function, *operands: Expr) -> Expr:
    """A float64 function of float32 values, rounded once."""
    return bind(
        convert(bind(function(*(bind(convert(x, "float64")) for x in operands))), "float32")
    )


def _real(name: str, wide: Function) -> Any:
    """`wide` for float32; for float64 the C library's function of that name."""

    def function(*operands: Expr) -> Expr:
        return _widened(wide, *operands) if is_f32(operands[0]) else libm(name, *operands)

    function.__doc__ = wide.__doc__
    return staticmethod(function)


def _periodic(name: str, wide: Function) -> Any:
    """As `_real`; huge, infinite and undefined operands go to the C library."""

    def function(x: Expr) -> Expr:
        if not is_f32(x):
            return libm(name, x)
        x = bind(x)
        limit = const(double.TRIGONOMETRIC_LIMIT, x)
        return libm_unless(tirx.abs(x) < limit, _widened(wide, x), name, x)

    function.__doc__ = wide.__doc__
    return staticmethod(function)


def _native(name: str, narrow: Function) -> Any:
    """`narrow` for float32; for float64 the C library's function of that name."""

    def function(x: Expr) -> Expr:
        return narrow(x) if is_f32(x) else libm(name, x)

    function.__doc__ = narrow.__doc__
    return staticmethod(function)


def _by_kind(of_floats: Function, of_whole: Function) -> Any:
    """One function for floats, another for whole numbers."""

    def function(x: Expr, y: Expr) -> Expr:
        return of_floats(x, y) if is_float(x) else of_whole(x, y)

    function.__doc__ = of_floats.__doc__
    return staticmethod(function)


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
    eq = staticmethod(lanes.equal)
    ne = staticmethod(lanes.unequal)
    both = staticmethod(tirx.And)
    either = staticmethod(tirx.Or)
    differ = staticmethod(lambda a, b: tirx.Or(tirx.And(a, tirx.Not(b)), tirx.And(b, tirx.Not(a))))

    sin, cos = _periodic("sin", double.sin), _periodic("cos", double.cos)
    tan = _periodic("tan", double.tan)
    asin, acos = _real("asin", double.asin), _real("acos", double.acos)
    atan, atan2 = _real("atan", double.atan), _real("atan2", double.atan2)
    sinh, cosh = _real("sinh", double.sinh), _real("cosh", double.cosh)
    asinh, acosh = _real("asinh", double.asinh), _real("acosh", double.acosh)
    atanh, cbrt = _real("atanh", double.atanh), _real("cbrt", double.cbrt)
    log2, log10 = _real("log2", double.log2), _real("log10", double.log10)
    exp2, hypot = _real("exp2", double.exp2), _real("hypot", double.hypot)
    gamma, lgamma = _real("tgamma", special.gamma), _real("lgamma", special.lgamma)
    tanh, erf = _native("tanh", single.tanh), _native("erf", single.erf)
    expm1, log1p = _native("expm1", single.expm1), _native("log1p", single.log1p)
    floor_divide = _by_kind(remainder.floor_divide, whole.floor_divide)
    mod = _by_kind(remainder.mod, whole.mod)
    fmod = _by_kind(remainder.fmod, whole.fmod)
    gcd, lcm = staticmethod(whole.gcd), staticmethod(whole.lcm)
    shift_left, shift_right = staticmethod(whole.shift_left), staticmethod(whole.shift_right)
    bit_and = staticmethod(lambda a, b: a & b)
    bit_or = staticmethod(lambda a, b: a | b)
    bit_xor = staticmethod(lambda a, b: a ^ b)
    invert = staticmethod(whole.invert)
    codes = staticmethod(codes.nearest)
    decoded, narrow = staticmethod(small.decoded), staticmethod(small.encoded)
    is_nan, is_infinite = staticmethod(is_nan), staticmethod(lanes.is_infinite)
    is_finite, copysign = staticmethod(lanes.is_finite), staticmethod(lanes.copysign)

    @staticmethod
    def maximum(a: Expr, b: Expr) -> Expr:
        """The larger; NaN if either is NaN."""
        return _extreme(a, b, lambda x, y: x > y) if is_float(a) else tirx.max(a, b)

    @staticmethod
    def minimum(a: Expr, b: Expr) -> Expr:
        """The smaller; NaN if either is NaN."""
        return _extreme(a, b, lambda x, y: x < y) if is_float(a) else tirx.min(a, b)

    @staticmethod
    def select(condition: Expr, a: Expr, b: Expr) -> Expr:
        """`a` where the condition holds, else `b`; both are evaluated."""
        return tirx.Select(condition, a, b)

    @staticmethod
    def cast(x: Expr, dtype: DType) -> Expr:
        """Convert to another element type, as C does; to bfloat16 the nearest, of two the even.

        Not from a small type: its elements are decoded before anything is computed with them.
        """
        if dtype.is_small:
            return small.encoded(x, dtype)
        name = with_lanes(tvm_name(dtype), x)
        if dtype_of(x) == name:
            return x
        if dtype == bf16 and is_float(x):
            return half.rounded(x)
        return (half.single(x) if dtype == f16 and is_float(x) else x).astype(name)

    @staticmethod
    def abs(x: Expr) -> Expr:
        """Absolute value."""
        return tirx.abs(x)

    @staticmethod
    def floor(x: Expr) -> Expr:
        """Largest whole number not above."""
        return tirx.floor(x)

    @staticmethod
    def ceil(x: Expr) -> Expr:
        """Smallest whole number not below."""
        return tirx.ceil(x) if is_float(x) else x

    @staticmethod
    def trunc(x: Expr) -> Expr:
        """The whole number next to x towards 0."""
        return tirx.trunc(x) if is_float(x) else x

    @staticmethod
    def rint(x: Expr) -> Expr:
        """The nearest whole number, of two the even one."""
        return tirx.nearbyint(x) if is_float(x) else x

    @staticmethod
    def around(x: Expr, decimals: int) -> Expr:
        """Rounded to so many decimals; whole numbers by way of float64."""
        if not is_float(x):
            return x if decimals >= 0 else _through_f64(lambda v: Math.around(v, decimals), x)
        scale = const(10.0 ** abs(decimals), x)
        if decimals >= 0:
            return Math.rint(x * scale) / scale if decimals else Math.rint(x)
        return Math.rint(x / scale) * scale

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
        """e^x."""
        return single.exp(x) if is_f32(x) else tirx.exp(x)

    @staticmethod
    def exp_nonpositive(x: Expr) -> Expr:
        """e^x for x <= 0, where results below the normal numbers may be 0."""
        return single.exp_nonpositive(x) if is_f32(x) else bind(tirx.exp(x))

    @staticmethod
    def log(x: Expr) -> Expr:
        """Natural logarithm; NaN below 0, -inf at 0."""
        return single.log(x) if is_f32(x) else tirx.log(x)

    @staticmethod
    def pow(x: Expr, y: Expr) -> Expr:
        """x^y; NaN for x < 0 where y is not whole."""
        if not is_float(x):
            return whole.power(x, y)
        return _widened(double.power, x, y) if is_f32(x) else libm("pow", x, y)

    @staticmethod
    def sigmoid(x: Expr) -> Expr:
        """1 / (1 + e^-x)."""
        return const(1, x) / (const(1, x) + Math.exp(const(0, x) - x))

    @staticmethod
    def scaled(x: Expr, y: Expr) -> Expr:
        """x times 2^y, also where 2^y overflows."""
        if is_f32(x):
            return _widened(lambda a, b: a * double.exp2(b), x, y)
        half = bind(tirx.trunc(y * const(0.5, y)))
        return bind(x * libm("exp2", half) * libm("exp2", bind(y - half)))

    @staticmethod
    def logaddexp(x: Expr, y: Expr) -> Expr:
        """log(e^x + e^y), without overflow."""
        if is_f32(x):
            return _widened(double.logaddexp, x, y)
        x, y = bind(x), bind(y)
        same = tirx.Select(Math.eq(x, y), const(0, x), tirx.abs(x - y))  # infinities among them
        return bind(Math.maximum(x, y) + Math.log1p(Math.exp(-bind(same))))

    @staticmethod
    def digamma(x: Expr) -> Expr:
        """The derivative of lgamma."""
        if is_f32(x):
            return _widened(partial(special.digamma, functions=double), x)
        return special.digamma(x, _LIBM)

    @staticmethod
    def trigamma(x: Expr) -> Expr:
        """The derivative of digamma."""
        if is_f32(x):
            return _widened(partial(special.trigamma, functions=double), x)
        return special.trigamma(x, _LIBM)

    @staticmethod
    def erfinv(x: Expr) -> Expr:
        """The inverse of erf; infinite at +-1, NaN beyond."""
        if is_f32(x):
            return _widened(partial(special.erfinv, functions=double, far=False), x)
        return special.refined_erfinv(
            x, special.erfinv(x, _LIBM, far=True), Math.erf, partial(libm, "erfc"), Math.exp
        )

    @staticmethod
    def logical_not(x: Expr) -> Expr:
        """True where x is zero."""
        return tirx.Not(x) if dtype_of(x).startswith("bool") else Math.eq(x, const(0, x))


def _through_f64(function: Function, x: Expr) -> Expr:
    """A float64 function of whole numbers."""
    return bind(convert(bind(function(convert(x, "float64"))), dtype_of(x).partition("x")[0]))


def _extreme(a: Expr, b: Expr, better: Callable[[Expr, Expr], Expr]) -> Expr:
    """The better of two; x86's one-instruction form where one of them is surely no NaN."""
    if is_number(a):
        a, b = b, a
    a = bind(a)
    if is_number(b):  # a NaN compares false and is taken
        return bind(tirx.Select(better(b, a), b, a))
    b = bind(b)
    return bind(tirx.Select(is_nan(a), a, tirx.Select(better(a, b), a, b)))
