"""Questions about elements, answered by truth values."""

from __future__ import annotations

import numpy as np

from baryon.ir import TensorType, boolean
from baryon.ops.declare import (
    BINARY_SAMPLES,
    BROADCAST,
    FLAT,
    WHOLE_SAMPLES,
    Expr,
    predicate,
    source_of,
)
from baryon.ops.numerics import rounded
from baryon.ops.opdef import Infer, OpDef, Sample, absent, elementwise
from baryon.ops.shapes import broadcast

isnan = predicate("np.isnan", np.isnan, lambda t, x: t.is_nan(x), "True for NaN")
isinf = predicate("np.isinf", np.isinf, lambda t, x: t.is_infinite(x), "True for infinities")
isfinite = predicate(
    "np.isfinite",
    np.isfinite,
    lambda t, x: t.is_finite(x),
    "True for numbers that are not infinite",
)
isposinf = predicate(
    "np.isposinf",
    lambda x: np.isinf(x) & (x > 0),
    lambda t, x: t.both(t.is_infinite(x), t.gt(x, t.const(0, like=x))),
    "True for positive infinity",
)
isneginf = predicate(
    "np.isneginf",
    lambda x: np.isinf(x) & (x < 0),
    lambda t, x: t.both(t.is_infinite(x), t.lt(x, t.const(0, like=x))),
    "True for negative infinity",
)
logical_not = predicate(
    "np.logical_not",
    np.logical_not,
    lambda t, x: t.eq(x, t.const(0, like=x)),
    "True where x is zero",
)


def _infer(op: str) -> Infer:
    def infer(x1: TensorType, x2: TensorType) -> TensorType:
        return TensorType(broadcast(op, x1.shape, x2.shape), boolean)

    return infer


def _logical(name: str, function: Expr, expr: Expr, doc: str) -> OpDef:
    return OpDef(
        name=name,
        doc=f"{doc}, as bool. Any dtypes: what is not zero is true. {BROADCAST}",
        operands=("x1", "x2"),
        infer=_infer(name),
        reference=rounded(function),
        gradient=absent(FLAT),
        lowering=elementwise(
            lambda t, x1, x2: expr(t, t.ne(x1, t.const(0, like=x1)), t.ne(x2, t.const(0, like=x2)))
        ),
        samples=(*BINARY_SAMPLES, *WHOLE_SAMPLES, Sample(((2, 3), (3,)), dtypes=("bool",))),
        commutative=True,
        source=source_of(name),
    )


logical_and = _logical(
    "np.logical_and", np.logical_and, lambda t, a, b: t.both(a, b), "True where both are true"
)
logical_or = _logical(
    "np.logical_or", np.logical_or, lambda t, a, b: t.either(a, b), "True where either is true"
)
logical_xor = _logical(
    "np.logical_xor", np.logical_xor, lambda t, a, b: t.differ(a, b), "True where one alone is true"
)

OPS = (
    isnan, isinf, isfinite, isposinf, isneginf, logical_not, logical_and, logical_or, logical_xor,
)  # fmt: skip
