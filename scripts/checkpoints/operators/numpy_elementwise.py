"""MXNet 2: arithmetic, comparisons and functions of elements, and sums of them."""

from __future__ import annotations

from typing import Any

import mxnet as mx

from checkpoints.operators.case import INSIDE, Case, Inputs, Namespace, X

p = mx.np
np, npx = Namespace(p), Namespace(mx.npx)

UNARY = (
    "absolute", "sign", "rint", "ceil", "floor", "trunc", "fix", "square", "sqrt", "cbrt",
    "exp", "log", "log10", "log2", "log1p", "expm1", "sin", "cos", "tan", "arcsin", "arctan",
    "sinh", "cosh", "tanh", "arcsinh", "degrees", "radians", "negative", "reciprocal",
    "logical_not", "isnan", "isfinite",
)  # fmt: skip
BINARY = (
    "add", "subtract", "multiply", "true_divide", "mod", "power", "maximum", "minimum",
    "arctan2", "hypot", "copysign", "equal", "not_equal", "greater", "greater_equal", "less",
    "less_equal", "logical_and", "logical_or", "fmax", "fmin",
)  # fmt: skip
WIDE: Inputs = {**X, "y": (3, 1)}
AXES: tuple[dict[str, Any], ...] = ({}, {"axis": 1}, {"axis": (0, 2), "keepdims": True})

CASES = (
    *(np(name, INSIDE) for name in UNARY),
    *(np(name, WIDE) for name in BINARY),
    Case("scalars", lambda x: 2 / (1 - (x * 3 + 1)) - x / 4 + 2**x + x**2 + x % 0.3, INSIDE),
    Case("compare", lambda x: (x > 0.5) + (x <= 0.5) * (x > 1), INSIDE),
    Case("where", lambda x, y: p.where(x > 0, x, y), WIDE),
    Case("where-scalar", lambda x: p.where(x > 0, x, 0.5), X),
    Case("astype", lambda x: (x * 10).astype("int32"), X),
    np("clip", X, a_min=-0.5, a_max=0.5),
    np("around", X, decimals=1),
    npx("smooth_l1", X, scalar=1.0),
    npx("erf", X),
    npx("gammaln", INSIDE),
    *(np(f"{name}-{i}", X, **axes)
      for name in ("sum", "mean", "prod", "max", "min", "std", "var")
      for i, axes in enumerate(AXES)),
    np("argmax", X, axis=1),
    np("argmin", X, axis=2),
    np("cumsum", X, axis=1),
)  # fmt: skip
