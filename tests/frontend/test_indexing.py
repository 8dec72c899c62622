"""Indexing and assignment of arrays mean what NumPy means: at once, recorded, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import baryon as mx
from baryon.array.indexing import getitem, setitem
from baryon.deferred import trace
from baryon.interp import run

SHAPE = (3, 4, 2, 5)
X = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
QUIET = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def keys(draw: st.DrawFn) -> Any:
    """A key for X: at most one array shape, so that arrays broadcast."""
    common = draw(npst.array_shapes(min_dims=0, max_dims=2, max_side=3))
    parts: list[Any] = []
    axis, dots = 0, False
    while axis < len(SHAPE) and draw(st.integers(0, 6)):
        kind = draw(st.sampled_from(["int", "slice", "none", "dots", "array", "list", "mask"]))
        if kind == "none":
            parts.append(None)
        elif kind == "dots":
            if not dots:
                parts.append(Ellipsis)
                break_at = draw(st.integers(axis, len(SHAPE)))
                dots, axis = True, break_at
        else:
            parts.append(draw(part(kind, SHAPE[axis], common)))
            axis += 1
    return tuple(parts) if len(parts) != 1 or draw(st.booleans()) else parts[0]


def part(kind: str, size: int, common: tuple[int, ...]) -> st.SearchStrategy[Any]:
    index = st.integers(-size, size - 1)
    if kind == "int":
        return index
    if kind == "slice":
        return st.slices(size)
    if kind == "list":
        return st.lists(index, min_size=1, max_size=1)
    if kind == "mask":  # one element, so that it broadcasts with the other arrays
        return index.map(lambda i: np.arange(size) == i % size)
    return npst.arrays(np.int64, common, elements=index)


def ours(key: Any) -> Any:
    """The key with NumPy's arrays as ours."""
    if isinstance(key, tuple):
        return tuple(map(ours, key))
    return mx.np.array(key, dtype=key.dtype) if isinstance(key, np.ndarray) else key


def fits(key: Any) -> bool:
    try:
        X[key]
    except IndexError:  # Ellipsis may stand for fewer axes than were drawn
        return False
    return True


@QUIET
@given(keys())
def test_getitem(key: Any) -> None:
    if not fits(key):
        return
    got = mx.np.array(X)[ours(key)]
    np.testing.assert_array_equal(got.asnumpy(), X[key])
    assert got.shape == np.shape(X[key])


@QUIET
@given(keys())
def test_getitem_by_ops(key: Any) -> None:
    """The op calls that traces and tapes see."""
    if fits(key):
        module = trace(lambda x: getitem(x, ours(key)), X)
        (found,) = run(module, [X])
        np.testing.assert_array_equal(found, X[key])


@QUIET
@given(keys(), st.booleans())
def test_setitem_by_ops(key: Any, whole: bool) -> None:
    if not fits(key):
        return
    shape = np.shape(X[key])
    value = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) - 9 if whole else 7.0
    wanted = X.copy()
    wanted[key] = value
    module = trace(lambda x: setitem(x, ours(key), value), X)
    np.testing.assert_array_equal(run(module, [X])[0], wanted)
    np.testing.assert_array_equal(setitem(mx.np.array(X), ours(key), value).asnumpy(), wanted)


@QUIET
@given(keys())
def test_gradient(key: Any) -> None:
    if not fits(key) or X[key].size == 0:
        return
    x = mx.np.array(X)
    x.attach_grad()
    with mx.autograd.record():
        y = x[ours(key)]
    weights = np.arange(1, X[key].size + 1, dtype=np.float32).reshape(np.shape(X[key]))
    y.backward(mx.np.array(weights))
    wanted = np.zeros_like(X)
    np.add.at(wanted, key, weights)
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.asnumpy(), wanted)


ROWS, COLUMNS = np.array([2, 0, -1, 2]), np.array([[3], [-4]])
COMPILED: dict[str, Callable[[Any], Any]] = {
    "slices": lambda x: x[1:, ::-2, None, 0],
    "array": lambda x: x[:, ROWS],
    "arrays side by side": lambda x: x[:, COLUMNS, [0, -1]],
    "arrays apart": lambda x: x[ROWS[:2], :, 0, [4, 0]],
    "mask": lambda x: x[X[..., 0, 0] > 40],
    "set slice": lambda x: setitem(x, np.s_[1:, ::2], -1),
    "set arrays": lambda x: setitem(
        x, (ROWS, slice(None), 1), x[:, :, 0].sum(axis=1, keepdims=True)[ROWS]
    ),
    "traced index": lambda x: x[mx.npx.cast(x[:, 0, 0, 0] / 40, dtype="int64")],
    "traced indices": lambda x: x[
        mx.npx.cast(x[:, 0, 0, 0] / -40, dtype="int64"),
        :,
        mx.npx.cast(x[0, :3, 0, 0] / 30, dtype="int32"),
    ],
    "traced mask": lambda x: setitem(x, x > 20, 3),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled(name: str) -> None:
    f = COMPILED[name]
    wanted = f(mx.np.array(X)).asnumpy()
    (got,) = mx.compile(f, X)(X)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_traced_indices_agree_with_numpy() -> None:
    def f(x: Any, i: Any, j: Any) -> Any:
        return x[i, :, j], x[:, i, j], x[0, i]

    i, j = np.array([[-1], [0]]), np.array([1, -2, 0])
    for got, wanted in zip(mx.compile(f, X, i, j)(X, i, j), f(X, i, j), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_index_of_a_symbolic_batch() -> None:
    exe = mx.compile(lambda x: (x[:, [2, 0]], x[:, 1, ::-1]), X[:1], dynamic_batch=4)
    for got, wanted in zip(exe(X), (X[:, [2, 0]], X[:, 1, ::-1]), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (3, "index 3 is out of bounds for axis 0 with size 3"),
        ((0, [1, 4]), "index 4 is out of bounds for axis 1 with size 4"),
        ((0,) * 5, "too many indices"),
        ((..., 0, ...), "one Ellipsis"),
        (np.array([1.5]), "whole numbers or bool"),
        ((np.ones(4, bool),), "a mask of size 4 indexes axis 0 of size 3"),
        ("a", "is no index"),
    ],
)
def test_refusals(key: Any, words: str) -> None:
    with pytest.raises(IndexError, match=words):
        trace(lambda x: getitem(x, key), X)
    with pytest.raises(IndexError):
        mx.np.array(X)[key]


def test_arrays_of_floats_of_ours_are_indices() -> None:
    """Arrays are float32 unless told otherwise, so MXNet's programs index with them."""
    x, i = mx.np.array(X), mx.np.array([2, 0])
    np.testing.assert_array_equal(x[i, :, mx.np.array(1)].asnumpy(), X[[2, 0], :, 1])
    x[i] = 0
    assert x[i].asnumpy().max() == 0
    (got,) = mx.compile(lambda x, i: x[i], X, i)(X, i.asnumpy())
    np.testing.assert_array_equal(got, X[[2, 0]])


def test_gradient_of_assignment() -> None:
    x, v = mx.np.array(X), mx.np.array(np.ones((2, 4, 2, 5), np.float32))
    x.attach_grad()
    v.attach_grad()
    with mx.autograd.record():
        y = (setitem(x, [0, 0], v) * mx.np.array(X)).sum()
    y.backward()
    kept = X.copy()
    kept[0] = 0
    assert x.grad is not None
    assert v.grad is not None
    np.testing.assert_array_equal(x.grad.asnumpy(), kept)
    np.testing.assert_array_equal(v.grad.asnumpy(), np.stack([X[0] * 0, X[0]]))
