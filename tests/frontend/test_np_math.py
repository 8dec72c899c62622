"""Element-wise functions of `mx.np` and `mx.npx` against NumPy, SciPy and their compiled forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

import baryon as mx
from baryon.ir import BaryonError

few = settings(max_examples=25, deadline=None)

REAL = [
    "fabs", "cbrt", "expm1", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos",
    "arctan", "sinh", "cosh", "arcsinh", "arccosh", "arctanh", "degrees", "radians", "rad2deg",
    "deg2rad", "asin", "acos", "atan", "asinh", "acosh", "atanh", "rint",
]  # fmt: skip
NUMERIC = ["positive", "fix", "ceil", "trunc", "floor", "around", "round", "round_", "abs", "sign"]
PREDICATES = ["isnan", "isinf", "isposinf", "isneginf", "isfinite", "logical_not"]
FLOATING = ["arctan2", "atan2", "hypot", "copysign", "logaddexp"]
COMMON = ["floor_divide", "mod", "remainder", "fmod", "fmax", "fmin"]
LOGICAL = ["logical_and", "logical_or", "logical_xor"]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"]
SHIFTS = ["bitwise_left_shift", "bitwise_right_shift"]
OURS: dict[str, Callable[..., Any]] = {"round_": numpy.round, "fix": numpy.trunc}
"""References of names that NumPy 2 lacks or deprecates."""

edges = st.sampled_from([0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1.0, 0.5, 2.5, 1e-40, 3e38])
singles = st.one_of(edges, st.floats(-100, 100, width=32))
floats = hnp.arrays(numpy.float32, hnp.array_shapes(max_dims=2, max_side=4), elements=singles)
wholes = hnp.arrays(numpy.int32, 6, elements=st.integers(-99, 99))


def reference(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = OURS[name] if name in OURS else getattr(numpy, name)
    return found


def function(name: str) -> Callable[..., Any]:
    return getattr(mx.np, name)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", REAL)
@few
@given(floats)
def test_real_functions(name: str, x: Any) -> None:
    with numpy.errstate(all="ignore"):
        wanted = reference(name)(x)
    got = function(name)(mx.np.array(x))
    assert got.dtype == numpy.float32
    assert_allclose(got.asnumpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", REAL)
def test_whole_numbers_give_float32(name: str) -> None:
    x = numpy.array([-1, 0, 1, 2], numpy.int32)
    with numpy.errstate(all="ignore"):
        wanted = reference(name)(x.astype(numpy.float32))
    got = function(name)(mx.np.array(x, dtype="int32"))
    assert got.dtype == numpy.float32
    assert_allclose(got.asnumpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", NUMERIC)
@few
@given(floats, wholes)
def test_functions_that_keep_the_dtype(name: str, x: Any, n: Any) -> None:
    with numpy.errstate(all="ignore"):
        assert_array_equal(function(name)(mx.np.array(x)).asnumpy(), reference(name)(x))
    got = function(name)(mx.np.array(n, dtype="int32"))
    assert got.dtype == numpy.int32
    assert_array_equal(got.asnumpy(), reference(name)(n))


@pytest.mark.parametrize("name", PREDICATES)
@few
@given(floats)
def test_predicates(name: str, x: Any) -> None:
    got = function(name)(mx.np.array(x))
    assert got.dtype == numpy.bool_
    assert_array_equal(got.asnumpy(), reference(name)(x))


@pytest.mark.parametrize("name", [*FLOATING, *COMMON, *LOGICAL])
@few
@given(floats, singles)
def test_pairs_of_floats(name: str, x: Any, y: float) -> None:
    with numpy.errstate(all="ignore"):
        wanted = reference(name)(x, numpy.float32(y))
    got = function(name)(mx.np.array(x), mx.np.array(y))
    assert got.dtype == wanted.dtype
    assert_allclose(got.asnumpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", [*COMMON, *LOGICAL, *BITS])
@few
@given(wholes, wholes)
def test_pairs_of_whole_numbers(name: str, a: Any, b: Any) -> None:
    with numpy.errstate(all="ignore"):
        wanted = reference(name)(a, b)
    got = function(name)(mx.np.array(a, dtype="int32"), mx.np.array(b, dtype="int32"))
    assert got.dtype == wanted.dtype
    assert_array_equal(got.asnumpy(), wanted)
    assert_array_equal(function(name)(mx.np.array(a, dtype="int32"), 7), reference(name)(a, 7))


@pytest.mark.parametrize("name", FLOATING)
def test_pairs_of_whole_numbers_give_float32(name: str) -> None:
    a, b = numpy.array([1, -2, 0], numpy.int32), numpy.array([3, -1, 2], numpy.int32)
    got = function(name)(mx.np.array(a, dtype="int32"), mx.np.array(b, dtype="int32"))
    assert got.dtype == numpy.float32
    assert_allclose(got.asnumpy(), reference(name)(a, b), rtol=1e-6)


@pytest.mark.parametrize("name", SHIFTS)
def test_shifts(name: str) -> None:
    a, b = numpy.array([1, -7, 100, 5], numpy.int32), numpy.array([3, 1, 40, 0], numpy.int32)
    got = function(name)(mx.np.array(a, dtype="int32"), mx.np.array(b, dtype="int32"))
    assert_array_equal(got.asnumpy(), reference(name)(a, b))


def test_bits_turned() -> None:
    for name in ("invert", "bitwise_not", "bitwise_invert"):
        assert function(name)(mx.np.array([0, 5, -1], dtype="int32")).tolist() == [-1, -6, 0]
        assert function(name)(mx.np.array([True, False], dtype=bool)).tolist() == [False, True]


def test_ldexp_takes_fractions() -> None:
    x, y = numpy.array([1.5, -2, 3], numpy.float32), numpy.array([2, -1, 0.5], numpy.float32)
    assert_allclose(mx.np.ldexp(mx.np.array(x), mx.np.array(y)).asnumpy(), x * 2**y, rtol=1e-6)
    got = mx.np.ldexp(mx.np.array(x), mx.np.array([2, 3, -200], dtype="int32"))
    assert_array_equal(got.asnumpy(), numpy.ldexp(x, [2, 3, -200]))


@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 3])
def test_decimals(decimals: int) -> None:
    x = numpy.array([1234.5678, -0.05, 0.25, 15, 25, -1e30], numpy.float32)
    got = mx.np.around(mx.np.array(x), decimals)
    assert_allclose(got.asnumpy(), numpy.around(x, decimals), rtol=1e-6)
    n = numpy.array([1234, 15, 25, -25, 0])
    got = mx.np.round(mx.np.array(n, dtype="int64"), decimals=decimals)
    assert_array_equal(got.asnumpy(), numpy.round(n, decimals))


def test_nan_to_num() -> None:
    x = numpy.array([numpy.nan, numpy.inf, -numpy.inf, 1.5], numpy.float32)
    choices: list[dict[str, Any]] = [{}, {"nan": 3.0}, {"posinf": 7.0, "neginf": -8.0}]
    for kwargs in choices:
        for dtype in (numpy.float16, numpy.float32, numpy.float64):
            got = mx.np.nan_to_num(mx.np.array(x, dtype=dtype), **kwargs)
            assert got.dtype == dtype
            assert_array_equal(got.asnumpy(), numpy.nan_to_num(x.astype(dtype), **kwargs))
    a = mx.np.array(x)
    assert mx.np.nan_to_num(a, copy=False) is a
    assert_array_equal(a.asnumpy(), numpy.nan_to_num(x))
    whole = mx.np.array([1, 2], dtype="int32")
    assert mx.np.nan_to_num(whole).tolist() == [1, 2]


def test_out() -> None:
    a, out = mx.np.array([1.5, -2.5]), mx.np.zeros(2)
    assert mx.np.sin(a, out=out) is out
    assert_allclose(out.asnumpy(), numpy.sin([1.5, -2.5]), rtol=1e-6)
    assert mx.np.around(a, 0, out) is out
    assert out.tolist() == [2, -2]
    assert mx.np.mod(a, 2, out=out).tolist() == [1.5, 1.5]


SPECIAL: dict[str, Callable[..., Any]] = {
    "erf": scipy.special.erf,
    "erfinv": scipy.special.erfinv,
    "gamma": scipy.special.gamma,
    "gammaln": scipy.special.gammaln,
    "digamma": scipy.special.digamma,
    "smooth_l1": lambda x: numpy.where(abs(x) < 1, 0.5 * x * x, abs(x) - 0.5),
    "round_ste": lambda x: numpy.trunc(x + numpy.copysign(0.5, x)),
    "sign_ste": numpy.sign,
}
POINTS = numpy.array([-0.9, -0.5, 0.0, 0.3, 0.9, 1.5, 2.5, -1.3, 7.25], numpy.float32)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(name: str) -> None:
    got = getattr(mx.npx, name)(mx.np.array(POINTS))
    wanted = SPECIAL[name](POINTS.astype(numpy.float64))
    if name == "digamma":
        wanted[POINTS == 0] = -numpy.inf
    assert_allclose(got.asnumpy(), wanted, rtol=1e-6, atol=1e-7)
    assert_array_equal(getattr(mx.npx, name)(data=mx.np.array(POINTS)).asnumpy(), got.asnumpy())


def test_smooth_l1_of_another_width() -> None:
    got = mx.npx.smooth_l1(mx.np.array(POINTS), scalar=2.0).asnumpy()
    wanted = numpy.where(abs(POINTS) < 0.25, 2 * POINTS**2, abs(POINTS) - 0.125)
    assert_allclose(got, wanted, rtol=1e-6)


COMPILED = [*REAL, *NUMERIC, *PREDICATES, "nan_to_num"]


def test_compiled_functions_are_the_eager_ones() -> None:
    """All of them in one network, on the edges of their domains too."""
    edge = [0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1, -1, 2.5, 1e-40, 3e38, 1e9, 0.1]
    x = numpy.concatenate([POINTS, edge]).astype(numpy.float32)

    def network(a: Any) -> Any:
        pairs = [function(n)(a, 1.5) for n in (*FLOATING, *COMMON, *LOGICAL)]
        special = [getattr(mx.npx, n)(a) for n in SPECIAL]
        return (*(function(n)(a) for n in COMPILED), *pairs, *special)

    model = mx.compile(network, x)
    names = [*COMPILED, *FLOATING, *COMMON, *LOGICAL, *SPECIAL]
    wanted = network(mx.np.array(x))
    for name, got, want in zip(names, model(x), wanted, strict=True):
        assert_allclose(numpy.asarray(got), want.asnumpy(), rtol=3e-6, atol=1e-37, err_msg=name)


def test_compiled_whole_numbers() -> None:
    n = numpy.array([0, 1, -1, 7, -7, 100, 2**31 - 1, -(2**31)], numpy.int32)
    names = [*COMMON, *LOGICAL, *BITS, *SHIFTS]

    def network(a: Any) -> Any:
        return (*(function(k)(a, 3) for k in names), *(function(k)(a, a) for k in names),
                mx.np.invert(a), mx.np.around(a, -1))  # fmt: skip

    found, wanted = mx.compile(network, n)(n), network(mx.np.array(n, dtype="int32"))
    for name, got, want in zip([*names, *names, "invert", "around"], found, wanted, strict=True):
        assert_array_equal(numpy.asarray(got), want.asnumpy(), err_msg=name)


@pytest.mark.parametrize("call", [
    lambda a: mx.np.bitwise_and(a, a),
    lambda a: mx.np.gcd(a, 2),
    mx.np.invert,
    lambda a: mx.np.bitwise_left_shift(a, 1),
])  # fmt: skip
def test_refusals(call: Callable[[Any], Any]) -> None:
    with pytest.raises(BaryonError, match="whole numbers"):
        call(mx.np.array(POINTS))
