"""The expressions that codegen makes kernels of mean what the references say, without a compiler.

The functions that lowerings use are played by NumPy; reading outside of an operand gives a poison
that must not reach the result.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.special

from baryon.ir import DType, dtype_of
from baryon.ops import TABLE, Absent, Lowering, OpDef, Role, Sample
from baryon.ops.numerics import Arr, promoted
from baryon.ops.samples import draw
from baryon.ops.small import narrowed

POISON = -77


def _const(value: Any, like: Any) -> Any:
    return np.asarray(value).astype(np.asarray(like).dtype)


def _cast(x: Any, dtype: DType) -> Any:
    if dtype.format is not None:
        return narrowed(np.asarray(x), dtype)
    return np.asarray(x).astype(dtype.numpy)


def _codes(steps: Any, zero: int, dtype: DType) -> Any:
    limits: Any = np.iinfo(np.dtype(dtype.numpy).type)
    return np.clip(np.rint(steps) + zero, limits.min, limits.max).astype(dtype.numpy)


MATH = SimpleNamespace(
    codes=_codes, const=_const, cast=_cast, narrow=narrowed, select=np.where, maximum=np.maximum,
    minimum=np.minimum, exp=np.exp, log=np.log, sqrt=np.sqrt, tanh=np.tanh,
    erf=scipy.special.erf, sigmoid=scipy.special.expit,
    pow=np.power, abs=np.abs, floor=np.floor, lt=np.less, le=np.less_equal, gt=np.greater,
    ge=np.greater_equal, eq=np.equal, ne=np.not_equal, logical_not=np.logical_not,
    rsqrt=lambda x: 1 / np.sqrt(x), bind=lambda x: x, ceil=np.ceil, trunc=np.trunc, rint=np.rint,
    around=np.around, expm1=np.expm1, log1p=np.log1p, log2=np.log2, log10=np.log10, cbrt=np.cbrt,
    sin=np.sin, cos=np.cos, tan=np.tan, asin=np.arcsin, acos=np.arccos, atan=np.arctan,
    atan2=np.arctan2, sinh=np.sinh, cosh=np.cosh, asinh=np.arcsinh, acosh=np.arccosh,
    atanh=np.arctanh, hypot=np.hypot, logaddexp=np.logaddexp, copysign=np.copysign,
    scaled=lambda x, y: x * np.exp2(y), floor_divide=np.floor_divide, mod=np.mod, fmod=np.fmod,
    gcd=np.gcd, lcm=np.lcm, shift_left=np.left_shift, shift_right=np.right_shift,
    bit_and=np.bitwise_and, bit_or=np.bitwise_or, bit_xor=np.bitwise_xor, invert=np.invert,
    is_nan=np.isnan, is_infinite=np.isinf, is_finite=np.isfinite, both=np.logical_and,
    either=np.logical_or, differ=np.logical_xor, gamma=scipy.special.gamma,
    lgamma=scipy.special.gammaln, digamma=scipy.special.digamma, erfinv=scipy.special.erfinv,
    trigamma=lambda x: scipy.special.polygamma(1, x),
)  # fmt: skip


def cases(role: Role) -> list[Any]:
    return [
        pytest.param(op, s, id=f"{op.name}-{i}")
        for op in TABLE.values()
        if isinstance(op.lowering, Lowering) and op.lowering.role is role and op.lowering.expr
        if not isinstance(op.samples, Absent)
        for i, s in enumerate(op.samples)
    ]


def expression(op: OpDef) -> Any:
    assert isinstance(op.lowering, Lowering)
    return op.lowering.expr


def check(found: Any, expected: Arr) -> None:
    """Equal but for rounding; the expression may compute in a wider type."""
    precise = expected.dtype.itemsize > 2 or expected.dtype.kind not in "fV"
    tolerance = 1e-5 if precise else 1e-2
    left, right = (np.asarray(x).astype(np.float64) for x in (found, expected))
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("op", "sample"), cases(Role.ELEMENTWISE))
def test_elementwise(op: OpDef, sample: Sample) -> None:
    (expected,) = op.evaluate(draw(sample), sample.attrs)
    operands = promoted(*draw(sample))
    if operands[0].dtype.kind in "iub" and dtype_of(expected.dtype).is_float:
        operands = [x.astype(np.float32) for x in operands]
    if op.name == "np.where":
        condition, x, y = draw(sample)
        operands = [condition, *promoted(x, y)]
    with np.errstate(all="ignore"):
        found = expression(op)(MATH, *operands, **op.normalize(sample.attrs))
    check(np.broadcast_to(found, expected.shape), expected)


def reader(x: Arr) -> Any:
    def load(*index: Any) -> Any:
        place = tuple(int(i) for i in index)
        assert len(place) == x.ndim
        inside = all(0 <= i < d for i, d in zip(place, x.shape, strict=True))
        return x[place] if inside else x.dtype.type(POISON)

    return load


@pytest.mark.parametrize(("op", "sample"), cases(Role.INJECTIVE))
def test_injective(op: OpDef, sample: Sample) -> None:
    arrays = draw(sample)
    results = op.evaluate(arrays, sample.attrs)
    loads, shapes = [reader(x) for x in arrays], [x.shape for x in arrays]
    for number, expected in enumerate(results):
        attrs = {**op.normalize(sample.attrs), **({"result": number} if len(results) > 1 else {})}
        for index in itertools.product(*map(range, expected.shape)):
            found = expression(op)(MATH, loads, index, shapes, **attrs)
            check(found, expected[index])
