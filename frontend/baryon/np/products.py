"""Products of arrays, diagonals and triangles in the main namespace of `mx.np`.

Operands of different element types meet in their common one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored, wrap
from baryon.array.indexing import slice_attrs
from baryon.array.types import ArrayLike
from baryon.ir import Dim, IRTypeError, dim_prod
from baryon.np.arguments import axes_of, common, only, operand

_np, _npx = Ops("np"), Ops("npx")


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[ndarray, ndarray]:
    x, y = common(operand(a), operand(b))
    return x, y


def vdot(a: ArrayLike, b: ArrayLike) -> ndarray:
    """The sum of the products of all elements, in order."""
    x, y = _pair(a, b)
    return _np.matmul(x.reshape(-1), y.reshape(-1))


def inner(a: ArrayLike, b: ArrayLike) -> ndarray:
    """The sums of products over the last axes; scalars multiply."""
    x, y = _pair(a, b)
    if not x.ndim or not y.ndim:
        return _np.multiply(x, y)
    return tensordot(x, y, ((-1,), (-1,)))


def outer(a: ArrayLike, b: ArrayLike, out: ndarray | None = None) -> ndarray:
    """Every element of one array times every element of the other, as a matrix."""
    x, y = _pair(a, b)
    return stored(_np.multiply(x.reshape(-1, 1), y.reshape(1, -1)), out)


def tensordot(a: ArrayLike, b: ArrayLike, axes: Any = 2) -> ndarray:
    """The sums of products over pairs of axes.

    axes: the number of last axes of `a` and first axes of `b`, or the axes of each.
    """
    x, y = _pair(a, b)
    left, right = _contracted(x, y, axes)
    free_x = [i for i in range(x.ndim) if i not in left]
    free_y = [i for i in range(y.ndim) if i not in right]
    fold = dim_prod(tuple(x.shape[i] for i in left))
    rows, columns = ([v.shape[i] for i in f] for v, f in ((x, free_x), (y, free_y)))
    first = _np.transpose(x, (*free_x, *left)).reshape(dim_prod(tuple(rows)), fold)
    second = _np.transpose(y, (*right, *free_y)).reshape(fold, dim_prod(tuple(columns)))
    return _np.matmul(first, second).reshape(*rows, *columns)


def _contracted(x: ndarray, y: ndarray, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if hasattr(axes, "__index__"):
        count = int(axes)
        axes = (tuple(range(x.ndim - count, x.ndim)), tuple(range(count)))
    left, right = axes_of(axes[0], x.ndim, "tensordot"), axes_of(axes[1], y.ndim, "tensordot")
    if [x.shape[i] for i in left] != [y.shape[i] for i in right]:
        raise IRTypeError(
            f"np.tensordot: the axes {left} of {x.type} and {right} of {y.type} differ in size"
        )
    return left, right


def kron(a: ArrayLike, b: ArrayLike) -> ndarray:
    """The Kronecker product: every element of `a` times the whole of `b`, as one array."""
    x, y = _pair(a, b)
    rank = max(x.ndim, y.ndim)
    outer_shape, inner_shape = (_padded(v.shape, rank) for v in (x, y))
    first = x.reshape(*(d for s in outer_shape for d in (s, 1)))
    second = y.reshape(*(d for s in inner_shape for d in (1, s)))
    sizes = [dim_prod(pair) for pair in zip(outer_shape, inner_shape, strict=True)]
    return _np.multiply(first, second).reshape(*sizes)


def _padded(shape: Sequence[Dim], rank: int) -> tuple[Dim, ...]:
    return (*[1] * (rank - len(shape)), *shape)


def cross(a: ArrayLike, b: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> ndarray:  # fmt: skip
    """The vector products of vectors of 2 or 3 elements along the given axes.

    Two vectors of 2 elements give a number, the third element of the product.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = _pair(a, b)
    u, v = _components(x, axisa), _components(y, axisb)
    if len(u) == len(v) == 2:
        return u[0] * v[1] - u[1] * v[0]
    u, v = (w if len(w) == 3 else [*w, _np.zeros_like(w[0])] for w in (u, v))
    parts = [u[i] * v[j] - u[j] * v[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return _np.stack(parts, axis=axisc)


def _components(x: ndarray, axis: int) -> list[ndarray]:
    (at,) = axes_of(axis, x.ndim, "cross")
    size = x.shape[at]
    if size not in (2, 3):
        raise IRTypeError(f"np.cross: vectors have 2 or 3 elements, not {size}")
    parts: Any = _np.split(x, size, at)
    return [_np.squeeze(p, at) for p in parts]


def diagonal(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
    """The elements whose indices on two axes differ by `offset`, along a new last axis.

    Unlike NumPy's it is a copy.
    """
    x = operand(a)
    one, two = axes_of((axis1, axis2), x.ndim, "diagonal")
    if one == two:
        raise ValueError("axis1 and axis2 must differ")
    rest = [i for i in range(x.ndim) if i not in (one, two)]
    flat = _np.transpose(x, (*rest, one, two))
    flat = _np.reshape(flat, (*(x.shape[i] for i in rest), x.shape[one] * x.shape[two]))
    spans = [slice(None)] * len(rest) + [_diagonal_span(x.shape[one], x.shape[two], offset)]
    return _npx.slice(flat, **slice_attrs(spans))


def _diagonal_span(rows: Any, columns: Any, offset: int) -> slice:
    """Where a diagonal lies in a row-major matrix."""
    begin = offset if offset >= 0 else -offset * columns
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    return slice(begin, begin + count * (columns + 1), columns + 1) if count else slice(0, 0)


def trace(
    a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, out: ndarray | None = None
) -> ndarray:
    """The sums of diagonals; whole numbers keep their dtype."""
    found = diagonal(a, offset, axis1, axis2)
    return stored(_np.sum(found, -1, found.dtype), out)


def diag(v: ArrayLike, k: int = 0) -> ndarray:
    """The k-th diagonal of a matrix, or the matrix that has a vector on its k-th diagonal."""
    x = operand(v)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise IRTypeError(f"np.diag: v must be a vector or a matrix, not {x.type}")
    row = _np.pad(x, (max(k, 0), max(-k, 0)))  # element j of column j
    size = row.shape[0]
    on = wrap(numpy.eye(size, k=k, dtype=bool))  # type: ignore[arg-type]
    return _np.where(on, row.reshape(1, -1), _np.zeros_like(row[:1]))


def diagflat(v: ArrayLike, k: int = 0) -> ndarray:
    """The matrix that has all elements, in order, on its k-th diagonal."""
    return diag(operand(v).reshape(-1), k)


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[ndarray, ndarray]:
    """The indices of the elements at and below the k-th diagonal of an n by m matrix, as int64."""
    return _wrapped(numpy.tril_indices(n, k, m))


def triu_indices(
    n: int, k: int = 0, m: int | None = None, device: Any = None
) -> tuple[ndarray, ndarray]:
    """The indices of the elements at and above the k-th diagonal of an n by m matrix, as int64."""
    only(device=device)
    return _wrapped(numpy.triu_indices(n, k, m))


def tril_indices_from(arr: ArrayLike, k: int = 0) -> tuple[ndarray, ndarray]:
    """The indices of the elements at and below the k-th diagonal of a matrix."""
    rows, columns = operand(arr).shape
    return tril_indices(rows, k, columns)  # type: ignore[arg-type]


def triu_indices_from(arr: ArrayLike, k: int = 0) -> tuple[ndarray, ndarray]:
    """The indices of the elements at and above the k-th diagonal of a matrix."""
    rows, columns = operand(arr).shape
    return triu_indices(rows, k, columns)  # type: ignore[arg-type]


def _wrapped(pair: Any) -> tuple[ndarray, ndarray]:
    first, second = (wrap(numpy.ascontiguousarray(x, numpy.int64)) for x in pair)
    return first, second


def diag_indices_from(arr: ArrayLike) -> tuple[ndarray, ...]:
    """The indices of the main diagonal of an array whose axes are all of one size."""
    x = operand(arr)
    if x.ndim < 2 or len(set(x.shape)) != 1:
        raise ValueError(f"the axes must be two or more of one size, not {x.shape}")
    return (_np.arange(0, x.shape[0], 1, "int64"),) * x.ndim


def fill_diagonal(a: ndarray, val: ArrayLike, wrap: bool = False) -> None:
    """Write `val` to the main diagonal of an array, in place.

    wrap: begin a new diagonal below the end of one, in matrices with more rows than columns.
    """
    data = a.asnumpy()
    numpy.fill_diagonal(data, numpy.asarray(val), wrap)
    a[...] = data


PUBLIC: tuple[Callable[..., Any], ...] = (
    vdot, inner, outer, tensordot, kron, cross, diagonal, trace, diag, diagflat, tril_indices,
    triu_indices, tril_indices_from, triu_indices_from, diag_indices_from, fill_diagonal,
)  # fmt: skip
