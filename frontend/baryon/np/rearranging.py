"""Functions of `mx.np` that repeat, move, add and leave out elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy

from baryon.array import Ops, ndarray, wrap
from baryon.array.indexing import broadcast, numpy_key, reshaped
from baryon.array.types import ArrayLike, Axes, Shape
from baryon.ir import Dim, IRTypeError, UnsupportedError, dim_mul
from baryon.np.arguments import as_shape, axes_of, operand
from baryon.ops.manipulation import END

_np, _npx = Ops("np"), Ops("npx")


def tile(A: ArrayLike, reps: Axes) -> ndarray:  # noqa: N803
    """The array repeated as a whole, `reps` times along each axis."""
    x, counts = operand(A), as_shape(reps)
    rank = max(x.ndim, len(counts))
    x = reshaped(x, (*[1] * (rank - x.ndim), *x.shape))
    return _repeated(x, (*[1] * (rank - len(counts)), *counts), before=True)


def _repeated(x: ndarray, counts: Sequence[Any], *, before: bool) -> ndarray:
    """Each axis so many times as long: its elements as a whole (before), or each of them."""
    wide: list[Dim] = []
    shape: list[Dim] = []
    for size, count in zip(x.shape, counts, strict=True):
        if count < 0:
            raise IRTypeError(f"np.repeat: elements cannot be repeated {count} times")
        wide += [size] if count == 1 else [count, size] if before else [size, count]
        shape += [size] if count == 1 else [1, size] if before else [size, 1]
    final = [dim_mul(size, count) for size, count in zip(x.shape, counts, strict=True)]
    return reshaped(broadcast(reshaped(x, shape), wide), final)


def repeat(a: ArrayLike, repeats: Any, axis: int | None = None) -> ndarray:
    """Each element so many times in succession; the flat array for no axis.

    repeats: a number, or one for each element along the axis.
    """
    x = operand(a) if axis is not None else operand(a).reshape(-1)
    (at,) = axes_of(axis or 0, x.ndim, "repeat")
    counts = numpy.asarray(numpy_key(repeats)).astype(numpy.int64)
    if counts.size == 1:
        every = [1] * x.ndim
        every[at] = int(counts.reshape(()))
        return _repeated(x, every, before=False)
    places = numpy.repeat(numpy.arange(_size(x, at)), counts)
    return _np.take(x, places, axis=at)


def _size(x: ndarray, axis: int) -> int:
    size = x.shape[axis]
    if not isinstance(size, int):
        raise IRTypeError(f"axis {axis} of {x.type} has a symbolic size; it must be a number")
    return size


def flipud(m: ArrayLike) -> ndarray:
    """The elements along axis 0 in reverse order."""
    return _np.flip(m, axis=0)


def fliplr(m: ArrayLike) -> ndarray:
    """The elements along axis 1 in reverse order."""
    return _np.flip(m, axis=1)


def roll(a: ArrayLike, shift: Axes, axis: Axes | None = None) -> ndarray:
    """The elements shifted along axes; those that leave at the end come in at the beginning.

    The array counts as flat where no axis is given.
    """
    x = operand(a)
    if axis is None:
        return reshaped(roll(x.reshape(-1), shift, 0), x.shape)
    axes = axes_of(axis, x.ndim, "roll")
    shifts: Any = numpy.broadcast_to(numpy.asarray(shift), (len(axes),)) if axes else ()
    for at, count in zip(axes, shifts, strict=True):
        size = _size(x, at)
        by = int(count) % size if size else 0
        if by:
            parts = [_part(x, at, size - by, END), _part(x, at, 0, size - by)]
            x = _np.concatenate(parts, axis=at)
    return x


def _part(x: ndarray, axis: int, begin: int, end: int) -> ndarray:
    """x[begin:end] along one axis."""
    return _npx.slice(x, begin=(*[0] * axis, begin), end=(*[END] * axis, end))


def rot90(m: ArrayLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> ndarray:
    """A plane turned k times by 90 degrees, from the first axis towards the second."""
    x = operand(m)
    first, second = axes_of(axes, x.ndim, "rot90")
    if first == second:
        raise IRTypeError(f"np.rot90: the axes {axes} are the same")
    if k % 2 == 0:
        return _np.flip(x, axis=(first, second)) if k % 4 else x.copy()
    order = [*range(x.ndim)]
    order[first], order[second] = second, first
    turned = _np.transpose(x, order)
    return _np.flip(turned, axis=first if k % 4 == 1 else second)


def resize(a: ArrayLike, new_shape: Shape) -> ndarray:
    """The elements in another shape, repeated from the first one on if there are too few."""
    x, shape = operand(a).reshape(-1), as_shape(new_shape)
    wanted, have = prod(int(str(d)) for d in shape), _size(x, 0)
    if not have:
        return _np.zeros(shape, x.dtype)
    return reshaped(_part(tile(x, -(-wanted // have)), 0, 0, wanted), shape)


def pad(x: ArrayLike, pad_width: Any = None, mode: str = "constant", **kwargs: Any) -> ndarray:
    """Elements added around: `pad_width` is n, (before, after), or one such pair for each axis.

    mode: "constant" (the number `constant_values`, 0), "edge", "reflect", "symmetric", or "maximum"
    and "minimum" of the axis.
    """
    value = kwargs.pop("constant_values", 0)
    if kwargs or pad_width is None:
        what = "pad_width=None" if pad_width is None else f"{next(iter(kwargs))}="
        raise UnsupportedError(f"np.pad: {what} is not supported")
    array = operand(x)
    widths = numpy.broadcast_to(numpy.asarray(pad_width, numpy.int64), (array.ndim, 2))
    if mode in ("maximum", "minimum"):
        return _padded_by(array, widths.tolist(), _np.max if mode == "maximum" else _np.min)
    return _np.pad(array, widths.reshape(-1).tolist(), mode, value)


def _padded_by(x: ndarray, widths: Any, fold: Callable[..., ndarray]) -> ndarray:
    """Each axis in turn padded by a fold of its elements."""
    for axis, pair in enumerate(widths):
        edge = fold(x, axis=axis, keepdims=True)
        one = [1] * x.ndim
        around = [_repeated(edge, [*one[:axis], n, *one[axis + 1 :]], before=True) for n in pair]
        x = _np.concatenate([around[0], x, around[1]], axis=axis)
    return x


def tril(m: ArrayLike, k: int = 0) -> ndarray:
    """The elements at and below the k-th diagonal of the last two axes, zeros above."""
    x = operand(m)
    return _np.where(_below(x, k), x, _np.zeros((), x.dtype))


def triu(m: ArrayLike, k: int = 0) -> ndarray:
    """The elements at and above the k-th diagonal of the last two axes, zeros below."""
    x = operand(m)
    return _np.where(_below(x, k - 1), _np.zeros((), x.dtype), x)


def _below(x: ndarray, k: int) -> ndarray:
    """Where the last two axes are at or below a diagonal; a vector counts for each row."""
    if not x.ndim:
        raise IRTypeError(f"np.tril: the array must have an axis or more, not {x.type}")
    rows, columns = _size(x, max(x.ndim - 2, 0)), _size(x, x.ndim - 1)
    return wrap(numpy.tri(rows, columns, k, dtype=numpy.bool_))


def delete(arr: ArrayLike, obj: Any, axis: int | None = None) -> ndarray:
    """The array without the elements at an index, a slice, or several indices along an axis.

    The array counts as flat where no axis is given. IndexError for indices out of range.
    """
    x = operand(arr) if axis is not None else operand(arr).reshape(-1)
    (at,) = axes_of(axis or 0, x.ndim, "delete")
    kept = numpy.delete(numpy.arange(_size(x, at)), _places(obj))
    return _np.take(x, kept, axis=at)


def _places(obj: Any) -> Any:
    """What to delete or where to insert as NumPy takes it; TraceError for traced arrays."""
    return obj if isinstance(obj, slice) else numpy.asarray(numpy_key(obj))


def insert(arr: ArrayLike, obj: Any, values: ArrayLike, axis: int | None = None) -> ndarray:
    """The array with values inserted before an index, a slice of them, or several along an axis.

    The array counts as flat where no axis is given. IndexError for indices out of range.
    """
    x = operand(arr) if axis is not None else operand(arr).reshape(-1)
    (at,) = axes_of(axis or 0, x.ndim, "insert")
    size = _size(x, at)
    places = _places(obj)
    if isinstance(places, slice):
        places = numpy.arange(*places.indices(size))
    new = _inserted(x, at, places, _npx.cast(operand(values), dtype=x.dtype))
    order = numpy.insert(numpy.arange(size), places, size + numpy.arange(_size(new, at)))
    return _np.take(_np.concatenate([x, new], axis=at), order, axis=at)


def _inserted(x: ndarray, axis: int, places: Any, values: ndarray) -> ndarray:
    """The values in the shape of x but for the axis, along which they are one for each place."""
    count = places.size
    if count == 1:  # a block of any length goes to one place
        values = reshaped(values, (*[1] * (x.ndim - values.ndim), *values.shape))
        if not places.ndim and axis:
            order = [*range(1, axis + 1), 0, *range(axis + 1, x.ndim)]
            values = _np.transpose(values, order)
        count = _size(values, axis)
    return broadcast(values, (*x.shape[:axis], count, *x.shape[axis + 1 :]))


PUBLIC: tuple[Callable[..., Any], ...] = (
    tile, repeat, flipud, fliplr, roll, rot90, resize, pad, tril, triu, delete, insert,
)  # fmt: skip
