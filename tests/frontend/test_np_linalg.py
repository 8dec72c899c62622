"""mx.np.linalg against NumPy's; gradients of what is composed of ops (the ops': tests/ops)."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd
from baryon.ir import IRTypeError

RNG = numpy.random.default_rng(6)
A = RNG.uniform(-1, 1, (2, 3, 4)).astype(numpy.float32)
SQUARE = RNG.uniform(-1, 1, (2, 3, 3)).astype(numpy.float32) + 2 * numpy.eye(3, dtype=numpy.float32)
SYMMETRIC = SQUARE + SQUARE.swapaxes(-1, -2)
DEFINITE = SQUARE @ SQUARE.swapaxes(-1, -2)
LA = mx.np.linalg


def ours(x: Any) -> Any:
    return mx.np.array(x, dtype=numpy.asarray(x).dtype)


def check(got: Any, want: Any, rtol: float = 2e-5) -> None:
    assert got.shape == numpy.shape(want)
    assert_allclose(got.asnumpy(), want, rtol=rtol, atol=1e-5)


ORDERS = [None, numpy.inf, -numpy.inf, 0, 1, -1, 2, 3, 0.5]


@pytest.mark.parametrize("ord", ORDERS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_vector_norms(ord: Any, keepdims: bool) -> None:
    for axis in (0, 1, -1):
        got = LA.norm(ours(A), ord, axis, keepdims)
        check(got, numpy.linalg.norm(A, ord, axis, keepdims))
    check(LA.vector_norm(ours(A), ord, (0, 2), keepdims),
          numpy.linalg.vector_norm(A, ord=2 if ord is None else ord, axis=(0, 2),
                                   keepdims=keepdims))  # fmt: skip
    check(LA.vector_norm(ours(A[0, 0]), ord), numpy.linalg.norm(A[0, 0], ord))


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, numpy.inf, -numpy.inf])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [(-2, -1), (0, 2), (2, 0)])
def test_matrix_norms(ord: Any, keepdims: bool, axis: Any) -> None:
    want = numpy.linalg.norm(A, ord, axis, keepdims)
    check(LA.norm(ours(A), ord, axis, keepdims), want)
    check(LA.matrix_norm(ours(A), ord, axis, keepdims), want)


def test_norms_of_everything_and_refusals() -> None:
    check(LA.norm(ours(A)), numpy.linalg.norm(A))
    check(LA.norm(ours(A), axis=(0, 2)), numpy.linalg.norm(A, axis=(0, 2)))
    assert LA.norm(ours(numpy.array([3, 4]))).dtype == numpy.float32
    with pytest.raises(ValueError, match="one axis or two, not 3"):
        LA.norm(ours(A), 1)
    with pytest.raises(ValueError, match="ord is 7, expected one of"):
        LA.matrix_norm(ours(A), 7)
    with pytest.raises(ValueError, match="two axes"):
        LA.matrix_norm(ours(A), axis=(1, 1))


def test_the_norm_of_zeros_has_a_gradient() -> None:
    x = mx.np.array([[0.0, 0.0], [3.0, 4.0]])
    x.attach_grad()
    with autograd.record():
        y = LA.norm(x, axis=1).sum()
    y.backward()
    assert x.grad is not None
    check(x.grad, [[0, 0], [0.6, 0.8]])


def test_solutions() -> None:
    check(LA.inv(ours(SQUARE)), numpy.linalg.inv(SQUARE))
    check(LA.det(ours(SQUARE)), numpy.linalg.det(SQUARE))
    for got, want in zip(LA.slogdet(ours(SQUARE)), numpy.linalg.slogdet(SQUARE), strict=True):
        check(got, want)
    check(LA.solve(ours(SQUARE), ours(A)), numpy.linalg.solve(SQUARE, A))
    check(LA.solve(ours(SQUARE[0]), ours(A[0, :, 0])), numpy.linalg.solve(SQUARE[0], A[0, :, 0]))
    check(LA.cholesky(ours(DEFINITE)), numpy.linalg.cholesky(DEFINITE))
    check(LA.cholesky(ours(DEFINITE), upper=True),
          numpy.linalg.cholesky(DEFINITE).swapaxes(-1, -2))  # fmt: skip
    check(LA.pinv(ours(A)), numpy.linalg.pinv(A))
    check(LA.pinv(ours(SYMMETRIC), 0.3, True), numpy.linalg.pinv(SYMMETRIC, 0.3, True))
    check(LA.inv([[1, 2], [3, 4]]), [[-2, 1], [1.5, -0.5]])


def test_decompositions() -> None:
    for a in (A, A.swapaxes(-1, -2)):
        u, s, vt = LA.svd(ours(a))
        check(s, numpy.linalg.svd(a)[1])
        check(mx.np.matmul(u * mx.np.expand_dims(s, -2), vt), a)
        q, r = LA.qr(ours(a))
        check(mx.np.matmul(q, r), a)
        check(LA.qr(ours(a), "r"), r.asnumpy())
        check(LA.svdvals(ours(a)), s.asnumpy())
    for uplo in ("L", "U"):
        values, vectors = LA.eigh(ours(SYMMETRIC), UPLO=uplo)
        check(values, numpy.linalg.eigh(SYMMETRIC)[0])
        check(LA.eigvalsh(ours(SYMMETRIC), uplo == "U"), values.asnumpy())
        turned = vectors * mx.np.expand_dims(values, -2)
        check(mx.np.matmul(ours(SYMMETRIC), vectors), turned.asnumpy())
    values, vectors = LA.eig(ours(SYMMETRIC))
    turned = vectors * mx.np.expand_dims(values, -2)
    check(mx.np.matmul(ours(SYMMETRIC), vectors), turned.asnumpy())
    check(LA.eigvals(ours(SYMMETRIC)), values.asnumpy())
    with pytest.raises(ValueError, match="mode is 'complete'"):
        LA.qr(ours(A), "complete")


def test_least_squares() -> None:
    a, b = RNG.uniform(-1, 1, (5, 2)).astype("f"), RNG.uniform(-1, 1, (5,)).astype("f")
    got = LA.lstsq(ours(a), ours(b))
    for x, want in zip(got, numpy.linalg.lstsq(a, b, rcond=None), strict=True):
        check(x, want)


def test_ranks_and_conditions() -> None:
    flat = numpy.stack([numpy.ones((3, 3)), numpy.eye(3)]).astype(numpy.float32)
    check(LA.matrix_rank(ours(flat)), [1, 3])
    check(LA.matrix_rank(ours(flat), tol=2.0), [1, 0])
    check(LA.matrix_rank(ours(flat), rtol=0.1), [1, 3])
    check(LA.matrix_rank(ours(numpy.zeros(3, numpy.float32))), 0)
    for p in (None, 2, -2, 1, -1, "fro", numpy.inf):
        check(LA.cond(ours(SQUARE), p), numpy.linalg.cond(SQUARE, p))


def test_tensors() -> None:
    a = RNG.uniform(-1, 1, (4, 6, 8, 3)).astype(numpy.float32)
    check(LA.tensorinv(ours(a)), numpy.linalg.tensorinv(a), 1e-3)
    b = RNG.uniform(-1, 1, (4, 6)).astype(numpy.float32)
    check(LA.tensorsolve(ours(a), ours(b)), numpy.linalg.tensorsolve(a, b), 1e-3)
    turned = a.transpose(2, 0, 1, 3)
    check(LA.tensorsolve(ours(turned), ours(b), (0,)),
          numpy.linalg.tensorsolve(turned, b, (0,)), 1e-3)  # fmt: skip
    with pytest.raises(ValueError, match="ind is 0"):
        LA.tensorinv(ours(a), 0)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 5])
def test_powers(n: int) -> None:
    check(LA.matrix_power(ours(SQUARE), n), numpy.linalg.matrix_power(SQUARE, n), 1e-4)


@pytest.mark.parametrize("shapes", [
    [(2, 3), (3, 4)], [(5, 1), (1, 6), (6, 2)], [(2, 7), (7, 1), (1, 3), (3, 4)], [(3,), (3, 2)],
    [(2, 3), (3,)], [(3,), (3, 2), (2,)], [(3,), (3,)],
])  # fmt: skip
def test_chains(shapes: Any) -> None:
    chain = [RNG.uniform(-1, 1, s).astype(numpy.float32) for s in shapes]
    check(LA.multi_dot([ours(x) for x in chain]), numpy.linalg.multi_dot(chain))
    with pytest.raises(ValueError, match="two arrays or more"):
        LA.multi_dot([ours(chain[0])])


def test_on_the_last_axes() -> None:
    x = ours(SQUARE)
    check(LA.trace(x, 1), numpy.trace(SQUARE, 1, -2, -1))
    check(LA.diagonal(x, -1), numpy.diagonal(SQUARE, -1, -2, -1))
    check(LA.matrix_transpose(x), SQUARE.swapaxes(-1, -2))
    check(LA.vecdot(x, x), (SQUARE * SQUARE).sum(-1))
    check(LA.vecdot(x, x, 0), (SQUARE * SQUARE).sum(0))
    check(LA.cross(x, x[::-1]), numpy.cross(SQUARE, SQUARE[::-1]))
    check(LA.outer(x[0], x[1]), numpy.outer(SQUARE[0], SQUARE[1]))
    check(LA.tensordot(x, x, ((1,), (1,))), numpy.tensordot(SQUARE, SQUARE, ((1,), (1,))))


def test_refusals() -> None:
    with pytest.raises(IRTypeError, match="matrices must be square"):
        LA.inv(ours(A))
    with pytest.raises(IRTypeError, match="do not fit"):
        LA.solve(ours(SQUARE), ours(A.swapaxes(-1, -2)))
    with pytest.raises(LA.LinAlgError, match="Singular"):
        LA.inv(mx.np.zeros((2, 2)))
    with pytest.raises(LA.LinAlgError):
        LA.cholesky(mx.np.array([[1.0, 2], [2, 1]]))
    with pytest.raises(AttributeError, match="did you mean"):
        LA.chelosky
