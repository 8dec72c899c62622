"""Folds, order statistics, differences and interpolation of mx.np against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd
from baryon.ir import IRTypeError

RNG = numpy.random.default_rng(3)
X = RNG.uniform(-2, 2, (3, 4, 5)).astype(numpy.float32)
METHODS = ["linear", "lower", "higher", "midpoint", "nearest"]
AXES = [None, 0, -1, (0, 2), (1, 0)]
SETTINGS = settings(max_examples=40, deadline=None)


def check(got: Any, want: Any, rtol: float = 2e-6) -> None:
    assert got.shape == numpy.shape(want)
    assert_allclose(got.asnumpy(), numpy.asarray(want, got.dtype), rtol=rtol, atol=1e-6)


@SETTINGS
@given(st.data())
def test_quantiles(data: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    x = data.draw(st.sampled_from([RNG.uniform(-2, 2, shape), RNG.integers(-9, 9, shape)]))
    count = data.draw(st.integers(0, len(shape)))
    axes = tuple(data.draw(st.permutations(range(len(shape))))[:count]) or None
    q = data.draw(st.sampled_from([0.5, 0.0, 1.0, [0.1, 0.9], [[0.25, 0.5]]]))
    method, keep = data.draw(st.sampled_from(METHODS)), data.draw(st.booleans())
    ours = mx.np.array(x, dtype=x.dtype)
    parts = mx.np.array(q) if isinstance(q, list) else q
    got = mx.np.quantile(ours, parts, axis=axes, interpolation=method, keepdims=keep)
    exact = numpy.asarray(parts.asnumpy() if isinstance(q, list) else q, numpy.float64)
    check(got, numpy.quantile(x, exact, axis=axes, method=method, keepdims=keep))


def test_percentiles_medians_and_nan() -> None:
    x = mx.np.array(X)
    check(mx.np.percentile(x, 30, axis=1), numpy.percentile(X, 30, axis=1))
    check(mx.np.median(x), numpy.median(X))
    assert mx.np.median(mx.np.array([1, 2], dtype="int32")).item() == 1.5
    broken = X.copy()
    broken[0, 0, 0] = numpy.nan
    check(mx.np.median(mx.np.array(broken), axis=0), numpy.median(broken, axis=0))
    with pytest.raises(ValueError, match=r"in the range \[0, 1\]"):
        mx.np.quantile(x, 1.5)
    with pytest.raises(ValueError, match="interpolation is 'cubic'"):
        mx.np.quantile(x, 0.5, interpolation="cubic")
    with pytest.raises(IRTypeError, match="0 elements"):
        mx.np.median(mx.np.zeros((0,)))


def test_a_median_has_the_gradient_of_its_middle() -> None:
    x = mx.np.array([3.0, 1.0, 2.0, 10.0])
    x.attach_grad()
    with autograd.record():
        y = mx.np.median(x)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.5, 0.0, 0.5, 0.0]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
def test_truth(axis: Any, keepdims: bool) -> None:
    for x in (X > -1.9, (X > 0).astype(numpy.int32), numpy.zeros((0, 2, 3))):
        ours = mx.np.array(x, dtype=x.dtype)
        for name in ("all", "any"):
            got = getattr(mx.np, name)(ours, axis=axis, keepdims=keepdims)
            assert got.dtype == numpy.bool_
            check(got, getattr(numpy, name)(x, axis=axis, keepdims=keepdims))
    assert mx.np.any(mx.np.array([numpy.nan])).item()


def test_sums_keep_whole_numbers() -> None:
    small = mx.np.array([100, 100], dtype="int8")
    assert mx.np.sum(small).dtype == mx.np.prod(small).dtype == numpy.int8
    assert mx.np.sum(small).item() == -56
    assert mx.np.sum(small, dtype="int32").item() == 200
    flags = mx.np.array([True, True], dtype="bool")
    assert mx.np.sum(flags).dtype == numpy.int64


def test_where_and_initial() -> None:
    x, mask = mx.np.array(X), X > 0
    check(mx.np.sum(x, 1, where=mx.np.array(mask, dtype="bool"), initial=3),
          numpy.sum(X, 1, where=mask, initial=3))  # fmt: skip
    check(mx.np.prod(x, 0, where=mx.np.array(mask, dtype="bool"), initial=2),
          numpy.prod(X, 0, where=mask, initial=2))  # fmt: skip


@pytest.mark.parametrize("axis", AXES)
def test_averages(axis: Any) -> None:
    x, w = mx.np.array(X), numpy.abs(X) + 0.1
    check(mx.np.average(x, axis), numpy.average(X, axis))
    got, total = mx.np.average(x, axis, mx.np.array(w), returned=True)
    want, all_of_it = numpy.average(X, axis, w, returned=True)
    check(got, want, 1e-5)
    check(total, all_of_it, 1e-5)
    _, count = mx.np.average(x, axis, returned=True)
    check(count, numpy.average(X, axis, returned=True)[1])


def test_averages_by_vectors() -> None:
    weights = numpy.array([1.0, 2, 3, 4], numpy.float32)
    got = mx.np.average(mx.np.array(X), 1, mx.np.array(weights))
    check(got, numpy.average(X, 1, weights), 1e-5)
    whole = mx.np.array([1, 2, 4], dtype="int32")
    check(mx.np.average(whole), 7 / 3)
    assert mx.np.var(whole).dtype == numpy.float32
    with pytest.raises(TypeError, match="weights of the shape"):
        mx.np.average(mx.np.array(X), weights=mx.np.array(weights))
    assert numpy.isnan(mx.np.var(mx.np.ones(1), correction=1).item())


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("axis", [0, -1])
def test_differences(n: int, axis: int) -> None:
    ends: dict[str, Any] = {"prepend": 1.0, "append": X[:1] if axis == 0 else X[..., :1]}
    nothing: dict[str, Any] = {}
    for more in (nothing, ends):
        ours = {k: v if isinstance(v, float) else mx.np.array(v) for k, v in more.items()}
        check(mx.np.diff(mx.np.array(X), n, axis, **ours), numpy.diff(X, n, axis, **more))


def test_differences_of_others() -> None:
    flags = numpy.array([True, True, False])
    check(mx.np.diff(mx.np.array(flags, dtype="bool")), numpy.diff(flags))
    v = numpy.array([1, 4, 9], numpy.int32)
    got = mx.np.ediff1d(mx.np.array(v, dtype="int32"), to_end=99, to_begin=[1, 2])
    check(got, numpy.ediff1d(v, to_end=[99], to_begin=[1, 2]))
    check(mx.np.ediff1d(mx.np.array(X)), numpy.ediff1d(X))


@pytest.mark.parametrize("more", [{}, {"left": -7.0}, {"right": 9.0}, {"period": 2.5}])
def test_interpolation(more: dict[str, float]) -> None:
    xp, fp = numpy.array([-1.0, 0, 0.7, 2]), numpy.array([3.0, -1, 4, 0])
    got = mx.np.interp(mx.np.array(X), mx.np.array(xp), mx.np.array(fp), **more)
    check(got, numpy.interp(X, xp, fp, **more), 1e-4)


def test_interpolation_is_differentiable() -> None:
    x, xp, fp = (mx.np.array(v) for v in ([0.5, 3.0], [0.0, 1.0, 2.0], [1.0, 3.0, 9.0]))
    for v in (x, xp, fp):
        v.attach_grad()
    with autograd.record():
        y = mx.np.interp(x, xp, fp)
    y.backward()
    assert [v.grad.tolist() for v in (x, xp, fp)] == [  # type: ignore[union-attr]
        [2.0, 0.0], [-1.0, -1.0, 0.0], [0.5, 0.5, 1.0],
    ]  # fmt: skip


def test_counts() -> None:
    counts, edges = mx.np.histogram(mx.np.array(X), 4, (-2, 2))
    want = numpy.histogram(X, 4, (-2, 2))
    check(counts, want[0])
    check(edges, want[1])
    v = mx.np.array([1, 2, 1], dtype="int32")
    assert mx.np.bincount(v, minlength=5).tolist() == [0, 2, 1, 0, 0]
    assert mx.np.bincount(v, mx.np.array([1.0, 2, 3])).tolist() == [0, 4, 2]
    assert mx.np.bincount(v).dtype == numpy.int32


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_without_nan(axis: Any) -> None:
    holes = numpy.where(X > 1, numpy.nan, X).astype(numpy.float32)
    holes[0] = numpy.nan
    ours = mx.np.array(holes)
    for name in ("nansum", "nanprod", "nanmax", "nanmin"):
        check(getattr(mx.np, name)(ours, axis), getattr(numpy, name)(holes, axis), 1e-5)
    check(mx.np.ptp(mx.np.array(X), axis), numpy.ptp(X, axis))
    check(mx.np.nanmax(mx.np.array([1, 3], dtype="int32")), 3)


def test_polyval() -> None:
    p = numpy.array([1.0, -2, 3], numpy.float32)
    check(mx.np.polyval(mx.np.array(p), mx.np.array(X)), numpy.polyval(p, X), 1e-5)
    assert mx.np.polyval([2, 1], 3).item() == 7
    with pytest.raises(IRTypeError, match="vector of coefficients"):
        mx.np.polyval(mx.np.array(X), 1.0)
