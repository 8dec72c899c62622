"""Whole numbers: division by NumPy's rules, common divisors, bits.

Numbers of up to 32 bits divide in float64, which is exact for them and vectorizes; those of 64 bits
divide one after another. Division by 0 gives 0; the least number over -1 is itself.
"""

from __future__ import annotations

from collections.abc import Callable

from baryon.codegen.maths.lanes import Expr, bind, const, convert, dtype_of, equal, lanes_of
from baryon.codegen.maths.scalar import Lanes
from baryon.codegen.tvm import T, tirx

Rounding = Callable[[Expr], Expr]


def _name(x: Expr) -> str:
    return dtype_of(x).partition("x")[0]


def _bits(x: Expr) -> int:
    return int(_name(x).lstrip("uint"))


def _is_unsigned(x: Expr) -> bool:
    return _name(x).startswith("uint")


def _zero(x: Expr) -> Expr:
    return equal(x, const(0, x))


def floor_divide(x: Expr, y: Expr) -> Expr:
    """The quotient rounded down."""
    x, y = bind(x), bind(y)
    if _bits(x) < 64:
        return _small_quotient(x, y, tirx.floor)
    quotient = _wide_quotient(x, y)
    if _is_unsigned(x):
        return quotient
    rest = bind(x - quotient * y)
    unlike = (rest ^ y) < const(0, x)
    lower = tirx.And(tirx.Not(tirx.Or(_zero(rest), _zero(y))), unlike)
    return bind(tirx.Select(lower, quotient - const(1, x), quotient))


def mod(x: Expr, y: Expr) -> Expr:
    """The remainder with the sign of y."""
    return _remainder(x, y, floor_divide)


def fmod(x: Expr, y: Expr) -> Expr:
    """The remainder with the sign of x."""
    x, y = bind(x), bind(y)
    if _bits(x) < 64:
        return _remainder(x, y, lambda a, b: _small_quotient(a, b, tirx.trunc))
    return _remainder(x, y, _wide_quotient)


def _remainder(x: Expr, y: Expr, quotient: Callable[[Expr, Expr], Expr]) -> Expr:
    x, y = bind(x), bind(y)
    return bind(tirx.Select(_zero(y), const(0, x), x - quotient(x, y) * y))


def _small_quotient(x: Expr, y: Expr, rounding: Rounding) -> Expr:
    quotient = bind(rounding(convert(x, "float64") / convert(y, "float64")))
    fits = quotient < const(1 << _bits(x) - 1, quotient)  # false for the NaN of 0/0
    defined = tirx.And(tirx.Not(_zero(y)), fits)
    value = convert(bind(tirx.Select(defined, quotient, const(0, quotient))), _name(x))
    otherwise = tirx.Select(_zero(y), const(0, x), x)
    return bind(tirx.Select(defined, value, otherwise))


def _wide_quotient(x: Expr, y: Expr) -> Expr:
    """The quotient rounded towards 0, by divisions that cannot trap."""
    harmless = tirx.Select(_zero(y), const(1, y), y)
    if not _is_unsigned(x):
        minus = equal(y, const(-1, y))
        harmless = tirx.Select(minus, const(1, y), harmless)
        numerator = bind(tirx.Select(minus, const(0, x) - x, x))
    else:
        numerator = x
    value = tirx.truncdiv(numerator, bind(harmless))
    return bind(tirx.Select(_zero(y), const(0, x), value))


def gcd(x: Expr, y: Expr) -> Expr:
    """The greatest common divisor, not negative, by Euclid's algorithm in each lane."""
    a, b = (Lanes.of(_magnitude(bind(v))) for v in (x, y))
    rest = Lanes(_name(x), 1)
    with T.serial(0, lanes_of(x)) as lane, T.While(b[lane] != 0):
        rest[0] = tirx.truncmod(a[lane], b[lane])
        a[lane] = b[lane]
        b[lane] = rest[0]
    return bind(_magnitude(a.all()))


def lcm(x: Expr, y: Expr) -> Expr:
    """The least common multiple, not negative; 0 where either is 0."""
    x, y = bind(_magnitude(bind(x))), bind(_magnitude(bind(y)))
    common = bind(gcd(x, y))
    part = floor_divide(x, common)
    return bind(part * y)


def _magnitude(x: Expr) -> Expr:
    return x if _is_unsigned(x) else tirx.Select(x < const(0, x), const(0, x) - x, x)


def shift_left(x: Expr, y: Expr) -> Expr:
    """x times 2^y; 0 where y is not in the range of the bits."""
    y = bind(y)
    return bind(tirx.Select(_in_range(y), x << _clamped(y), const(0, x)))


def shift_right(x: Expr, y: Expr) -> Expr:
    """x over 2^y, rounded down; 0 or -1 where y is not in the range of the bits."""
    x, y = bind(x), bind(y)
    if _is_unsigned(x):
        return bind(tirx.Select(_in_range(y), x >> _clamped(y), const(0, x)))
    gone = x >> const(_bits(x) - 1, x)
    return bind(tirx.Select(_in_range(y), x >> _clamped(y), gone))


def _in_range(y: Expr) -> Expr:
    below = y < const(_bits(y), y)
    return below if _is_unsigned(y) else tirx.And(y >= const(0, y), below)


def _clamped(y: Expr) -> Expr:
    return bind(y & const(_bits(y) - 1, y))


def invert(x: Expr) -> Expr:
    """All bits turned; of a truth value the other one."""
    if dtype_of(x).startswith("bool"):
        return tirx.Not(x)
    return tirx.bitwise_not(x)


def power(x: Expr, y: Expr) -> Expr:
    """x^y by squaring; 1 where y is negative, which NumPy refuses."""
    base, rest, out = Lanes.of(x), Lanes.of(y), Lanes.of(const(1, x))
    one = tirx.const(1, _name(x))
    with T.serial(0, lanes_of(x)) as lane, T.While(rest[lane] > 0):
        out[lane] = out[lane] * tirx.Select(_zero(rest[lane] & one), one, base[lane])
        base[lane] = base[lane] * base[lane]
        rest[lane] = rest[lane] >> one
    return out.all()
