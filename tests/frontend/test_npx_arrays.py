"""npx's functions on arrays: compiled as at once (the values are MXNet's), and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.ir import BaryonError
from oracle.cases.npx_arrays import FUNCTIONS, WITHOUT, X

ON_ELEMENTS = {"constraint_check", "shape_array", "arange_like", "indexing"}
COMPILED = {n: f for n, f in (FUNCTIONS | WITHOUT).items() if n not in ON_ELEMENTS}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled(name: str) -> None:
    f = COMPILED[name]
    wanted: Any = f(mx, mx.np.array(X))
    wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
    found = mx.compile(lambda x: f(mx, x), X)(X)
    for got, want in zip(found, wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want.asnumpy(), rtol=1e-5, atol=1e-5)


def test_gradient_of_index_update_is_that_of_the_last_value() -> None:
    x, v = mx.np.array(X), mx.np.array([1.0, 2.0, 3.0])
    for a in (x, v):
        a.attach_grad()
    places = mx.np.array([[0, 1, 0], [2, 0, 2], [3, 3, 3]], dtype="int64")
    with mx.autograd.record():
        y = mx.npx.index_update(x, places, v)
        total = (y * mx.np.arange(24).reshape(2, 3, 4)).sum()
    total.backward()
    assert x.grad is not None
    assert v.grad is not None
    np.testing.assert_array_equal(v.grad.asnumpy(), [0, 15, 11])
    assert x.grad.asnumpy()[0, 2, 3] == x.grad.asnumpy()[1, 0, 3] == 0


def test_embedding_trains_compiled() -> None:
    """The gradient of the weight as a graph: rows of equal indices add up."""
    w, i = mx.np.array(np.ones((5, 3), np.float32)), mx.np.array([1, 1, 4])
    w.attach_grad()
    with mx.autograd.record():
        y = mx.npx.embedding(i, w, 5, 3)
    y.backward()
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.asnumpy()[:, 0], [0, 2, 0, 0, 1])


def test_a_violated_constraint() -> None:
    false = mx.np.array([True, False], dtype="bool")
    with pytest.raises(ValueError, match="scale must be positive"):
        mx.npx.constraint_check(false, "scale must be positive")
    with pytest.raises(BaryonError, match="constraint_check has no kernel"):
        mx.compile(lambda x: mx.npx.constraint_check(x > 0), X)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "topk k": (lambda x: mx.npx.topk(x, k=5), "k is 5, but the axis has 4"),
    "topk ret_typ": (lambda x: mx.npx.topk(x, ret_typ="x"), "expected one of"),
    "norm": (lambda x: mx.npx.norm(x, ord=3), "ord is 3"),
    "add_n": (lambda x: mx.npx.add_n(), "nothing to add"),
    "slice_like": (lambda x: mx.npx.slice_like(x, mx.np.zeros((3, 3, 4))), "shorter"),
    "gather_nd": (lambda x: mx.npx.gather_nd(x, mx.np.zeros((4, 2))), "some axes"),
    "batch_dot": (lambda x: mx.npx.batch_dot(x, x), "do not fit"),
    "constraint_check": (mx.npx.constraint_check, "must be bool"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    f, words = REFUSED[name]
    with pytest.raises(BaryonError, match=words):
        f(mx.np.array(X))
