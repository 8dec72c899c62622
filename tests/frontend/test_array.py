"""The array itself: what it holds, how it prints, indexing, and its neighbours."""

from __future__ import annotations

import operator
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import baryon as mx
from baryon.array import ndarray
from baryon.ir import BaryonError

X = numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4) - 7


def test_elements_are_float32_unless_told_otherwise() -> None:
    assert mx.np.array([1, 2]).dtype == numpy.float32
    assert mx.np.array(numpy.array([1, 2])).dtype == numpy.float32
    assert mx.np.array([True]).dtype == numpy.float32
    assert mx.np.array([1, 2], dtype=mx.np.int8).dtype == numpy.int8
    assert mx.np.array(mx.np.array([1], dtype="int64")).dtype == numpy.int64
    assert mx.np.full((2,), 3).dtype == numpy.int64
    assert mx.np.full((2,), True).dtype == numpy.bool_
    assert mx.np.full((2,), 3.0).dtype == mx.np.zeros(2).dtype == numpy.float32
    assert mx.np.arange(3).dtype == mx.np.ones((1, 2)).dtype == numpy.float32


def test_prints_as_mxnet() -> None:
    assert repr(mx.np.array([1, 2.5])) == "array([1. , 2.5])"
    assert repr(mx.np.array([1, 2], dtype="int32")) == "array([1, 2], dtype=int32)"
    assert repr(mx.np.array([1, 2], dtype="int64")) == "array([1, 2], dtype=int64)"
    assert repr(mx.np.array([1], dtype="float64")) == "array([1.], dtype=float64)"
    assert repr(mx.np.array([1], dtype="float16")) == "array([1.], dtype=float16)"
    assert repr(mx.np.array([1]) > 0) == "array([ True])"
    assert repr(mx.np.zeros((0, 3))) == "array([], shape=(0, 3))"
    assert str(mx.np.array([[1], [2]])) == "[[1.]\n [2.]]"


OPERATORS = ["add", "sub", "mul", "truediv", "pow", "lt", "le", "gt", "ge", "eq", "ne"]


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    op = getattr(operator, name)
    x, y = numpy.abs(X) + 1, numpy.abs(X[:, :1]) + 0.5
    a, b = mx.np.array(x), mx.np.array(y)
    for got, want in [(op(a, b), op(x, y)), (op(a, 2), op(x, 2)), (op(2, a), op(2, x)),
                      (op(a, y), op(x, y)), (op(y, a), op(y, x))]:  # fmt: skip
        assert isinstance(got, ndarray)
        numpy.testing.assert_allclose(got.asnumpy(), want, rtol=1e-6)
        assert got.dtype == want.dtype


def test_matmul_and_unary_operators() -> None:
    a = mx.np.array(X)
    numpy.testing.assert_allclose((a @ a.transpose(0, 2, 1)).asnumpy(), X @ X.transpose(0, 2, 1))
    numpy.testing.assert_array_equal((-a).asnumpy(), -X)
    numpy.testing.assert_array_equal(abs(a).asnumpy(), abs(X))


def test_values_and_length() -> None:
    one = mx.np.array([3])
    assert (float(one), int(one), bool(one), one.item(), one.tolist()) == (3.0, 3, True, 3.0, [3.0])
    assert len(mx.np.zeros((4, 2))) == 4
    assert [r.shape for r in mx.np.zeros((2, 5))] == [(5,), (5,)]
    assert [10, 20][mx.np.array(1, dtype="int64")] == 20
    with pytest.raises(ValueError, match="ambiguous"):
        bool(mx.np.zeros(2))
    with pytest.raises(TypeError):
        len(mx.np.array(3))
    with pytest.raises(TypeError):
        hash(one)


def test_methods() -> None:
    a = mx.np.array(X)
    assert (a.ndim, a.size, a.T.shape) == (3, 24, (4, 3, 2))
    assert a.reshape(-1, 4).shape == a.reshape((6, -1)).shape == (6, 4)
    assert a.swapaxes(0, 2).shape == (4, 3, 2)
    assert a.flatten().shape == (24,)
    assert a.astype("int32").dtype == numpy.int32
    assert a[:, :1].squeeze(1).shape == (2, 4)
    assert a.clip(0, 1).max().item() == 1
    assert a.argmax().dtype == numpy.int64
    numpy.testing.assert_allclose(a.std(axis=1, keepdims=True), X.std(1, keepdims=True), rtol=1e-6)
    numpy.testing.assert_allclose(a.mean((0, 2)), X.mean((0, 2)))


def test_assignment_does_not_reach_copies() -> None:
    a = mx.np.zeros((2, 2))
    b, c = a.copy(), a.reshape(4)
    a[0] = [1, 2]
    a[mx.np.array([False, True], dtype="bool")] = 5
    assert a.tolist() == [[1, 2], [5, 5]]
    assert b.asnumpy().sum() == c.asnumpy().sum() == 0


def test_out() -> None:
    a, out = mx.np.array([1.0, 2.0]), mx.np.zeros(2)
    assert mx.np.add(a, a, out=out) is out
    assert mx.np.exp(a, out) is out
    assert mx.np.sum(a, None, None, mx.np.zeros(())).item() == 3
    numpy.testing.assert_allclose(out.asnumpy(), numpy.exp([1.0, 2.0]), rtol=1e-6)
    with pytest.raises(TypeError, match=r"f32\[2\].*f32\[3\]"):
        mx.np.add(a, a, out=mx.np.zeros(3))


def test_neighbours() -> None:
    a = mx.np.array([[1, 2]])
    numpy.testing.assert_array_equal(numpy.asarray(a), [[1, 2]])
    numpy.testing.assert_array_equal(numpy.from_dlpack(a), [[1, 2]])
    assert isinstance(mx.np.from_dlpack(numpy.ones(3)), ndarray)
    assert isinstance(numpy.exp(a), ndarray)
    assert isinstance(numpy.float32(2) * a, ndarray)
    numpy.asarray(a)[0, 0] = 9  # a copy
    assert a.tolist() == [[1, 2]]


def test_refusals_name_op_shapes_and_line() -> None:
    with pytest.raises(BaryonError, match=r"np.matmul: \(2, 3, 4\).*test_array.py:\d+") as caught:
        mx.np.array(X) @ mx.np.array(X)
    assert isinstance(caught.value, TypeError)


@given(st.data())
def test_basic_indexing_is_numpys(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    x = numpy.arange(numpy.prod(shape), dtype=numpy.float32).reshape(shape)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    want = x[key]
    got = mx.np.array(x)[key]
    assert got.shape == want.shape
    numpy.testing.assert_array_equal(got.asnumpy(), want)


@pytest.mark.parametrize("key", [5, -3, (0, 0, 0, 0), (..., ...), slice(None, None, 0)])
def test_wrong_indices(key: Any) -> None:
    with pytest.raises((IndexError, ValueError, BaryonError)):
        mx.np.array(X)[key]


def test_index_arrays() -> None:
    a, rows = mx.np.array(X), mx.np.array([1, 0, -1], dtype="int64")
    numpy.testing.assert_array_equal(a[rows].asnumpy(), X[[1, 0, -1]])
    numpy.testing.assert_array_equal(a[a > 3].asnumpy(), X[X > 3])


@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3))
def test_broadcasting_is_numpys(shapes: hnp.BroadcastableShapes) -> None:
    a, b, c = (numpy.random.default_rng(i).normal(size=s).astype(numpy.float32)
               for i, s in enumerate(shapes.input_shapes))  # fmt: skip
    x, y, z = (mx.np.array(v) for v in (a, b, c))
    got = mx.np.where(x > y, x * z, y - z)
    numpy.testing.assert_allclose(got.asnumpy(), numpy.where(a > b, a * c, b - c), rtol=1e-6)
    assert got.shape == shapes.result_shape
