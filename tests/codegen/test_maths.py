"""Math functions of kernels against SciPy in float64: errors in last places, and their edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.special
import tvm
from numpy.typing import NDArray

from baryon.codegen.expr import Math
from baryon.codegen.kernel import KernelBuilder
from baryon.codegen.pipeline import lower
from baryon.ir import DType, TensorType, boolean, dtype_of
from codegen.harness import TARGET, to_tvm

Array = NDArray[Any]
LANES = 8
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def run(function: Callable[..., Any], *inputs: Array, result: DType | None = None) -> Array:
    """A function of vectors, applied to arrays of one length."""
    size, type = inputs[0].size, dtype_of(inputs[0].dtype)
    padded = [np.pad(x, (0, -size % LANES), mode="edge") for x in inputs]
    out = result or type
    builder = KernelBuilder()
    with builder.function():
        given = [
            builder.param(("operand", i), TensorType((padded[0].size,), type))
            for i in range(len(inputs))
        ]
        target = builder.param(("result", 0), TensorType((padded[0].size,), out))
        with builder.tasks([padded[0].size // LANES], LANES) as [i]:
            value = function(*(m.load(i * LANES, LANES) for m in given))
            target.store(Math.cast(value, out), i * LANES, LANES)
    found = np.empty(padded[0].shape, out.numpy)
    compiled = tvm.runtime.Executable(lower({"main": builder.func}, TARGET))["main"]
    compiled(*map(to_tvm, (*padded, found)))
    return found[:size]


def ulps(found: Array, wanted: Array) -> float:
    """The largest error in units of the last place of the wanted value's rounding."""
    exact = np.asarray(wanted, np.float64)
    with np.errstate(all="ignore"):
        rounded = exact.astype(found.dtype)
        place = np.spacing(np.abs(rounded)).astype(np.float64)
        error = np.abs(found.astype(np.float64) - exact) / place
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(found[~finite], rounded[~finite])
    return float(np.max(error[finite], initial=0))


def spread(low: float, high: float, dtype: Any, count: int = 1 << 14) -> Array:
    """Numbers between two bounds: half of them evenly, half by magnitude."""
    rng = np.random.default_rng(0)
    even = rng.uniform(low, high, count // 2)
    small = rng.choice([low, high], count // 2) * 10 ** rng.uniform(-12, 0, count // 2)
    return np.concatenate([even, small]).astype(dtype)


ALL = 3e38
UNARY: dict[str, tuple[Callable[..., Any], float, float, float]] = {
    "sin": (np.sin, -100, 100, 0.51),
    "cos": (np.cos, -100, 100, 0.51),
    "tan": (np.tan, -100, 100, 0.51),
    "asin": (np.arcsin, -1, 1, 0.51),
    "acos": (np.arccos, -1, 1, 0.51),
    "atan": (np.arctan, -20, 20, 0.51),
    "sinh": (np.sinh, -88, 88, 0.51),
    "cosh": (np.cosh, -88, 88, 0.51),
    "asinh": (np.arcsinh, -ALL, ALL, 0.51),
    "acosh": (np.arccosh, 1, 50, 0.51),
    "atanh": (np.arctanh, -1, 1, 0.51),
    "cbrt": (np.cbrt, -ALL, ALL, 0.51),
    "log2": (np.log2, 0, ALL, 0.51),
    "log10": (np.log10, 0, ALL, 0.51),
    "exp2": (np.exp2, -126, 127, 0.51),
    "gamma": (scipy.special.gamma, -30, 35, 0.51),
    "lgamma": (scipy.special.gammaln, -30, 1e4, 0.51),
    "digamma": (scipy.special.digamma, -30, 1e4, 0.51),
    "trigamma": (lambda x: scipy.special.polygamma(1, x), 0.01, 1e4, 0.51),
    "erfinv": (scipy.special.erfinv, -1, 1, 0.51),
    "tanh": (np.tanh, -10, 10, 4),
    "erf": (scipy.special.erf, -4, 4, 5),
    "exp": (np.exp, -87, 88, 2),
    "log": (np.log, 0, ALL, 4),
    "expm1": (np.expm1, -20, 88, 3),
    "log1p": (np.log1p, -1, 100, 4),
}
"""Reference, range, and the error in last places that float32 may have."""


@pytest.mark.parametrize("name", UNARY)
def test_float32(name: str) -> None:
    reference, low, high, bound = UNARY[name]
    x = spread(low, high, F32)
    with np.errstate(all="ignore"):
        wanted = reference(x.astype(F64))
    assert ulps(run(getattr(Math, name), x), wanted) <= bound


def test_exponentials_of_what_is_not_positive() -> None:
    x = spread(-86, 0, F32)
    assert ulps(run(Math.exp_nonpositive, x), np.exp(x.astype(F64))) <= 2
    edges = np.array([0, -0.0, -87.5, -1e4, -3e38, -np.inf, np.nan, -1e-40], F32)
    wanted = np.array([1, 1, 0, 0, 0, 0, np.nan, 1], F32)
    np.testing.assert_array_equal(run(Math.exp_nonpositive, edges), wanted)


IMPRECISE = {"gamma": 30, "lgamma": 1e4, "digamma": 1e4, "trigamma": 1e3, "erfinv": 10}
"""Last places of float64 in which SciPy and we differ: near zeros, or in SciPy's own error."""


@pytest.mark.parametrize("name", UNARY)
def test_float64(name: str) -> None:
    reference, low, high, _ = UNARY[name]
    x = spread(low, high, F64, 1 << 10)
    with np.errstate(all="ignore"):
        wanted = reference(x)
    assert ulps(run(getattr(Math, name), x), wanted) <= IMPRECISE.get(name, 3)


def test_sines_of_any_size() -> None:
    """Beyond 2^31 the C library answers; so the whole range of float32 is right."""
    rng = np.random.default_rng(1)
    x = (rng.choice([-1, 1], 4096) * 2.0 ** rng.uniform(0, 127.9, 4096)).astype(F32)
    for name in ("sin", "cos", "tan"):
        wanted = getattr(np, name)(x.astype(F64))
        assert ulps(run(getattr(Math, name), x), wanted) <= 1


EDGES = [0.0, -0.0, 1, -1, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 2, -2, 3e38, -3e38,
         -1.5, 1e-30, 8, -170.5, 1e9]  # fmt: skip


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_edges(name: str, dtype: Any) -> None:
    x = np.array(EDGES, dtype)
    with np.errstate(all="ignore"):
        wanted = UNARY[name][0](x.astype(F64)).astype(dtype)
        if name == "lgamma":
            wanted[x == -np.inf] = np.inf  # C's and the reflection's; SciPy says -inf
    found = run(getattr(Math, name), x)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-37)
    odd = wanted[1] == 0 and name != "cosh"  # their graphs are symmetric about the origin
    assert not odd or np.signbit(found[1]) or name in ("log1p",)


BINARY: dict[str, tuple[Callable[..., Any], float, float]] = {
    "pow": (np.power, 0.51, 2),
    "atan2": (np.arctan2, 0.51, 2),
    "hypot": (np.hypot, 0.51, 2),
    "logaddexp": (np.logaddexp, 0.51, 3),
    "fmod": (np.fmod, 0, 0),
    "mod": (np.mod, 0, 0),
    "floor_divide": (np.floor_divide, 0, 0),
    "copysign": (np.copysign, 0, 0),
}
"""Reference, and the errors in last places of float32 and float64."""


def pairs(dtype: Any) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    values = np.concatenate([EDGES, rng.normal(0, 1, 20), rng.normal(0, 1e6, 20), [3, 1e-20, 7]])
    a, b = np.meshgrid(values.astype(dtype), values.astype(dtype))
    return a.reshape(-1), b.reshape(-1)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: Any) -> None:
    reference, *bounds = BINARY[name]
    a, b = pairs(dtype)
    own = name in ("mod", "floor_divide")  # rounded to their dtype on the way
    with np.errstate(all="ignore"):
        wanted = reference(a, b) if own else reference(a.astype(F64), b.astype(F64))
    found = run(getattr(Math, name), a, b)
    assert ulps(found, wanted) <= bounds[dtype == F64]
    zero = wanted == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(wanted[zero]))


def test_scaling_where_the_power_overflows() -> None:
    cases: list[tuple[Any, float, int]] = [(F32, 1e-30, 140), (F64, 1e-300, 1100)]
    for dtype, tiny, steps in cases:
        x = np.array([tiny, 1 / tiny, -1.5, 3, 0, 1], dtype)
        y = np.array([steps, -steps, 3, 0.5, 100, -3], dtype)
        wanted = x.astype(F64) * np.exp2(y / 2, dtype=F64) * np.exp2(y / 2, dtype=F64)
        assert ulps(run(Math.scaled, x, y), wanted) <= 3


WHOLE: dict[str, Callable[..., Any]] = {
    "floor_divide": np.floor_divide, "mod": np.mod, "fmod": np.fmod, "gcd": np.gcd, "lcm": np.lcm,
    "shift_left": np.left_shift, "shift_right": np.right_shift, "bit_and": np.bitwise_and,
    "bit_or": np.bitwise_or, "bit_xor": np.bitwise_xor,
}  # fmt: skip


def whole_pairs(dtype: Any) -> tuple[Array, Array]:
    limits: Sequence[int] = (np.iinfo(dtype).min, np.iinfo(dtype).max)
    rng = np.random.default_rng(3)
    drawn = rng.integers(limits[0], limits[1], 20, dtype)
    small = [v for v in range(-9, 70) if limits[0] <= v <= limits[1]]
    values = np.array([*limits, *small, *drawn.tolist()], dtype)
    a, b = np.meshgrid(values, values)
    return a.reshape(-1), b.reshape(-1)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint64"])
@pytest.mark.parametrize("name", WHOLE)
def test_whole(name: str, dtype: Any) -> None:
    a, b = whole_pairs(np.dtype(dtype))
    with np.errstate(all="ignore"):
        wanted = WHOLE[name](a, b)
    np.testing.assert_array_equal(run(getattr(Math, name), a, b), wanted)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint64"])
def test_whole_powers(dtype: Any) -> None:
    a, b = whole_pairs(np.dtype(dtype))
    b = np.abs(b % 100)
    np.testing.assert_array_equal(run(Math.pow, a, b), a**b)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize(
    ("name", "reference"),
    [("is_nan", np.isnan), ("is_infinite", np.isinf), ("is_finite", np.isfinite)],
)
def test_kinds_of_numbers(name: str, reference: Any, dtype: Any) -> None:
    x = np.array(EDGES, dtype)
    np.testing.assert_array_equal(run(getattr(Math, name), x, result=boolean), reference(x))


@pytest.mark.parametrize(
    ("name", "reference"),
    [("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("ge", np.greater_equal)],
)
def test_comparisons(name: str, reference: Any) -> None:
    for dtype in (F32, F64):
        a, b = pairs(dtype)
        found = run(getattr(Math, name), a, b, result=boolean)
        np.testing.assert_array_equal(found, reference(a, b))


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "rint"])
def test_rounding(name: str) -> None:
    for dtype in (F32, F64):
        x = np.concatenate([EDGES, np.arange(-4, 4, 0.25), [math.pi * 1e6, 2**24 + 1]])
        wanted = getattr(np, name)(x.astype(dtype))
        found = run(getattr(Math, name), x.astype(dtype))
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))
