"""Linear algebra, folds and statistics of `np` that MXNet has gradients for.

Signs of vectors are anybody's choice, so decompositions are compared by what does not depend on
them. MXNet gives eigh, var and std gradients of zero: only their values are compared.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from oracle.cases import Case, Tolerance
from oracle.graded import graded, plain, randn

A, B, V = randn(0, 2, 3, 4), randn(1, 4, 5), randn(2, 5)
SQUARE = randn(3, 2, 3, 3) + 2 * np.eye(3, dtype="float32")
SYMMETRIC = SQUARE + SQUARE.swapaxes(-1, -2)
DEFINITE = SQUARE @ SQUARE.swapaxes(-1, -2) + np.eye(3, dtype="float32")
WEIGHTS = np.array([1.0, 2.0, 0.5], "float32")

CASES: Mapping[str, Case] = {
    "inv": graded(lambda mx, x: mx.np.linalg.inv(x), SQUARE),
    "det": graded(lambda mx, x: mx.np.linalg.det(x), SQUARE),
    "slogdet": graded(lambda mx, x: mx.np.linalg.slogdet(x)[1], SQUARE),
    "cholesky": graded(lambda mx, x: mx.np.linalg.cholesky(x), DEFINITE),
    "solve": graded(lambda mx, x, y: mx.np.linalg.solve(x, y), SQUARE, randn(4, 2, 3, 2)),
    "eigvalsh": plain(lambda mx, x: mx.np.linalg.eigvalsh(x), SYMMETRIC),
    "eigh_size": plain(lambda mx, x: mx.np.abs(mx.np.linalg.eigh(x)[1]), SYMMETRIC),
    "svdvals": graded(lambda mx, x: mx.np.linalg.svd(x)[1], A[0]),
    "norm": graded(lambda mx, x: mx.np.linalg.norm(x, axis=(0, 2)), A),
    "norm_vector": graded(lambda mx, x: mx.np.linalg.norm(x, 3, axis=1), A),
    "tensorinv": plain(lambda mx, x: mx.np.linalg.tensorinv(x, 1), SQUARE[0]),
    "einsum": graded(lambda mx, x, y: mx.np.einsum("bij,jk->bki", x, y), A, B),
    "einsum_three": graded(lambda mx, x, y, v: mx.np.einsum("bij,jk,k->bi", x, y, v), A, B, V),
    "tensordot": graded(lambda mx, x, y: mx.np.tensordot(x, y, 1), A, B),
    "inner": graded(lambda mx, x, y: mx.np.inner(x, y), A, B.T.copy()),
    "outer": graded(lambda mx, x, y: mx.np.outer(x, y), WEIGHTS, V),
    "kron": graded(lambda mx, x, y: mx.np.kron(x, y), A[0], B),
    "trace": graded(lambda mx, x: mx.np.trace(x, 1, 1, 2), A),
    "diagonal": graded(lambda mx, x: mx.np.diagonal(x, -1, 1, 2), A),
    "diag": graded(lambda mx, x: mx.np.diag(x, 1), V),
    "cross": graded(lambda mx, x, y: mx.np.cross(x, y), SQUARE[0], SQUARE[1]),
    "average": graded(lambda mx, x, w: mx.np.average(x, axis=1, weights=w), A, WEIGHTS),
    "var": plain(lambda mx, x: mx.np.var(x, axis=1, correction=1), A),
    "std": plain(lambda mx, x: mx.np.std(x, axis=(0, 2)), A),
    "quantile": plain(lambda mx, x: mx.np.quantile(x, mx.np.array([0.1, 0.7]), axis=2), A),
    "median": plain(lambda mx, x: mx.np.median(x, axis=(0, 1)), A),
    "diff": graded(lambda mx, x: mx.np.diff(x, 2, axis=2), A),
    "ediff1d": graded(lambda mx, x: mx.np.ediff1d(x), A),
    "polyval": graded(lambda mx, p, x: mx.np.polyval(p, x), V, A),
    "interp": plain(
        lambda mx, x: mx.np.interp(x, mx.np.array([-1.0, 0, 2]), mx.np.array([3.0, 1, 5])), A
    ),
}
TOLERANCES: Mapping[str, Tolerance] = {
    "inv": (1e-3, 1e-4), "solve": (1e-3, 1e-4), "cholesky": (1e-3, 1e-4),
    "eigh_size": (1e-3, 1e-3), "einsum_three": (1e-3, 1e-4),
}  # fmt: skip
