"""`mx.np.linalg`: linear algebra on stacks of matrices (..., m, n).

Decompositions run on the host, by LAPACK; they have gradients and may stand in hybridized blocks.
Elements are real.
"""

import numpy as _numpy
from numpy.linalg import LinAlgError

from baryon.array import Ops as _Ops
from baryon.array import ndarray as _ndarray
from baryon.array.border import public as _public
from baryon.array.missing import missing_name as _missing_name
from baryon.array.types import ArrayLike as _ArrayLike
from baryon.np import products as _products
from baryon.np.arguments import common as _common
from baryon.np.arguments import operand as _operand
from baryon.np.linalg.norms import (
    cond,
    matrix_norm,
    matrix_rank,
    norm,
    svdvals,
    vector_norm,
)
from baryon.np.linalg.solving import (
    cholesky,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inv,
    lstsq,
    matrix_power,
    multi_dot,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    tensorinv,
    tensorsolve,
)
from baryon.np.products import outer, tensordot

_np = _Ops("np")


def cross(a: _ArrayLike, b: _ArrayLike, axis: int = -1) -> _ndarray:
    """The vector products of vectors of 3 elements along an axis."""
    return _products.cross(a, b, axis=axis)


def diagonal(a: _ArrayLike, offset: int = 0) -> _ndarray:
    """The diagonals of the matrices on the last two axes."""
    return _products.diagonal(a, offset, -2, -1)


def trace(a: _ArrayLike, offset: int = 0) -> _ndarray:
    """The sums of the diagonals of the matrices on the last two axes."""
    return _products.trace(a, offset, -2, -1)


def matrix_transpose(a: _ArrayLike) -> _ndarray:
    """The array with its last two axes exchanged."""
    x = _operand(a)
    return _np.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def vecdot(a: _ArrayLike, b: _ArrayLike, axis: int | None = None) -> _ndarray:
    """The sums of products along an axis, the last one by default; the others broadcast."""
    x, y = _common(_operand(a), _operand(b))
    return _np.sum(_np.multiply(x, y), -1 if axis is None else axis, x.dtype)


__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals",
    "eigvalsh", "inv", "lstsq", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose",
    "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]  # fmt: skip
globals().update(_public("np.linalg", (globals()[n] for n in __all__ if n != "LinAlgError")))
__getattr__ = _missing_name("baryon.np.linalg", __all__, _numpy.linalg)
