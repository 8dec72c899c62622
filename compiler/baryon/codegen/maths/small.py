"""Small types in kernels: their bits to the values that they mean, and back.

Integer arithmetic on the bits of float32, made from the row of the type (`baryon.ir.FloatFormat`),
so that all of them are one function. All of it vectorizes. The meaning is `baryon.ops.small`.
"""

from __future__ import annotations

from baryon.codegen.maths import half
from baryon.codegen.maths.lanes import Expr, as_bits, bind, const, convert, equal, tvm_name
from baryon.codegen.tvm import tirx
from baryon.ir import DType, FloatFormat

_MANTISSA, _BIAS = 23, 127
_INFINITY, _NAN = 0xFF << _MANTISSA, 0x1FF << _MANTISSA - 1
_LEAST_POWER = 1 << _MANTISSA - 1
"""The bits of 2^-127, which is a denormal number of float32."""
_ROUND_UP = {
    "up": (1 << _MANTISSA) - 1, "down": 0, "nearest": 1 << _MANTISSA - 1,
}  # fmt: skip


def decoded(x: Expr, dtype: DType) -> Expr:
    """What the bits of a small type mean, in the type that computes with them."""
    if dtype.format is not None:
        return _float_of(bind(convert(x, "uint32")), dtype.format)
    low = bind(convert(x, "int32") & const((1 << dtype.bits) - 1, convert(x, "int32")))
    if dtype.kind == "int":
        sign = const(1 << dtype.bits - 1, low)
        low = bind((low ^ sign) - sign)
    return bind(convert(low, tvm_name(dtype.wide)))


def _float_of(code: Expr, form: FloatFormat) -> Expr:
    size = bind(code & const(form.sign - 1, code))
    scale = const(_BIAS - form.bias << _MANTISSA, code)
    bits = bind((size << const(_MANTISSA - form.mantissa, code)) + scale)
    bits = bind(tirx.Select(size < const(1 << form.mantissa, code), _tiny(size, form), bits))
    if form.infinity is not None:
        bits = _if(equal(size, const(form.infinity, code)), _INFINITY, bits)
    if form.nan is not None:
        bits = _if(_undefined(code, size, form), _NAN, bits)
    if form.signed:
        sign = code & const(form.sign, code)
        bits = bind(bits | (sign << const(31 - form.exponent - form.mantissa, code)))
    return bind(as_bits(bits, "float32"))


def _tiny(size: Expr, form: FloatFormat) -> Expr:
    """The bits of a number whose exponent is 0."""
    if not form.signed:
        return const(_LEAST_POWER, size)
    step = 2.0 ** (1 - form.bias - form.mantissa)
    number = convert(size, "float32")
    return as_bits(bind(number * const(step, number)), "uint32")


def _undefined(code: Expr, size: Expr, form: FloatFormat) -> Expr:
    if form.nan == form.sign:
        return equal(code, const(form.sign, code))
    return size > const(form.infinity or form.largest, size)


def encoded(x: Expr, dtype: DType, saturate: bool = True, rounding: str = "up") -> Expr:
    """The bits of a small type for numbers of any other; see `ir.narrow`."""
    if dtype.format is None:  # the lowest bits, as between other types of whole numbers
        whole = bind(convert(x, "int32"))
        return bind(convert(whole & const((1 << dtype.bits) - 1, whole), "uint8"))
    bits = bind(as_bits(half.single(x), "uint32"))
    form, size = dtype.format, bind(bits & const((1 << 31) - 1, bits))
    code = _rounded(size, form) if form.signed else _power(size, rounding)
    code = _if(code > const(form.largest, code), _beyond(form, saturate), code)
    undefined = size > const(_INFINITY, size)
    if not (form.signed or saturate):
        undefined = tirx.Or(undefined, size < const(_LEAST_POWER, size))
    code = _if(undefined, form.nan or 0, code)
    return bind(convert(code | _sign(bits, code, undefined, form), "uint8"))


def _rounded(size: Expr, form: FloatFormat) -> Expr:
    """The bits next to a magnitude, of two the even ones; infinity has more than `largest`."""
    shift = _MANTISSA - form.mantissa
    least = _BIAS + 1 - form.bias << _MANTISSA  # 2^(1 - bias): below it steps are equal
    normal = bind(tirx.min(tirx.max(size, const(least, size)), const(_INFINITY, size)))
    odd = (normal >> const(shift, size)) & const(1, size)
    nearest = normal + const((1 << shift - 1) - 1, size) + odd
    nearest = (nearest >> const(shift, size)) - const(_BIAS - form.bias << form.mantissa, size)
    # adding a number whose last bit is such a step rounds to whole ones
    number = as_bits(size, "float32")
    magic = const(2.0 ** (_MANTISSA + 1 - form.bias - form.mantissa), number)
    steps = as_bits(bind(bind(number) + magic), "uint32") - as_bits(magic, "uint32")
    return bind(tirx.Select(size < const(least, size), steps, nearest))


def _power(size: Expr, rounding: str) -> Expr:
    """The exponent of the power of two next to a magnitude, infinity's as one too large."""
    finite = tirx.min(size, const(_INFINITY, size))
    exponent = (finite + const(_ROUND_UP[rounding], size)) >> const(_MANTISSA, size)
    return _if(size <= const(_LEAST_POWER, size), 0, exponent)


def _beyond(form: FloatFormat, saturate: bool) -> int:
    """The bits for what is larger than the largest number."""
    if saturate or form.nan is None:
        return form.largest
    return form.nan if form.infinity is None else form.infinity


def _sign(bits: Expr, code: Expr, undefined: Expr, form: FloatFormat) -> Expr:
    if not form.signed:
        return const(0, bits)
    sign = (bits >> const(31, bits)) << const(form.exponent + form.mantissa, bits)
    if form.nan is None:
        return _if(undefined, 0, sign)
    return sign if form.has_negative_zero else _if(equal(code, const(0, code)), 0, sign)


def _if(condition: Expr, value: int, other: Expr) -> Expr:
    other = bind(other)
    return bind(tirx.Select(condition, const(value, other), other))
