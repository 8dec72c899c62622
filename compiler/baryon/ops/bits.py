"""Whole numbers: their bits, shifts and common divisors."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType
from baryon.ops.declare import (
    WHOLE_SAMPLES,
    Expr,
    binary,
    common_whole,
    of_numbers,
    source_of,
)
from baryon.ops.opdef import OpDef, Sample, absent, elementwise
from baryon.ops.shapes import fail

_NO_GRADIENT = absent("whole numbers have no gradient")
_TRUTH_SAMPLES = (*WHOLE_SAMPLES, Sample(((2, 3), (3,)), dtypes=("bool",)))


def _bitwise(name: str, function: Expr, expr: Expr, doc: str) -> OpDef:
    return binary(
        name,
        f"{doc}. Whole numbers or truth values; floats raise IRTypeError.",
        function,
        _NO_GRADIENT,
        expr,
        infer=common_whole(name, truth=True),
        samples=_TRUTH_SAMPLES,
        commutative=True,
    )


bitwise_and = _bitwise(
    "np.bitwise_and",
    np.bitwise_and,
    lambda t, x1, x2: t.bit_and(x1, x2),
    "The bits that both have",
)
bitwise_or = _bitwise(
    "np.bitwise_or",
    np.bitwise_or,
    lambda t, x1, x2: t.bit_or(x1, x2),
    "The bits that either has",
)
bitwise_xor = _bitwise(
    "np.bitwise_xor",
    np.bitwise_xor,
    lambda t, x1, x2: t.bit_xor(x1, x2),
    "The bits that just one has",
)


def _counting(name: str, function: Expr, expr: Expr, doc: str, **more: Any) -> OpDef:
    return binary(
        name,
        f"{doc}. Floats raise IRTypeError; two truth values give int8.",
        function,
        _NO_GRADIENT,
        expr,
        infer=common_whole(name),
        reference=of_numbers(function),
        samples=WHOLE_SAMPLES,
        **more,
    )


bitwise_left_shift = _counting(
    "np.bitwise_left_shift",
    np.left_shift,
    lambda t, x1, x2: t.shift_left(x1, x2),
    "x1 times 2 to the power x2; 0 where x2 is negative or not below the number of bits",
)
bitwise_right_shift = _counting(
    "np.bitwise_right_shift",
    np.right_shift,
    lambda t, x1, x2: t.shift_right(x1, x2),
    "x1 over 2 to the power x2, rounded down; 0 or -1 where no bits are left",
)
gcd = _counting(
    "np.gcd",
    np.gcd,
    lambda t, x1, x2: t.gcd(x1, x2),
    "The greatest common divisor, not negative",
    commutative=True,
)
lcm = _counting(
    "np.lcm",
    np.lcm,
    lambda t, x1, x2: t.lcm(x1, x2),
    "The least common multiple, not negative",
    commutative=True,
)


def _invert_infer(x: TensorType) -> TensorType:
    if x.dtype.is_float:
        fail("np.invert", f"the operand must be of whole numbers, not {x.dtype}",
             "convert with npx.cast")  # fmt: skip
    return x.with_shape(x.shape)


invert = OpDef(
    name="np.invert",
    doc="All bits turned: -x - 1, or the other truth value. Shape and dtype are those of x; floats "
    "raise IRTypeError.",
    operands=("x",),
    infer=_invert_infer,
    reference=np.invert,
    gradient=_NO_GRADIENT,
    lowering=elementwise(lambda t, x: t.invert(x)),
    samples=(
        Sample(((2, 3),), dtypes=("i32",), high=9, batch=(0,)),
        Sample(((3,),), dtypes=("u8",)),
        Sample(((3,),), dtypes=("u64",)),
        Sample(((4,),), dtypes=("bool",)),
    ),
    source=source_of("np.invert"),
)

OPS = (
    bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift, gcd, lcm, invert,
)  # fmt: skip
