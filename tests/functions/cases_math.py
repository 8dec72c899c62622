"""Element-wise functions, reductions, statistics and logic of `np`."""

from __future__ import annotations

from typing import Any

import numpy

from functions.case import Case


def unary(name: str, low: float = -2.0, high: float = 2.0, **more: Any) -> Case:
    return Case(f"np.{name}", ("a b",), low=low, high=high, **more)


def binary(name: str, **more: Any) -> list[Case]:
    """Equal shapes, broadcasting, and numbers of no axes."""
    return [Case(f"np.{name}", shapes, **more) for shapes in (("a b", "a b"), ("a 1 b", "c 1"))]


SMOOTH = [
    *(unary(n) for n in (
        "abs", "absolute", "fabs", "negative", "positive", "square", "exp", "expm1", "sin", "cos",
        "tanh", "sinh", "cosh", "arctan", "atan", "arcsinh", "asinh", "degrees", "rad2deg",
        "radians", "deg2rad", "cbrt", "reciprocal",
    )),
    *(unary(n, 0.1, 3.0) for n in ("sqrt", "log", "log2", "log10", "log1p")),
    *(unary(n, -0.9, 0.9) for n in ("arcsin", "asin", "arccos", "acos", "arctanh", "atanh")),
    *(unary(n, 1.1, 3.0) for n in ("arccosh", "acosh")),
    unary("tan", -1.2, 1.2),
]  # fmt: skip
STEPS = [
    unary(n, kinds="f") for n in ("sign", "rint", "fix", "floor", "ceil", "trunc")
] + [
    unary("around", keywords={"decimals": 1}, graded=False),
    unary("round", keywords={"decimals": 2}, graded=False),
    unary("round_", graded=False, reference=numpy.round),
    unary("nan_to_num"),
    *(unary(n, graded=False, kinds="f")
      for n in ("isnan", "isinf", "isposinf", "isneginf", "isfinite", "logical_not")),
    *(unary(n, graded=False, kinds="i") for n in ("invert", "bitwise_not")),
    unary("bitwise_invert", graded=False, kinds="i", reference=numpy.invert),
]  # fmt: skip
ARITHMETIC = [
    c
    for name in ("add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin")
    for c in binary(name, kinds="fi")
] + [
    *binary("divide", low=0.5),
    *binary("true_divide", low=0.5),
    *binary("power", low=0.5),
    *binary("pow", low=0.5, reference=numpy.power),
    *binary("arctan2", low=0.3),
    *binary("atan2", low=0.3, reference=numpy.arctan2),
    *binary("hypot"),
    *binary("copysign"),
    *binary("logaddexp"),
    *binary("mod", low=0.5, graded=False),
    *binary("remainder", low=0.5, graded=False),
    *binary("fmod", low=0.5, graded=False),
    *binary("floor_divide", low=0.5, graded=False),
    *binary("mod", low=1, high=9, kinds="i"),
    *binary("fmod", low=1, high=9, kinds="i"),
    *binary("floor_divide", low=1, high=9, kinds="i"),
    *binary("lcm", low=1, high=12, kinds="i"),
    *binary("gcd", low=1, high=12, kinds="i"),
    *(c for n in ("bitwise_and", "bitwise_or", "bitwise_xor") for c in binary(n, kinds="ib")),
    *binary("bitwise_left_shift", low=0, high=5, kinds="i", reference=numpy.left_shift),
    *binary("bitwise_right_shift", low=0, high=5, kinds="i", reference=numpy.right_shift),
    *(c for n in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
      for c in binary(n, kinds="fib", graded=False)),
    *(c for n in ("logical_and", "logical_or", "logical_xor")
      for c in binary(n, kinds="fib", graded=False)),
    Case("np.ldexp", ("a b", "a b"), reference=lambda x, y: x * 2**y),
    Case("np.clip", ("a b",), {"a_min": -0.5, "a_max": 0.7}),
    Case("np.interp", ("a",), graded=False, compiled=False,
         call=lambda m, x: m.interp(x, m.array([-2.0, 0.0, 2.0]), m.array([1.0, 5.0, 2.0]))),
    Case("np.polyval", ("4", "a b")),
    Case("np.cross", ("a 3", "a 3")),
]  # fmt: skip

REDUCTIONS = [
    case
    for name in ("sum", "prod", "max", "min", "mean", "amax", "amin", "std", "var")
    for case in (
        Case(f"np.{name}", ("a b c",)),
        Case(f"np.{name}", ("a b c",), {"axis": 1}),
        Case(f"np.{name}", ("a b c",), {"axis": (0, 2), "keepdims": True}),
    )
] + [
    Case("np.product", ("a b",), {"axis": 0}, reference=lambda x: numpy.prod(x, axis=0)),
    *(Case(f"np.{n}", ("a b c",), {"axis": 1}, kinds="b")
      for n in ("all", "any")),
    Case("np.sometrue", ("a b",), {"axis": 1}, kinds="b", reference=lambda x: x.any(axis=1)),
    Case("np.average", ("a b",), {"axis": 0}),
    Case("np.average", ("a b", "a b"), low=0.5,
         call=lambda m, x, w: m.average(x, axis=1, weights=w)),
    *(Case(f"np.{n}", ("a b",), {"axis": 1}, kinds="fi", graded=False)
      for n in ("argmax", "argmin")),
    *(Case("np.cumsum", ("a b c",), {"axis": axis}) for axis in (None, 0, 1, -1)),
    Case("np.median", ("a b",), {"axis": 1}, compiled=True),
    Case("np.quantile", ("a b",), call=lambda m, x: m.quantile(x, m.array([0.2, 0.7]), axis=1)),
    Case("np.percentile", ("a b",), call=lambda m, x: m.percentile(x, m.array([25.0]), axis=0)),
    Case("np.diff", ("a b",), {"axis": 1}, least=3),
    Case("np.diff", ("a b",), {"n": 2, "axis": 0}, least=3),
    Case("np.ediff1d", ("a b",), least=2),
    Case("np.bincount", ("a",), kinds="i", low=0, high=5, compiled=False),
    Case("np.histogram", ("a b",), compiled=False, graded=False,
         call=lambda m, x: m.histogram(x, bins=5, range=(-2.0, 2.0))),
]  # fmt: skip
ON_ONE: dict[str, dict[str, Any]] = {
    "i0": {}, "modf": {}, "frexp": {}, "spacing": {}, "signbit": {}, "unwrap": {},
    "real": {}, "cumprod": {"keywords": {"axis": 1}}, "ptp": {"keywords": {"axis": 0}},
    "nansum": {}, "nanprod": {}, "nanmax": {}, "nanmin": {}, "nanstd": {}, "nanvar": {},
    "nanmedian": {}, "nancumsum": {}, "nancumprod": {}, "nanargmax": {}, "nanargmin": {},
    "nanpercentile": {"keywords": {"q": 30.0}}, "nanquantile": {"keywords": {"q": 0.3}},
    "cov": {"least": 2}, "corrcoef": {"least": 2}, "count_nonzero": {}, "argwhere": {},
    "ndim": {}, "size": {}, "vander": {"call": lambda m, x: m.vander(x[0]), "halves": False},
    "msort": {"reference": lambda x: numpy.sort(x, axis=0)},
    "partition": {"keywords": {"kth": 0}}, "trapz": {"reference": numpy.trapezoid},
    "trim_zeros": {"call": lambda m, x: m.trim_zeros(x[0])},
    "histogram_bin_edges": {"keywords": {"bins": 4}},
}  # fmt: skip
ON_TWO: dict[str, dict[str, Any]] = {
    "heaviside": {}, "float_power": {}, "divmod": {}, "isclose": {}, "allclose": {},
    "array_equal": {}, "array_equiv": {},
}  # fmt: skip
ON_SETS: dict[str, dict[str, Any]] = {
    "isin": {}, "in1d": {"reference": numpy.isin}, "intersect1d": {}, "setdiff1d": {},
    "setxor1d": {}, "union1d": {}, "correlate": {"keywords": {"mode": "full"}},
}  # fmt: skip
HOST = [
    Case(f"np.{name}", ("a b",), low=0.1, graded=False, compiled=False, **more)
    for name, more in ON_ONE.items()
] + [
    Case(f"np.{name}", ("a b", "a b"), low=0.1, graded=False, compiled=False, **more)
    for name, more in ON_TWO.items()
] + [
    Case(f"np.{name}", ("a", "b"), kinds="i", low=0, high=6, compiled=False, **more)
    for name, more in ON_SETS.items()
]  # fmt: skip

CASES = (*SMOOTH, *STEPS, *ARITHMETIC, *REDUCTIONS, *HOST)
