"""Products, einsum and diagonals of mx.np against NumPy's; einsum when compiled."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd, interp
from baryon.deferred import trace
from baryon.ir import IRTypeError

RNG = numpy.random.default_rng(5)
SIZES = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2}
SETTINGS = settings(max_examples=60, deadline=None)


def check(got: Any, want: Any, rtol: float = 1e-5) -> None:
    assert got.shape == numpy.shape(want)
    assert_allclose(got.asnumpy(), want, rtol=rtol, atol=1e-5)


def drawn(*shape: int) -> Any:
    return RNG.uniform(-1, 1, shape).astype(numpy.float32)


@SETTINGS
@given(st.data())
def test_einsum_of_any_subscripts(data: Any) -> None:
    terms = data.draw(st.lists(st.text("abcde", max_size=3), min_size=1, max_size=4))
    known = sorted(set("".join(terms)))
    result = "".join(data.draw(st.permutations(known))[: data.draw(st.integers(0, len(known)))])
    text = ",".join(terms) + data.draw(st.sampled_from(["", f"->{result}"]))
    arrays = [drawn(*(SIZES[c] for c in term)) for term in terms]
    optimize = data.draw(st.booleans())
    got = mx.np.einsum(text, *map(mx.np.array, arrays), optimize=optimize)
    check(got, numpy.einsum(text, *arrays), 1e-4)


@pytest.mark.parametrize(("text", "shapes"), [
    ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]), ("i...,i...->...", [(2, 3, 4), (2, 3, 4)]),
    ("...", [(2, 3)]), ("...a->a...", [(2, 3, 4)]), ("ab,ab", [(2, 1), (2, 3)]),
    ("a...,b->b...a", [(2, 3), (4,)]), ("...aa->...a", [(2, 3, 3)]),
])  # fmt: skip
def test_ellipses_and_broadcasting(text: str, shapes: Any) -> None:
    arrays = [drawn(*s) for s in shapes]
    check(mx.np.einsum(text, *map(mx.np.array, arrays)), numpy.einsum(text, *arrays))


def test_einsum_by_numbers_out_and_types() -> None:
    a, b = drawn(2, 3), drawn(3, 4)
    got = mx.np.einsum(mx.np.array(a), [0, 1], mx.np.array(b), [1, 2], [2, 0])
    check(got, numpy.einsum("ij,jk->ki", a, b))
    out = mx.np.zeros((2, 4))
    assert mx.np.einsum("ij,jk", mx.np.array(a), mx.np.array(b), out=out) is out
    whole = mx.np.array([[1, 2], [3, 4]], dtype="int32")
    assert mx.np.einsum("ij,jk", whole, whole).dtype == numpy.int32
    assert mx.np.einsum("ij,j", whole, mx.np.array([0.5, 1])).tolist() == [2.5, 5.5]


@pytest.mark.parametrize(("text", "shapes", "message"), [
    ("ij,jk", [(2, 3)], "is for 2 operands, not 1"), ("ij", [(2,)], "does not fit an operand"),
    ("i->ii", [(2,)], "each once"), ("i->j", [(2,)], "must name labels"),
    ("ij,jk", [(2, 3), (4, 5)], "label j has the sizes 3 and 4"),
    ("ii", [(2, 3)], "label i stands for axes of 2 and 3"), ("...i->i", [(2, 3)], "write ..."),
    ("i1", [(2, 2)], "does not fit"),
])  # fmt: skip
def test_einsum_refuses(text: str, shapes: Any, message: str) -> None:
    with pytest.raises(IRTypeError, match=message):
        mx.np.einsum(text, *(mx.np.array(drawn(*s)) for s in shapes))


def test_einsum_in_a_graph_and_its_gradient() -> None:
    a, b = (mx.np.array(drawn(*s)) for s in ((2, 3, 4), (2, 4, 5)))
    module = trace(lambda x, y: mx.np.einsum("bij,bjk->bki", x, y), a, b)
    text = str(module)
    assert "np.matmul" in text
    found: Any = interp.run(module, [a.asnumpy(), b.asnumpy()])[0]
    expected = numpy.einsum("bij,bjk->bki", a.asnumpy(), b.asnumpy())
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # sums may cancel
    a.attach_grad()
    with autograd.record():
        y = mx.np.einsum("bij,bjk->", a, b)
    y.backward()
    assert a.grad is not None
    check(a.grad, numpy.broadcast_to(b.asnumpy().sum(2)[:, None], (2, 3, 4)))


@pytest.mark.parametrize("axes", [0, 1, 2, ((1,), (0,)), ((2, 1), (1, 0)), (-1, 1)])
def test_tensordot(axes: Any) -> None:
    a, b = drawn(2, 3, 4), drawn(3, 4, 5)
    if axes == 1:
        b = drawn(4, 2)
    check(mx.np.tensordot(mx.np.array(a), mx.np.array(b), axes), numpy.tensordot(a, b, axes))


def test_products_of_vectors() -> None:
    a, b = drawn(2, 3), drawn(4, 3)
    check(mx.np.inner(mx.np.array(a), mx.np.array(b)), numpy.inner(a, b))
    check(mx.np.inner(mx.np.array(a), 2.0), numpy.inner(a, 2.0))
    check(mx.np.outer(mx.np.array(a), mx.np.array(b)), numpy.outer(a, b))
    check(mx.np.vdot(mx.np.array(a), mx.np.array(a)), numpy.vdot(a, a))
    with pytest.raises(IRTypeError, match="differ in size"):
        mx.np.tensordot(mx.np.array(a), mx.np.array(b), 1)


@pytest.mark.parametrize(("left", "right"), [((2, 3), (4, 5)), ((2,), (3, 2)), ((2, 1, 3), (2,))])
def test_kron(left: Any, right: Any) -> None:
    a, b = drawn(*left), drawn(*right)
    check(mx.np.kron(mx.np.array(a), mx.np.array(b)), numpy.kron(a, b))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_cross(axis: int | None) -> None:
    a, b = drawn(3, 3), drawn(3, 3)
    check(mx.np.cross(mx.np.array(a), mx.np.array(b), axis=axis), numpy.cross(a, b, axis=axis))
    check(mx.np.cross(mx.np.array(a), mx.np.array(b), 0, 1, 0), numpy.cross(a, b, 0, 1, 0))


def test_cross_of_the_plane() -> None:
    a, b, c = drawn(4, 2), drawn(4, 2), drawn(4, 3)
    check(mx.np.cross(mx.np.array(a), mx.np.array(b)), a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    padded = numpy.concatenate([a, numpy.zeros((4, 1), a.dtype)], 1)
    check(mx.np.cross(mx.np.array(a), mx.np.array(c)), numpy.cross(padded, c))
    with pytest.raises(IRTypeError, match="2 or 3 elements, not 4"):
        mx.np.cross(mx.np.ones(4), mx.np.ones(4))


@SETTINGS
@given(st.integers(0, 4), st.integers(0, 4), st.integers(-5, 5), st.permutations(range(3)))
def test_diagonals(rows: int, columns: int, k: int, order: list[int]) -> None:
    x = numpy.transpose(drawn(2, rows, columns), order)
    one, two = order.index(1), order.index(2)
    ours = mx.np.array(x)
    check(mx.np.diagonal(ours, k, one, two), numpy.diagonal(x, k, one, two))
    check(mx.np.trace(ours, k, one, two), numpy.trace(x, k, one, two))


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_diag(k: int) -> None:
    v, m = drawn(3), drawn(3, 4)
    check(mx.np.diag(mx.np.array(v), k), numpy.diag(v, k))
    check(mx.np.diag(mx.np.array(m), k), numpy.diag(m, k))
    check(mx.np.diagflat(mx.np.array(m), k), numpy.diagflat(m, k))
    assert mx.np.diag(mx.np.array([numpy.inf, 1])).tolist() == [[numpy.inf, 0], [0, 1]]
    for name in ("tril_indices", "triu_indices"):
        want: Any = getattr(numpy, name)(3, k, 4)
        for found in (getattr(mx.np, name)(3, k, 4), getattr(mx.np, f"{name}_from")(m, k)):
            check(found[0], want[0])
            check(found[1], want[1])


def test_fill_diagonal() -> None:
    m = numpy.zeros((5, 2), numpy.float32)
    for wrap in (False, True):
        want, got = m.copy(), mx.np.array(m)
        numpy.fill_diagonal(want, 3, wrap)
        mx.np.fill_diagonal(got, 3, wrap)
        check(got, want)
    assert [i.tolist() for i in mx.np.diag_indices_from(mx.np.ones((2, 2)))] == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match="one size"):
        mx.np.diag_indices_from(mx.np.ones((2, 3)))
