"""Functions of `mx.np` that fold axes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from baryon.array import Ops, ndarray, stored
from baryon.array.types import ArrayLike, Axes, DTypeLike
from baryon.ir import dim_prod, i64
from baryon.np.arguments import axes_of, common, float_dtype, operand

_np, _npx = Ops("np"), Ops("npx")


def _total_dtype(x: ndarray, dtype: DTypeLike | None) -> Any:
    """Sums and products keep the element type, but those of booleans are int64."""
    return dtype or (i64 if x.type.dtype.kind == "bool" else x.type.dtype)


def _chosen(x: ndarray, where: ArrayLike | None, neutral: float) -> ndarray:
    return x if where is None else _np.where(where, x, neutral)


def sum(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
        out: ndarray | None = None, keepdims: bool | None = None, initial: Any = None,
        where: ArrayLike | None = None) -> ndarray:  # fmt: skip
    """The sum along axes; whole numbers keep their dtype unless `dtype` is given.

    initial: added to the sum. where: the elements to sum, as booleans that broadcast to `a`.
    """
    x = operand(a)
    total = _np.sum(_chosen(x, where, 0), axis, _total_dtype(x, dtype), bool(keepdims))
    return stored(total if initial is None else total + initial, out)


def prod(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
         out: ndarray | None = None, keepdims: bool | None = False, initial: Any = None,
         where: ArrayLike | None = None) -> ndarray:  # fmt: skip
    """The product along axes; whole numbers keep their dtype unless `dtype` is given.

    initial: a factor of it. where: the elements to multiply, as booleans that broadcast to `a`.
    """
    x = operand(a)
    total = _np.prod(_chosen(x, where, 1), axis, _total_dtype(x, dtype), bool(keepdims))
    return stored(total if initial is None else total * initial, out)


def _as_float(a: ArrayLike, dtype: DTypeLike | None) -> ndarray:
    x = operand(a)
    wanted = dtype or float_dtype(x)
    return x if x.dtype == wanted else _npx.cast(x, dtype=wanted)


def mean(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
         out: ndarray | None = None, keepdims: bool = False) -> ndarray:  # fmt: skip
    """The mean along axes; of whole numbers it has the default floating type."""
    return stored(_np.mean(_as_float(a, dtype), axis, bool(keepdims)), out)


def var(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
        out: ndarray | None = None, correction: float = 0, keepdims: bool = False,
        ddof: float | None = None) -> ndarray:  # fmt: skip
    """The variance along axes: the sum of squares over n - correction. `ddof` is `correction`."""
    x = _as_float(a, dtype)
    scale = _unbias(x, axis, correction if ddof is None else ddof)
    result = _np.var(x, axis, bool(keepdims))
    return stored(result if scale == 1 else result * scale, out)


def std(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
        out: ndarray | None = None, correction: float = 0, keepdims: bool = False,
        ddof: float | None = None) -> ndarray:  # fmt: skip
    """The standard deviation along axes: the square root of `var`."""
    x = _as_float(a, dtype)
    scale = _unbias(x, axis, correction if ddof is None else ddof)
    result = _np.std(x, axis, bool(keepdims))
    return stored(result if scale == 1 else result * scale**0.5, out)


def _unbias(x: ndarray, axis: Axes | None, correction: float) -> float:
    """The variance's factor n / (n - correction); infinite or NaN where no freedom is left."""
    if not correction:
        return 1.0
    axes = axes_of(axis, x.ndim, "var")
    count = operator.index(dim_prod(tuple(x.shape[i] for i in axes)))  # type: ignore[arg-type]
    left = count - correction
    return count / left if left > 0 else float("nan")


def max(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """The largest element along axes."""
    return stored(_np.max(a, axis, bool(keepdims)), out)


def min(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """The smallest element along axes."""
    return stored(_np.min(a, axis, bool(keepdims)), out)


def argmax(a: ArrayLike, axis: int | None = None, out: ndarray | None = None,
           keepdims: bool = False) -> ndarray:  # fmt: skip
    """The index of the first largest element along an axis, as int64."""
    return stored(_np.argmax(a, axis, bool(keepdims)), out)


def argmin(a: ArrayLike, axis: int | None = None, out: ndarray | None = None,
           keepdims: bool = False) -> ndarray:  # fmt: skip
    """The index of the first smallest element along an axis, as int64."""
    return stored(_np.argmin(a, axis, bool(keepdims)), out)


def all(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """Whether all elements along axes are other than zero; True for none."""
    x = operand(a)
    zeros = _np.logical_not(x) if x.type.dtype.kind == "bool" else _np.equal(x, 0)
    return stored(_np.equal(_np.sum(zeros, axis, i64, bool(keepdims)), 0), out)


def any(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """Whether any element along axes is other than zero; False for none."""
    x = operand(a)
    others = x if x.type.dtype.kind == "bool" else _np.not_equal(x, 0)
    return stored(_np.greater(_np.sum(others, axis, i64, bool(keepdims)), 0), out)


def average(
    a: ArrayLike, axis: Axes | None = None, weights: ArrayLike | None = None,
    returned: bool = False, out: ndarray | None = None,
) -> Any:  # fmt: skip
    """The mean along axes, weighted if `weights` are given.

    weights: in the shape of `a`, or one for each index of the one axis.
    returned: return (average, sum of the weights).
    """
    x = operand(a)
    if weights is None:
        result = mean(x, axis)
        total = result * 0 + float(_count(x, axis)) if returned else result
    else:
        values, factors = common(x, _spread(operand(weights), x, axis))
        total = sum(factors, axis, float_dtype(values))
        result = sum(values * factors, axis, float_dtype(values)) / total
    stored(result, out)
    return (result, total) if returned else result


def _count(x: ndarray, axis: Axes | None) -> int:
    sizes = tuple(x.shape[i] for i in axes_of(axis, x.ndim, "average"))
    return operator.index(dim_prod(sizes))  # type: ignore[arg-type]


def _spread(weights: ndarray, x: ndarray, axis: Axes | None) -> ndarray:
    """The weights in the shape of x."""
    if weights.shape == x.shape:
        return weights
    axes = axes_of(axis, x.ndim, "average")
    if len(axes) != 1 or weights.ndim != 1 or axis is None:
        raise TypeError(
            f"weights of the shape {weights.shape} need one axis of an array of {x.shape}"
        )
    column = weights.reshape(*(-1 if i == axes[0] else 1 for i in range(x.ndim)))
    return _np.broadcast_to(column, x.shape)


PUBLIC: tuple[Callable[..., Any], ...] = (
    sum, prod, mean, var, std, max, min, argmax, argmin, all, any, average,
)  # fmt: skip
