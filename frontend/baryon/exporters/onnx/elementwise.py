"""Arithmetic, comparisons and elementary functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from baryon.exporters.onnx.form import Call, Form, NoForm, direct, same
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import DTYPES, DType, boolean, f32, i32
from baryon.ops.shapes import promote


def common(o: Writer, *operands: Tensor) -> list[Tensor]:
    """Operands in their common element type."""
    dtype = promote("", [x.dtype for x in operands])
    return [o.cast(x, dtype) for x in operands]


def _compared(name: str, node: str, negated: bool = False) -> Form:
    def write(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
        x, y = common(o, x, y)
        if x.dtype == boolean and node != "Equal":
            x, y = o.cast(x, i32), o.cast(y, i32)
        answer = o.node(node, x, y)
        return o.onnx.Not(answer) if negated else answer

    return Form(name, write)


def _logical(name: str, node: str) -> Form:
    def write(o: Writer, call: Call, *operands: Tensor) -> Tensor:
        return o.node(node, *(o.cast(x, boolean) for x in operands))

    return Form(name, write)


def _bitwise(name: str, bits: str, truth: str) -> Form:
    def write(o: Writer, call: Call, *operands: Tensor) -> Tensor:
        given = [o.cast(x, call.type.dtype) for x in operands]
        return o.node(truth if call.type.dtype == boolean else bits, *given)

    return Form(name, write)


def _whole_or(name: str, node: str) -> Form:
    """A rounding: whole numbers are what they are."""

    def write(o: Writer, call: Call, x: Tensor) -> Tensor:
        return o.node(node, o.cast(x, call.type.dtype)) if call.type.dtype.is_float else x

    return Form(name, write)


def _round_away(o: Writer, call: Call, x: Tensor) -> Tensor:
    """Halves go away from 0; those of ONNX's Round go to the even number."""
    x = o.cast(x, call.type.dtype)
    size = o.onnx.Abs(x)
    down = o.onnx.Floor(size)
    half = o.onnx.GreaterOrEqual(o.onnx.Sub(size, down), 0.5)
    return o.onnx.Mul(o.onnx.Sign(x), o.onnx.Where(half, o.onnx.Add(down, 1), down))


def _asked(name: str, node: str, **attrs: Any) -> Form:
    """A question that only floats can be asked."""

    def write(o: Writer, call: Call, x: Tensor) -> Tensor:
        return o.node(node, x if x.dtype.is_float else o.cast(x, f32), **attrs)

    return Form(name, write)


def _scaled(name: str, factor: float) -> Form:
    def write(o: Writer, call: Call, x: Tensor) -> Tensor:
        return o.onnx.Mul(o.cast(x, call.type.dtype), factor)

    return Form(name, write)


def _where(o: Writer, call: Call, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    x, y = o.cast(x, call.type.dtype), o.cast(y, call.type.dtype)
    return o.onnx.Where(o.cast(condition, boolean), x, y)


def _clip(o: Writer, call: Call, a: Tensor) -> Tensor:
    bounds = [None if call[n] is None else o.number(call[n], a) for n in ("a_min", "a_max")]
    if bounds == [None, None]:
        return a
    return o.onnx.Clip(a, *bounds)


def _sub_zero(o: Writer, x: Tensor) -> Any:
    return o.onnx.Sub(o.number(0, x), x)


def _power(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    dtype = call.type.dtype
    x, y = o.cast(x, dtype), o.cast(y, dtype)
    if not dtype.is_float:
        # through float64, which holds every 32-bit power; wider ones are rounded
        return o.cast(o.onnx.Pow(o.cast(x, DTYPES["f64"]), o.cast(y, DTYPES["f64"])), dtype)
    return o.onnx.Pow(x, y)


def _rsqrt(o: Writer, call: Call, x: Tensor) -> Tensor:
    return o.onnx.Reciprocal(o.onnx.Sqrt(o.cast(x, call.type.dtype)))


def _root(o: Writer, call: Call, x: Tensor) -> Tensor:
    x = o.cast(x, call.type.dtype)
    return o.onnx.Mul(o.onnx.Sign(x), o.onnx.Pow(o.onnx.Abs(x), 1 / 3))


def _expm1(o: Writer, call: Call, x: Tensor) -> Tensor:
    """2 sinh(x / 2) exp(x / 2), which loses nothing near 0."""
    x = o.at_least_single(o.cast(x, call.type.dtype))
    half = o.onnx.Mul(x, 0.5)
    made = o.onnx.Mul(o.onnx.Mul(o.onnx.Sinh(half), 2.0), o.onnx.Exp(half))
    return o.cast(made, call.type.dtype)


def _log1p(o: Writer, call: Call, x: Tensor) -> Tensor:
    """log(u) x / (u - 1) with u = 1 + x rounded (W. Kahan), x itself where u is 1."""
    x = o.at_least_single(o.cast(x, call.type.dtype))
    u = o.onnx.Add(x, 1.0)
    above = o.onnx.Sub(u, 1.0)
    made = o.onnx.Mul(o.onnx.Log(u), o.onnx.Div(x, above))
    plain = o.onnx.Or(o.onnx.Equal(above, 0.0), o.onnx.IsInf(u))
    return o.cast(o.onnx.Where(plain, x, made), call.type.dtype)


def _arctan2(o: Writer, call: Call, y: Tensor, x: Tensor) -> Tensor:
    """atan(y / x), half a turn added where x is negative; signs of zeros count."""
    y, x = (o.at_least_single(o.cast(v, call.type.dtype)) for v in (y, x))
    both = o.onnx.And(o.onnx.Equal(y, 0.0), o.onnx.Equal(x, 0.0))
    slope = o.onnx.Where(both, y, o.onnx.Div(y, x))
    half = o.onnx.Where(_is_below(o, y), o.number(-math.pi, y), o.number(math.pi, y))
    left = _is_below(o, x)
    near = o.onnx.Where(both, half, o.onnx.Add(o.onnx.Atan(slope), half))
    return o.cast(o.onnx.Where(left, near, o.onnx.Atan(slope)), call.type.dtype)


def _is_below(o: Writer, x: Tensor) -> Tensor:
    """Whether the sign is set, of -0 as well."""
    zero = o.onnx.And(o.onnx.Equal(x, 0.0), o.onnx.Less(o.onnx.Reciprocal(x), 0.0))
    return o.onnx.Or(o.onnx.Less(x, 0.0), zero)


def _hypot(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    """The larger one times sqrt(1 + ratio^2): no square overflows."""
    a, b = (o.onnx.Abs(o.at_least_single(o.cast(v, call.type.dtype))) for v in (x, y))
    large, small = o.onnx.Max(a, b), o.onnx.Min(a, b)
    plain = o.onnx.Or(o.onnx.Equal(large, 0.0), o.onnx.IsInf(large))
    ratio = o.onnx.Div(small, o.onnx.Where(plain, o.number(1, large), large))
    made = o.onnx.Mul(large, o.onnx.Sqrt(o.onnx.Add(o.onnx.Mul(ratio, ratio), 1.0)))
    return o.cast(o.onnx.Where(plain, large, made), call.type.dtype)


def _trunc(o: Writer, call: Call, x: Tensor) -> Tensor:
    if not x.dtype.is_float:
        return x
    return o.onnx.Mul(o.onnx.Sign(x), o.onnx.Floor(o.onnx.Abs(x)))


def _around(o: Writer, call: Call, x: Tensor) -> Tensor:
    decimals = call["decimals"]
    if not x.dtype.is_float:
        if decimals >= 0:
            return x
        wide = o.onnx.Div(o.cast(x, DTYPES["f64"]), 10.0**-decimals)
        return o.cast(o.onnx.Mul(o.onnx.Round(wide), 10.0**-decimals), x.dtype)
    if not decimals:
        return o.onnx.Round(x)
    up, down = (o.onnx.Mul, o.onnx.Div) if decimals > 0 else (o.onnx.Div, o.onnx.Mul)
    tens = 10.0 ** abs(decimals)
    return o.cast(down(o.onnx.Round(up(o.at_least_single(x), tens)), tens), x.dtype)


def _copysign(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    x, y = o.cast(x, call.type.dtype), o.cast(y, call.type.dtype)
    size = o.onnx.Abs(x)
    return o.onnx.Where(_is_below(o, y), o.onnx.Neg(size), size)


def _guarded(o: Writer, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where a whole divisor is 0, and the divisor with 1 there: processors trap on 0."""
    zero = o.onnx.Equal(y, 0)
    return zero, o.onnx.Where(zero, o.number(1, y), y)


def _no_zero(
    o: Writer, call: Call, x: Tensor, y: Tensor, write: Callable[[Tensor, Tensor], Any]
) -> Tensor:
    """A quotient or remainder of whole numbers, 0 over 0."""
    zero, divisor = _guarded(o, y)
    return o.onnx.Where(zero, o.number(0, x), write(x, divisor))


def _floor_divide(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    x, y = o.cast(x, call.type.dtype), o.cast(y, call.type.dtype)
    if call.type.dtype.is_float:
        # NumPy's: from the exact remainder, so that 1 over 0.1 is 9
        rest = _float_mod(o, x, y)
        exact = o.onnx.Div(o.onnx.Sub(x, rest), y)
        by_zero = o.onnx.Equal(y, 0.0)
        return o.onnx.Where(by_zero, o.onnx.Div(x, y), o.onnx.Round(exact))

    def divided(a: Tensor, b: Tensor) -> Any:
        rest = o.onnx.Mod(a, b)  # with the sign of b, so that the quotient is exact
        return o.onnx.Div(o.onnx.Sub(a, rest), b)

    return _no_zero(o, call, x, y, divided)


def _float_mod(o: Writer, x: Tensor, y: Tensor) -> Tensor:
    rest = o.onnx.Mod(x, y, fmod=1)
    other = o.onnx.Less(o.onnx.Mul(o.onnx.Sign(rest), o.onnx.Sign(y)), 0.0)
    return o.onnx.Where(other, o.onnx.Add(rest, y), rest)


def _mod(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    x, y = o.cast(x, call.type.dtype), o.cast(y, call.type.dtype)
    if call.type.dtype.is_float:
        return _float_mod(o, x, y)
    return _no_zero(o, call, x, y, o.onnx.Mod)


def _fmod(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    x, y = o.cast(x, call.type.dtype), o.cast(y, call.type.dtype)
    if call.type.dtype.is_float:
        return o.onnx.Mod(x, y, fmod=1)
    return _no_zero(o, call, x, y, lambda a, b: o.onnx.Mod(a, b, fmod=1))


def _preferred(name: str, node: str) -> Form:
    """The extremum that takes the other one where one is NaN."""

    def write(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
        x, y = o.cast(x, call.type.dtype), o.cast(y, call.type.dtype)
        best = o.node(node, x, y)
        if not call.type.dtype.is_float:
            return best
        other = o.onnx.Where(o.onnx.IsNaN(y), x, best)
        return o.onnx.Where(o.onnx.IsNaN(x), y, other)

    return Form(name, write)


def _ldexp(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    """In two steps: half of the exponent has a power of two where the whole may have none."""
    x, y = (o.at_least_single(o.cast(v, call.type.dtype)) for v in (x, y))
    half = o.onnx.Floor(o.onnx.Mul(y, 0.5))
    first = o.onnx.Mul(x, o.onnx.Pow(o.number(2, y), half))
    made = o.onnx.Mul(first, o.onnx.Pow(o.number(2, y), o.onnx.Sub(y, half)))
    return o.cast(made, call.type.dtype)


def _logaddexp(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
    x, y = (o.at_least_single(o.cast(v, call.type.dtype)) for v in (x, y))
    peak = o.onnx.Max(x, y)
    same = o.onnx.IsInf(peak)
    gap = o.onnx.Where(same, o.number(0, peak), o.onnx.Neg(o.onnx.Abs(o.onnx.Sub(x, y))))
    more = o.onnx.Where(same, o.number(0, peak), o.onnx.Softplus(gap))
    return o.cast(o.onnx.Add(peak, more), call.type.dtype)


_UNSIGNED = {8: "u8", 16: "u32", 32: "u32", 64: "u64"}


def _shifted(name: str, direction: str) -> Form:
    """Shifts, which the standard has of unsigned numbers; as many places as there are bits, or
    fewer than none, leave no bit."""

    def write(o: Writer, call: Call, x: Tensor, y: Tensor) -> Tensor:
        dtype = call.type.dtype
        x, y = o.cast(x, dtype), o.cast(y, dtype)
        signed = dtype.kind == "int"
        negative = o.onnx.Less(x, 0) if signed else None
        turned = x
        if negative is not None and direction == "RIGHT":  # -1 - ((-1 - x) >> y) rounds down
            turned = o.onnx.Where(negative, o.onnx.BitwiseNot(x), x)
        moved = _shift(o, turned, y, direction, dtype)
        if negative is not None and direction == "RIGHT":
            moved = o.onnx.Where(negative, o.onnx.BitwiseNot(moved), moved)
        return moved

    return Form(name, write)


def _shift(o: Writer, x: Tensor, y: Tensor, direction: str, dtype: DType) -> Tensor:
    inside = o.onnx.Less(y, dtype.bits)
    if dtype.kind == "int":
        inside = o.onnx.And(inside, o.onnx.GreaterOrEqual(y, 0))
    wide = DTYPES[_UNSIGNED[dtype.bits]]
    places = o.onnx.Where(inside, y, o.number(0, y))
    moved = o.onnx.BitShift(o.cast(x, wide), o.cast(places, wide), direction=direction)
    return o.onnx.Where(inside, o.cast(moved, dtype), o.number(0, x))


def _relu(o: Writer, call: Call, x: Tensor) -> Tensor:
    return x if x.dtype.kind in ("uint", "bool") else o.onnx.Relu(x)


def _gelu(o: Writer, call: Call, x: Tensor) -> Tensor:
    kind = {"erf": "none", "tanh": "tanh"}[call["approximate"]]
    return o.onnx.Gelu(o.cast(x, call.type.dtype), approximate=kind)


def _softsign(o: Writer, call: Call, x: Tensor) -> Tensor:
    x = o.cast(x, call.type.dtype)
    if x.dtype != DTYPES["f64"]:
        return o.onnx.Softsign(x)
    return o.onnx.Div(x, o.onnx.Add(o.onnx.Abs(x), 1.0))  # of which there is a kernel


def _silu(o: Writer, call: Call, x: Tensor) -> Tensor:
    x = o.cast(x, call.type.dtype)
    return o.onnx.Mul(x, o.onnx.Sigmoid(x))


def _smooth_l1(o: Writer, call: Call, x: Tensor) -> Tensor:
    x, squared = o.cast(x, call.type.dtype), call["scalar"] ** 2
    size = o.onnx.Abs(x)
    inner = o.onnx.Mul(o.onnx.Mul(x, x), 0.5 * squared)
    near = o.onnx.Less(size, 1 / squared)
    return o.onnx.Where(near, inner, o.onnx.Sub(size, 0.5 / squared))


def _like(name: str, value: int) -> Form:
    def write(o: Writer, call: Call, a: Tensor) -> Tensor:
        number = o.number(value, a)
        return o.onnx.Expand(number, o.dims(a.type.shape)) if a.rank else o.onnx.Identity(number)

    return Form(name, write)


def _is_infinite(name: str, **attrs: Any) -> Form:
    return _asked(name, "IsInf", **attrs)


def _isfinite(o: Writer, call: Call, x: Tensor) -> Tensor:
    x = x if x.dtype.is_float else o.cast(x, f32)
    return o.onnx.Not(o.onnx.Or(o.onnx.IsNaN(x), o.onnx.IsInf(x)))


OPS: Sequence[Form | NoForm] = (
    direct("np.add", "Add"),
    direct("np.subtract", "Sub"),
    direct("np.multiply", "Mul"),
    direct("np.divide", "Div"),
    direct("np.maximum", "Max"),
    direct("np.minimum", "Min"),
    Form("np.power", _power),
    _compared("np.equal", "Equal"),
    _compared("np.not_equal", "Equal", negated=True),
    _compared("np.greater", "Greater"),
    _compared("np.greater_equal", "GreaterOrEqual"),
    _compared("np.less", "Less"),
    _compared("np.less_equal", "LessOrEqual"),
    Form("np.where", _where),
    Form("np.clip", _clip),
    Form("np.negative", lambda o, call, x: _sub_zero(o, x) if x.dtype.kind == "uint"
         else o.onnx.Neg(x)),
    direct("np.abs", "Abs"),
    direct("np.sign", "Sign"),
    Form("np.square", lambda o, call, x: o.onnx.Mul(x, x)),
    _whole_or("np.floor", "Floor"),
    _whole_or("np.ceil", "Ceil"),
    Form("np.trunc", _trunc),
    Form("np.fix", _trunc),
    direct("np.rint", "Round"),
    Form("np.around", _around),
    same("np.positive"),
    direct("np.fabs", "Abs"),
    Form("np.copysign", _copysign),
    direct("np.sqrt", "Sqrt"),
    direct("np.exp", "Exp"),
    direct("np.log", "Log"),
    direct("np.tanh", "Tanh"),
    direct("np.reciprocal", "Reciprocal"),
    Form("npx.rsqrt", _rsqrt),
    direct("npx.erf", "Erf"),
    same("npx.stop_gradient"),
    Form("np.cbrt", _root),
    Form("np.expm1", _expm1),
    Form("np.log1p", _log1p),
    Form("np.log2", lambda o, call, x: o.onnx.Mul(o.onnx.Log(o.cast(x, call.type.dtype)),
                                                  1 / math.log(2))),
    Form("np.log10", lambda o, call, x: o.onnx.Mul(o.onnx.Log(o.cast(x, call.type.dtype)),
                                                   1 / math.log(10))),
    direct("np.sinh", "Sinh"),
    direct("np.cosh", "Cosh"),
    direct("np.arcsinh", "Asinh"),
    direct("np.arccosh", "Acosh"),
    direct("np.arctanh", "Atanh"),
    _scaled("np.degrees", 180 / math.pi),
    _scaled("np.radians", math.pi / 180),
    direct("np.sin", "Sin"),
    direct("np.cos", "Cos"),
    direct("np.tan", "Tan"),
    direct("np.arcsin", "Asin"),
    direct("np.arccos", "Acos"),
    direct("np.arctan", "Atan"),
    Form("np.arctan2", _arctan2),
    Form("np.hypot", _hypot),
    Form("np.floor_divide", _floor_divide),
    Form("np.mod", _mod),
    Form("np.fmod", _fmod),
    _preferred("np.fmax", "Max"),
    _preferred("np.fmin", "Min"),
    Form("np.ldexp", _ldexp),
    Form("np.logaddexp", _logaddexp),
    _bitwise("np.bitwise_and", "BitwiseAnd", "And"),
    _bitwise("np.bitwise_or", "BitwiseOr", "Or"),
    _bitwise("np.bitwise_xor", "BitwiseXor", "Xor"),
    _bitwise("np.invert", "BitwiseNot", "Not"),
    _shifted("np.bitwise_left_shift", "LEFT"),
    _shifted("np.bitwise_right_shift", "RIGHT"),
    _asked("np.isnan", "IsNaN"),
    _is_infinite("np.isinf"),
    _is_infinite("np.isposinf", detect_negative=0),
    _is_infinite("np.isneginf", detect_positive=0),
    Form("np.isfinite", _isfinite),
    _logical("np.logical_not", "Not"),
    _logical("np.logical_and", "And"),
    _logical("np.logical_or", "Or"),
    _logical("np.logical_xor", "Xor"),
    Form("npx.smooth_l1", _smooth_l1),
    Form("npx.round_ste", _round_away),
    direct("npx.sign_ste", "Sign"),
    Form("npx.relu", _relu),
    direct("npx.sigmoid", "Sigmoid"),
    direct("npx.softplus", "Softplus"),
    Form("npx.softsign", _softsign),
    direct("npx.leaky_relu", "LeakyRelu", alpha="slope"),
    direct("npx.elu", "Elu", alpha="slope"),
    Form("npx.silu", _silu),
    Form("npx.gelu", _gelu),
    _like("np.zeros_like", 0),
    _like("np.ones_like", 1),
)  # fmt: skip
