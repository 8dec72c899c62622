"""Norms of vectors and matrices, and what singular values tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from baryon.array import Ops, ndarray
from baryon.array.types import ArrayLike, Axes
from baryon.ir import i64
from baryon.np.arguments import axes_of, float_dtype, operand
from baryon.np.dtypes import finfo

_np, _npx, _ir = Ops("np"), Ops("npx"), Ops("ir")

Fold = Callable[[ndarray, Any, bool], ndarray]


def floating(a: ArrayLike) -> ndarray:
    """The array, whole numbers as the default floating type."""
    x = operand(a)
    return x if x.type.dtype.is_float else x.astype(float_dtype(x))


def _root(total: ndarray) -> ndarray:
    """The square root, whose gradient at 0 is 0."""
    zero = _np.equal(total, 0)
    return _np.where(zero, 0.0, _np.sqrt(_np.where(zero, 1.0, total)))


def _euclidean(x: ndarray, axis: Any, keepdims: bool) -> ndarray:
    return _root(_np.sum(_np.square(x), axis, None, keepdims))


def vector_norm(
    x: ArrayLike, ord: Any = None, axis: Axes | None = None, keepdims: bool = False
) -> ndarray:
    """The norm of vectors along axes, or of all elements: the ord-th root of the sum of powers.

    ord: 2 by default; inf and -inf are the largest and the smallest size, 0 counts elements other
    than 0.
    """
    values = floating(x)
    sizes = _np.abs(values)
    if ord in (None, 2):
        return _euclidean(values, axis, keepdims)
    if ord in (numpy.inf, -numpy.inf):
        return (_np.max if ord > 0 else _np.min)(sizes, axis, keepdims)
    if ord == 0:
        return _np.sum(
            _npx.cast(_np.not_equal(values, 0), dtype=values.dtype), axis, None, keepdims
        )
    if ord == 1:
        return _np.sum(sizes, axis, None, keepdims)
    total = _np.sum(_np.power(sizes, float(ord)), axis, None, keepdims)
    return _np.power(total, 1 / float(ord))


def _sums(axis: int, fold: str) -> Callable[[ndarray], ndarray]:
    """The largest or smallest sum of sizes along one of the last two axes."""
    return lambda x: getattr(_np, fold)(_np.sum(_np.abs(x), axis, None, True), (-2, -1), True)


def _singular(fold: str) -> Callable[[ndarray], ndarray]:
    return lambda x: _np.expand_dims(getattr(_np, fold)(svdvals(x), -1, keepdims=True), -1)


_MATRIX: Mapping[Any, Callable[[ndarray], ndarray]] = {
    "fro": lambda x: _euclidean(x, (-2, -1), True),
    "nuc": _singular("sum"),
    1: _sums(-2, "max"),
    -1: _sums(-2, "min"),
    2: _singular("max"),
    -2: _singular("min"),
    numpy.inf: _sums(-1, "max"),
    -numpy.inf: _sums(-1, "min"),
}
"""Norms of the matrices on the last two axes, which are kept with size 1."""


def matrix_norm(
    x: ArrayLike, ord: Any = "fro", axis: Sequence[int] = (-2, -1), keepdims: bool = False
) -> ndarray:
    """The norm of the matrices on two axes.

    ord: "fro" (the root of the sum of squares), "nuc" (the sum of singular values), 1 and -1 (the
    largest and smallest sum of sizes of a column), inf and -inf (of a row), 2 and -2 (the largest
    and smallest singular value). Raises ValueError for others.
    """
    values = floating(x)
    if ord not in _MATRIX:
        raise ValueError(f"ord is {ord!r}, expected one of {', '.join(map(str, _MATRIX))}")
    axes = axes_of(axis, values.ndim, "linalg.matrix_norm")
    if len(set(axes)) != 2:
        raise ValueError(f"matrices have two axes, not {axis}")
    rest = [i for i in range(values.ndim) if i not in axes]
    found = _MATRIX[ord](_np.transpose(values, (*rest, *axes)))
    sizes = enumerate(values.shape)
    return found.reshape(*(1 if i in axes else d for i, d in sizes if keepdims or i not in axes))


def norm(
    x: ArrayLike, ord: Any = None, axis: Axes | None = None, keepdims: bool = False
) -> ndarray:
    """The norm of a vector or matrix, as an array without axes if nothing else is asked for.

    Without `ord` the root of the sum of squares over `axis`, or over all elements. With it, one
    axis (or an array of one) means vectors and two mean matrices: see `vector_norm` and
    `matrix_norm`.
    """
    values = floating(x)
    if ord is None:
        return _euclidean(values, axis, keepdims)
    axes = axes_of(axis, values.ndim, "linalg.norm")
    if len(axes) == 1:
        return vector_norm(values, ord, axes, keepdims)
    if len(axes) == 2:
        return matrix_norm(values, ord, axes, keepdims)
    raise ValueError(f"ord={ord!r} needs one axis or two, not {len(axes)}")


def svdvals(a: ArrayLike) -> ndarray:
    """The singular values of matrices (..., m, n), descending."""
    found: Any = _ir.linalg_svd(floating(a))
    values: ndarray = found[1]
    return values


def matrix_rank(M: ArrayLike, rtol: Any = None, hermitian: bool = False,  # noqa: N803
                tol: Any = None) -> ndarray:  # fmt: skip
    """How many singular values of matrices count: those above rtol times the largest.

    rtol: by default the larger side times the precision. tol: an absolute bound instead.
    """
    x = floating(M)
    if x.ndim < 2:
        return _npx.cast(_np.not_equal(_np.max(_np.abs(x)), 0), dtype=i64)
    values = svdvals(x)
    sides: Any = x.shape[-2:]
    least = max(sides) * finfo(x).eps
    relative = _np.max(values, -1, True) * (least if rtol is None else _last(rtol))
    bound = relative if tol is None else _last(tol)
    return _np.sum(_np.greater(values, bound), -1, i64)


def _last(x: Any) -> Any:
    return x if isinstance(x, int | float) else _np.expand_dims(operand(x), -1)


def cond(x: ArrayLike, p: Any = None) -> ndarray:
    """The condition number of matrices: the norm times that of the inverse, by any `matrix_norm`.

    By default that of the singular values, the largest over the smallest.
    """
    a = floating(x)
    if p in (None, 2, -2):
        values = svdvals(a)
        high, low = _np.max(values, -1), _np.min(values, -1)
        return low / high if p == -2 else high / low
    return matrix_norm(a, p) * matrix_norm(_ir.linalg_inv(a), p)
