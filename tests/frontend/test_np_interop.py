"""NumPy's functions and arrays beside ours."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd
from baryon.array import GradientError, interop
from baryon.deferred import trace
from baryon.np import ndarray

X = numpy.array([[1.0, 2.0], [3.0, 5.0]], numpy.float32)


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> ndarray:
    monkeypatch.setattr(ndarray, "__array_function__", interop.array_function, raising=False)
    monkeypatch.setattr(ndarray, "__array_ufunc__", interop.array_ufunc)
    found: ndarray = mx.np.array(X)
    return found


def check(got: Any, want: Any) -> None:
    assert isinstance(got, ndarray)
    assert got.shape == numpy.shape(want)
    assert_allclose(got.asnumpy(), want, rtol=1e-6)


def test_functions_of_the_same_name_are_ours(x: ndarray) -> None:
    n: Any = numpy
    check(n.sum(x, axis=0), X.sum(0))
    check(n.concatenate([x, x], axis=1), numpy.concatenate([X, X], 1))
    check(n.linalg.norm(x), numpy.linalg.norm(X))
    check(n.linalg.inv(x), numpy.linalg.inv(X))
    check(n.trapezoid(x), numpy.trapezoid(X))
    assert n.shape(x) == (2, 2)
    assert n.allclose(x, X)
    x.attach_grad()
    with autograd.record():
        y = n.sum(n.sqrt(x))
    y.backward()
    assert x.grad is not None
    check(x.grad, 0.5 / numpy.sqrt(X))
    assert "np.mean" in str(trace(n.mean, x))


def test_others_compute_on_the_host(x: ndarray) -> None:
    n: Any = numpy
    check(n.convolve(x[0], x[1]), numpy.convolve(X[0], X[1]))
    check(n.sum(x, where=X > 1), numpy.sum(X, where=X > 1))
    check(n.gradient(x[1]), numpy.gradient(X[1]))
    target = numpy.zeros((2, 2), numpy.float32)
    n.copyto(target, x)
    assert_allclose(target, X)
    with pytest.raises(ValueError, match="read-only"):
        n.copyto(x, X)
    x.attach_grad()
    with autograd.record(), pytest.raises(GradientError, match="gradient computes on the host"):
        n.gradient(x[1])


def test_errors_of_ours_are_not_hidden(x: ndarray) -> None:
    n: Any = numpy
    with pytest.raises(TypeError, match="do not broadcast"):
        n.add(x, mx.np.ones(3))


def test_ufuncs(x: ndarray) -> None:
    n: Any = numpy
    check(n.exp(x), numpy.exp(X))
    check(X + x, X + X)
    check(numpy.float32(2) * x, 2 * X)
    check(n.power(x, 2), X**2)
    check(n.logaddexp2(x, x), numpy.logaddexp2(X, X))
    check(n.add.reduce(x, axis=1), X.sum(1))
    check(n.multiply.outer(x[0], x[1]), numpy.multiply.outer(X[0], X[1]))
    check(n.add(x, 1, dtype=numpy.float64), X + 1)
    whole, rest = n.divmod(x, 2)
    check(whole, X // 2)
    check(rest, X % 2)


def test_out(x: ndarray) -> None:
    n: Any = numpy
    target = numpy.zeros((2, 2), numpy.float32)
    assert n.add(x, 1, out=target) is target
    assert_allclose(target, X + 1)
    target += x
    assert_allclose(target, 2 * X + 1)
    ours = mx.np.zeros((2, 2))
    assert n.multiply(X, x, out=ours) is ours
    check(ours, X * X)
