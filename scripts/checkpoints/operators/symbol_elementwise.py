"""MXNet 1: arithmetic, comparisons and functions of elements."""

from __future__ import annotations

import mxnet as mx

from checkpoints.operators.case import INSIDE, PAIR, Case, Inputs, Namespace, X, floats, whole

s = mx.sym
call = Namespace(s)

UNARY = (
    "abs", "sign", "rint", "round", "ceil", "floor", "trunc", "fix", "square", "sqrt", "rsqrt",
    "cbrt", "rcbrt", "exp", "log", "log10", "log2", "log1p", "expm1", "sin", "cos", "tan",
    "arcsin", "arctan", "sinh", "cosh", "tanh", "arcsinh", "degrees", "radians", "negative",
    "reciprocal", "relu", "sigmoid", "softsign", "erf", "gamma", "gammaln", "logical_not",
    "zeros_like", "ones_like",
)  # fmt: skip
BROADCAST = (
    "add", "sub", "mul", "div", "maximum", "minimum", "hypot", "greater", "lesser_equal",
    "not_equal", "logical_and", "logical_xor",
)  # fmt: skip
HALVES: Inputs = {"x": floats(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.2, -0.7)}
WIDE: Inputs = {"x": (2, 3, 4), "y": (2, 1, 4)}

CASES = (
    *(call(name, INSIDE) for name in UNARY),
    *(call(f"{name}-halves", HALVES) for name in ("rint", "round", "fix", "trunc")),
    *(call(f"broadcast_{name}", WIDE) for name in BROADCAST),
    *(call(f"elemwise_{name}", PAIR) for name in ("add", "sub", "mul", "div")),
    Case("scalars", lambda x: 2 / (1 - (x * 3 + 1)) - x / 4 + (x > 0.5) + (x <= 0.5), INSIDE),
    Case("powers", lambda x: x**2 + 2**x + s.maximum(x, 0.3) + s.minimum(0.6, x) + x % 0.3, INSIDE),
    Case("whole", lambda x: s.Cast(x * 10, dtype="int32") * 3 + 1, INSIDE),
    call("clip", X, a_min=-0.5, a_max=0.5),
    Case("add_n", lambda x, y: s.add_n(x, y, x), PAIR),
    call("where", {"c": whole(2, 2, 3, 4), **PAIR}),
    call("where-rows", {"c": whole(2, 2), **PAIR}),
    call("smooth_l1", X, scalar=2.0),
    call("hard_sigmoid", X),
)
