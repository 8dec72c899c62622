"""Decompositions, inverses and linear systems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from baryon.array import Ops, ndarray, wrap
from baryon.array.host import on_host
from baryon.array.types import ArrayLike
from baryon.np.arguments import common, operand
from baryon.np.linalg.norms import floating

_np, _ir = Ops("np"), Ops("ir")


def _several(found: Any) -> tuple[ndarray, ...]:
    return tuple(found)


def inv(a: ArrayLike) -> ndarray:
    """The inverses of square matrices; LinAlgError for singular ones."""
    return _ir.linalg_inv(floating(a))


def det(a: ArrayLike) -> ndarray:
    """The determinants of square matrices."""
    return _ir.linalg_det(floating(a))


def slogdet(a: ArrayLike) -> tuple[ndarray, ...]:
    """(sign, logarithm of the size) of the determinants of square matrices."""
    return _several(_ir.linalg_slogdet(floating(a)))


def solve(a: ArrayLike, b: ArrayLike) -> ndarray:
    """x of a x = b, for one vector b, or matrices; LinAlgError for singular a."""
    left, right = common(floating(a), floating(b))
    return _ir.linalg_solve(left, right)


def _upper(upper: bool, uplo: str | None) -> bool:
    return upper if uplo is None else uplo.upper() == "U"


def cholesky(a: ArrayLike, upper: bool = False) -> ndarray:
    """The triangular factor of symmetric positive definite matrices; one triangle is read.

    a = l lT, or with `upper` a = uT u. LinAlgError for matrices that are not positive definite.
    """
    return _ir.linalg_cholesky(floating(a), upper=upper)


def eigh(a: ArrayLike, upper: bool = False, UPLO: str | None = None  # noqa: N803
         ) -> tuple[ndarray, ...]:  # fmt: skip
    """(eigenvalues, ascending; eigenvectors, in columns) of symmetric matrices.

    upper: read the upper triangle instead of the lower one. UPLO: "U" or "L", as in NumPy.
    """
    return _several(_ir.linalg_eigh(floating(a), upper=_upper(upper, UPLO)))


def eigvalsh(a: ArrayLike, upper: bool = False, UPLO: str | None = None) -> ndarray:  # noqa: N803
    """The eigenvalues of symmetric matrices, ascending; see `eigh`."""
    return eigh(a, upper, UPLO)[0]


def eig(a: ArrayLike) -> tuple[ndarray, ...]:
    """(eigenvalues, eigenvectors in columns) of square matrices.

    Raises UnsupportedError where they are complex.
    """
    return _several(_ir.linalg_eig(floating(a)))


def eigvals(a: ArrayLike) -> ndarray:
    """The eigenvalues of square matrices; see `eig`."""
    return eig(a)[0]


def svd(a: ArrayLike) -> tuple[ndarray, ...]:
    """(u, s, vt), the thin singular value decomposition of matrices (..., m, n).

    a = u diag(s) vt, with u (..., m, k), s (..., k) descending and vt (..., k, n), k the smaller
    side.
    """
    return _several(_ir.linalg_svd(floating(a)))


def qr(a: ArrayLike, mode: str = "reduced") -> tuple[ndarray, ...] | ndarray:
    """(q, r): orthonormal columns and an upper triangle whose product is a; mode "r" gives r."""
    if mode not in ("reduced", "r"):
        raise ValueError(f"mode is {mode!r}, expected 'reduced' or 'r'")
    q, r = _several(_ir.linalg_qr(floating(a)))
    return r if mode == "r" else (q, r)


def pinv(a: ArrayLike, rtol: float | None = None, hermitian: bool = False,
         rcond: float | None = None) -> ndarray:  # fmt: skip
    """The pseudo-inverses of matrices.

    rtol (`rcond` in NumPy): singular values below it times the largest count as 0; by default the
    larger side times the precision.
    """
    limit = rcond if rtol is None else rtol
    return _ir.linalg_pinv(floating(a), rtol=limit, hermitian=hermitian)


def lstsq(a: ArrayLike, b: ArrayLike, rcond: Any = "warn") -> tuple[ndarray, ...]:
    """(x, residuals, rank, singular values) of the least squares of a x - b; on the host."""
    limit = None if rcond == "warn" else rcond
    found = on_host("np.linalg.lstsq", numpy.linalg.lstsq, (floating(a), floating(b), limit), {})
    x, residuals, rank, values = found
    return x, residuals, wrap(numpy.asarray(int(rank), numpy.int64)), values


def tensorinv(a: ArrayLike, ind: int = 2) -> ndarray:
    """The inverse of `tensordot(a, ., ind)`: the first `ind` axes of a are its rows."""
    x = floating(a)
    if ind <= 0:
        raise ValueError(f"ind is {ind}, it must be positive")
    rows = math.prod(map(int, x.shape[:ind]))  # type: ignore[arg-type]
    shape = (*x.shape[ind:], *x.shape[:ind])
    return inv(x.reshape(rows, -1)).reshape(*shape)


def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Sequence[int] | None = None) -> ndarray:
    """x of tensordot(a, x, x.ndim) = b. axes: axes of a to move to its end first."""
    x, right = common(floating(a), floating(b))
    moved = [i % x.ndim for i in axes or ()]
    x = _np.transpose(x, (*(i for i in range(x.ndim) if i not in moved), *moved))
    shape = x.shape[right.ndim :]
    found = solve(x.reshape(-1, math.prod(map(int, shape))), right.reshape(-1))  # type: ignore[arg-type]
    return found.reshape(*shape)


def matrix_power(a: ArrayLike, n: int) -> ndarray:
    """The n-th power of square matrices; negative ones of their inverse."""
    x = operand(a)
    if n == 0:
        eye = numpy.eye(int(x.shape[-1]), dtype=x.dtype)  # type: ignore[arg-type]
        return _np.zeros_like(x) + wrap(eye)
    if n < 0:
        return matrix_power(inv(x), -n)
    half = matrix_power(x, n // 2) if n > 1 else None
    square = x if half is None else _np.matmul(half, half)
    return _np.matmul(square, x) if n % 2 and half is not None else square


def multi_dot(arrays: Sequence[ArrayLike]) -> ndarray:
    """The product of matrices in the order that costs least; vectors may stand at the ends."""
    given = common(*map(operand, arrays))
    if len(given) < 2:
        raise ValueError("multi_dot needs two arrays or more")
    row, column = given[0].ndim == 1, given[-1].ndim == 1
    first = [given[0].reshape(1, -1)] if row else [given[0]]
    last = [given[-1].reshape(-1, 1)] if column else [given[-1]]
    product = _product([*first, *given[1:-1], *last])
    gone = ((0,) if row else ()) + ((1,) if column else ())
    return _np.squeeze(product, gone) if gone else product


def _product(matrices: Sequence[ndarray]) -> ndarray:
    """The product by the split that the matrix chain's dynamic program finds."""
    sizes = [int(matrices[0].shape[0]), *(int(m.shape[1]) for m in matrices)]  # type: ignore[arg-type]
    cost: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(matrices))}
    for length in range(1, len(matrices)):
        for i in range(len(matrices) - length):
            j = i + length
            cost[i, j] = min(
                (cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def multiply(i: int, j: int) -> ndarray:
        k = cost[i, j][1]
        return matrices[i] if i == j else _np.matmul(multiply(i, k), multiply(k + 1, j))

    return multiply(0, len(matrices) - 1)
