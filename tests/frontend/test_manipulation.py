"""Functions that reshape, join, rearrange, search and sort: at once, compiled, and their gradients.

Each case is written once, for NumPy and for baryon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import baryon as mx
from baryon.array import GradientError
from baryon.ir import BaryonError

X = np.random.default_rng(3).permutation(24).reshape(2, 3, 4).astype(np.float32)
PLACES = np.array([[0, 3], [1, -1], [2, 2]])

CASES: dict[str, Callable[[Any, Any], Any]] = {
    "swapaxes": lambda m, x: m.swapaxes(x, 0, -1),
    "moveaxis": lambda m, x: m.moveaxis(x, [0, 1], [-1, 0]),
    "rollaxis": lambda m, x: [m.rollaxis(x, 2), m.rollaxis(x, 0, 3), m.rollaxis(x, -1, -2)],
    "broadcast_arrays": lambda m, x: m.broadcast_arrays(x, x[0, :1], x[:, :1]),
    "atleast": lambda m, x: [m.atleast_1d(x[0, 0, 0]), *m.atleast_3d(x[0], x[0, 0], x[0, 0, 0])],
    "concatenate": lambda m, x: [m.concatenate([x, x[:, :1]], axis=1), m.concatenate([x, x], None)],
    "append": lambda m, x: [m.append(x, x[0]), m.append(x, x[:1], axis=0)],
    "vstack": lambda m, x: [m.vstack([x[0, 0], x[0]]), m.vstack([x, x])],
    "hstack": lambda m, x: [m.hstack([x[0, 0], x[0, 1]]), m.hstack([x, x[:, :1]])],
    "dstack": lambda m, x: [m.dstack([x[0, 0], x[0, 1]]), m.dstack([x[0], x[1]])],
    "column_stack": lambda m, x: m.column_stack([x[0, :, 0], x[0]]),
    "split": lambda m, x: m.split(x, 2, axis=2) + m.split(x, [1, 3], axis=-1),
    "array_split": lambda m, x: m.array_split(x, 3, axis=2) + m.array_split(x, [1], 1),
    "hsplit": lambda m, x: m.hsplit(x, 3) + m.hsplit(x[0, 0], 2),
    "vsplit": lambda m, x: m.vsplit(x, 2) + m.dsplit(x, [1]),
    "tile": lambda m, x: [m.tile(x, 2), m.tile(x, (2, 1, 1, 3)), m.tile(x[0, 0], (2, 2))],
    "repeat": lambda m, x: [m.repeat(x, 2), m.repeat(x, 3, 1), m.repeat(x, [1, 0, 2], axis=1)],
    "flip": lambda m, x: [m.flipud(x), m.fliplr(x), m.flip(x, (0, 2))],
    "roll": lambda m, x: [
        m.roll(x, 5), m.roll(x, -1, 2), m.roll(x, (1, 7), (0, 1)), m.roll(x, 2, (0, 1))
    ],
    "rot90": lambda m, x: [m.rot90(x, k, (0, 2)) for k in range(-1, 4)],
    "resize": lambda m, x: [m.resize(x, (5, 7)), m.resize(x, 3)],
    "tril": lambda m, x: [m.tril(x), m.tril(x, -1), m.triu(x, 1), m.triu(x[0, 0])],
    "delete": lambda m, x: [
        m.delete(x, 1, 1), m.delete(x, slice(0, 3, 2), 2), m.delete(x, [-1, 0], 2), m.delete(x, 3)
    ],
    "insert": lambda m, x: [
        m.insert(x, 1, x[:, 0], 1), m.insert(x, [0, 2], x[:, :2], 1), m.insert(x, 3, 9.0),
        m.insert(x, slice(0, 2), x[0, 0, 0], 2), m.insert(x, [1], x[:, :2], 1),
    ],
    "take": lambda m, x: [m.take(x, PLACES, 2), m.take(x, PLACES + 30, mode="wrap"), m.take(x, 7)],
    "take_along_axis": lambda m, x: [
        m.take_along_axis(x, PLACES[None, :, :1], 2),
        m.take_along_axis(x, PLACES.reshape(-1), None),
        m.take_along_axis(x, PLACES[None].repeat(2, 0), -1),
    ],
    "sort": lambda m, x: [m.sort(x), m.sort(x, 0), m.sort(x, None)],
    "cumsum": lambda m, x: [m.cumsum(x), m.cumsum(x, 1), m.cumsum(x, -1, "float64")],
    "pad": lambda m, x: [
        m.pad(x, ((0, 0), (1, 2), (0, 3)), constant_values=4), m.pad(x, 1, "edge"),
        m.pad(x, ((0, 0), (2, 1), (5, 4)), "reflect"), m.pad(x, (2, 1), "symmetric"),
        m.pad(x, ((0, 1), (2, 1), (0, 0)), "maximum"), m.pad(x, 1, "minimum"),
    ],
    "where": lambda m, x: m.where(x > 9.5, x, -x),
    "dot": lambda m, x: [m.dot(x, x[:, :2].swapaxes(1, 2)), m.dot(x[0], x[1, 0])],
}  # fmt: skip
WHOLE: dict[str, Callable[[Any, Any], Any]] = {
    "cumsum": lambda m, x: m.cumsum(x, 0),
    "sort": lambda m, x: m.sort(x),
    "tril": lambda m, x: m.tril(x),
}


def leaves(result: Any) -> list[Any]:
    return [*result] if isinstance(result, list | tuple) else [result]


def check(got: Any, wanted: Any, rtol: float = 1e-6) -> None:
    assert len(leaves(got)) == len(leaves(wanted))
    for a, b in zip(leaves(got), leaves(wanted), strict=True):
        array = a if isinstance(a, np.ndarray) else a.asnumpy()
        assert array.dtype == b.dtype
        np.testing.assert_allclose(array, b, rtol=rtol)
        assert array.shape == np.shape(b)


@pytest.mark.parametrize("name", CASES)
def test_at_once(name: str) -> None:
    check(CASES[name](mx.np, mx.np.array(X)), CASES[name](np, X))


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_whole_numbers_keep_their_dtype(name: str, dtype: str) -> None:
    x = (X * 10 % 7).astype(dtype)
    check(WHOLE[name](mx.np, mx.np.array(x, dtype=dtype)), WHOLE[name](np, x).astype(dtype))


@pytest.mark.parametrize("name", CASES)
def test_compiled(name: str) -> None:
    f = CASES[name]
    check(mx.compile(lambda x: f(mx.np, x), X)(X), f(np, X), rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str) -> None:
    """Of a random combination of the results, against the difference along a direction."""
    f, x = CASES[name], mx.np.array(X.astype(np.float64), dtype="float64")
    rng = np.random.default_rng(5)
    weights = [rng.uniform(-1, 1, np.shape(y)) for y in leaves(f(np, X))]
    direction = rng.uniform(-1, 1, X.shape)

    def loss(m: Any, x: Any, convert: Callable[[Any], Any]) -> Any:
        return sum((y * convert(w)).sum() for y, w in zip(leaves(f(m, x)), weights, strict=True))

    x.attach_grad()
    with mx.autograd.record():
        total = loss(mx.np, x, lambda w: mx.np.array(w, dtype="float64"))
    total.backward()
    assert x.grad is not None
    step = 1e-3  # functions here are linear, or quadratic, where the values are apart
    moved = [loss(np, X + s * direction, lambda w: w) for s in (step, -step)]
    got = (x.grad.asnumpy() * direction).sum()
    np.testing.assert_allclose(got, (moved[0] - moved[1]) / (2 * step), rtol=1e-6, atol=1e-6)


SMALL = npst.arrays(
    np.float32, npst.array_shapes(max_dims=3, max_side=5),
    elements=st.sampled_from([0.0, -0.0, 1.0, -1.5, 2.0, np.inf, np.nan]),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(SMALL, st.data())
def test_sort_and_argsort(x: Any, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    a = mx.np.array(x)
    np.testing.assert_array_equal(mx.np.sort(a, axis).asnumpy(), np.sort(x, axis))
    np.testing.assert_array_equal(
        mx.np.argsort(a, axis).asnumpy(), np.argsort(x, axis, kind="stable")
    )
    down = mx.np.sort(a, axis, descending=True).asnumpy()
    np.testing.assert_array_equal(down, np.flip(np.sort(x, axis), axis))


@settings(deadline=None, max_examples=60)
@given(SMALL)
def test_what_depends_on_elements(x: Any) -> None:
    a = mx.np.array(x)
    for name in ("nonzero", "flatnonzero", "argwhere"):
        check(getattr(mx.np, name)(a), getattr(np, name)(x))
    check(mx.np.where(a), np.nonzero(x))
    check(mx.np.unique(a, True, True, True), flat_inverse(np.unique(x, True, True, True)))
    check(mx.np.unique(a, axis=0), np.unique(x, axis=0))
    everything = mx.np.unique_all(a)
    check(everything.values[everything.inverse_indices], x)
    check(mx.np.unique_inverse(a).inverse_indices, everything.inverse_indices.asnumpy())
    check(mx.np.unique_values(a), np.unique(x))


def flat_inverse(found: Any) -> Any:
    values, index, inverse, counts = found
    return values, index, inverse.reshape(-1), counts


def test_unravel_index() -> None:
    for order in ("C", "F"):
        check(mx.np.unravel_index(mx.np.array([5, 1]), (2, 3), order),
              np.unravel_index(np.array([5, 1]), (2, 3), order))  # fmt: skip
        found = mx.compile(lambda i, o=order: mx.np.unravel_index(i, (2, 3), o), PLACES)(PLACES % 6)
        check(found, np.unravel_index(PLACES % 6, (2, 3), order))
    with pytest.raises(ValueError, match="out of bounds"):
        mx.np.unravel_index(mx.np.array([6]), (2, 3))


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "split": (lambda x: mx.np.split(x, 5, 2), "does not split into 5 equal parts"),
    "vsplit": (lambda x: mx.np.vsplit(x[0, 0], 2), "2 axes or more"),
    "moveaxis": (lambda x: mx.np.moveaxis(x, [0, 0], [1, 2]), "each once"),
    "rollaxis": (lambda x: mx.np.rollaxis(x, 0, 4), "start 4"),
    "tile": (lambda x: mx.np.tile(x, -1), "-1 times"),
    "pad mode": (lambda x: mx.np.pad(x, 1, "wrap"), "mode must be one of"),
    "pad argument": (lambda x: mx.np.pad(x, 1, "maximum", stat_length=2), "stat_length="),
    "concatenate": (lambda x: mx.np.concatenate([x, x.astype("float64")]), "one dtype"),
    "take": (lambda x: mx.np.take(x, x > 3, 0), "whole numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    f, words = REFUSED[name]
    with pytest.raises(BaryonError, match=words):
        f(mx.np.array(X))


def test_unique_has_no_gradient() -> None:
    x = mx.np.array(X)
    x.attach_grad()
    with mx.autograd.record(), pytest.raises(GradientError, match="unique"):
        mx.np.unique(x)


def test_out_of_range() -> None:
    x = mx.np.array(X)
    for name, args in (("take", ([4], 2)), ("delete", (9, 1)), ("insert", (9, 0, 1))):
        with pytest.raises(IndexError, match="out of bounds"):
            getattr(mx.np, name)(x, *args)
