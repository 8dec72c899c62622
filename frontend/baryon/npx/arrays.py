"""Functions of `mx.npx` that pick, place, cut and shape elements of arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy

from baryon.array import ndarray, wrap
from baryon.array.indexing import additem, broadcast, getitem, reshaped, setitem, whole
from baryon.array.types import ArrayLike, Axes, DTypeLike, Number, Shape
from baryon.np.searching import argwhere
from baryon.npx.common import array, cast, fail, ir, np, npx, refuse, sizes
from baryon.ops.manipulation import END
from baryon.ops.shapes import one_axis, write_shape
from baryon.ops.views import resolve_shape

_RETURNS = ("indices", "value", "mask", "both")


def reshape(a: ArrayLike, newshape: Shape, reverse: bool = False, order: str = "C") -> ndarray:
    """The elements in another shape; the codes are those of `np.reshape`.

    reverse: read the shape and its codes from the last axis to the first.
    """
    refuse("reshape", order=None if order == "C" else order)
    if not reverse:
        return np.reshape(a, newshape)
    x = array(a)
    codes = tuple(newshape) if isinstance(newshape, tuple | list) else (newshape,)
    backward = write_shape(codes[::-1])
    return reshaped(x, resolve_shape(x.shape[::-1], backward)[::-1])


def reshape_like(
    lhs: ArrayLike, rhs: ArrayLike, lhs_begin: int | None = None, lhs_end: int | None = None,
    rhs_begin: int | None = None, rhs_end: int | None = None,
) -> ndarray:  # fmt: skip
    """lhs with its axes [lhs_begin, lhs_end) in the shape of rhs's axes [rhs_begin, rhs_end)."""
    x, like = array(lhs), array(rhs)
    first, last, _ = slice(lhs_begin, lhs_end).indices(x.ndim)
    middle = like.shape[rhs_begin:rhs_end]
    return reshaped(x, (*x.shape[:first], *middle, *x.shape[max(first, last) :]))


def broadcast_like(
    lhs: ArrayLike, rhs: ArrayLike, lhs_axes: Axes | None = None, rhs_axes: Axes | None = None
) -> ndarray:
    """lhs repeated to the shape of rhs, or along some axes to the sizes of some of rhs."""
    x, like = array(lhs), array(rhs)
    if lhs_axes is None and rhs_axes is None:
        return broadcast(x, like.shape)
    left, right = _axes("broadcast_like", lhs_axes, x), _axes("broadcast_like", rhs_axes, like)
    if len(left) != len(right):
        fail("broadcast_like", f"lhs_axes {lhs_axes} and rhs_axes {rhs_axes} differ in number")
    shape = [*x.shape]
    for a, b in zip(left, right, strict=True):
        shape[a] = like.shape[b]
    return broadcast(x, shape)


def _axes(function: str, axes: Axes | None, x: ndarray) -> list[int]:
    if axes is None:
        return [*range(x.ndim)]
    given = axes if isinstance(axes, Sequence) else (axes,)
    return [one_axis(f"npx.{function}", a, x.ndim) for a in given]


def slice_like(data: ArrayLike, shape_like: ArrayLike, axes: Axes | None = None) -> ndarray:
    """The beginning of data, along some axes (by default all) as long as shape_like."""
    x, like = array(data), array(shape_like)
    chosen = _axes("slice_like", axes or None, x)
    if not axes and x.ndim != like.ndim:
        fail("slice_like", f"{x.type} and {like.type} differ in rank", "give axes")
    ends = [END] * x.ndim
    for axis in chosen:
        have, want = _known(x, axis), _known(like, axis)
        if want > have:
            fail("slice_like", f"axis {axis} of {x.type} is shorter than that of {like.type}")
        ends[axis] = want
    return npx.slice(x, begin=(0,) * x.ndim, end=tuple(ends))


def _known(x: ndarray, axis: int) -> int:
    return sizes("slice_like", x, "an array")[axis]


def slice_channel(
    data: ArrayLike, num_outputs: int, axis: int = 1, squeeze_axis: bool = False
) -> Any:
    """A list of equal parts along an axis, which `squeeze_axis` drops; of one part, that part."""
    parts: Any = np.split(data, num_outputs, axis)
    found = [*parts] if isinstance(parts, tuple) else [parts]
    found = [np.squeeze(p, axis=axis) for p in found] if squeeze_axis else found
    return found[0] if len(found) == 1 else found


def pad(
    data: ArrayLike, mode: str = "constant", pad_width: Sequence[int] = (),
    constant_value: Number = 0,
) -> ndarray:  # fmt: skip
    """Elements added around: `pad_width` is before and after of axis 0, of axis 1, and so on.

    mode: "constant", "edge", "reflect" or "symmetric".
    """
    return np.pad(data, tuple(pad_width), mode, constant_value)


def pick(
    data: ArrayLike, index: ArrayLike, axis: int = -1, mode: str = "clip", keepdims: bool = False
) -> ndarray:
    """One element along an axis for each position of the others.

    index: the shape of data without the axis, or with size 1. mode: indices out of range, "clip" or
    "wrap".
    """
    x, places = array(data), whole(array(index))
    at = one_axis("npx.pick", axis, x.ndim)
    if places.ndim == x.ndim - 1:
        places = np.expand_dims(places, axis=at)
    found = np.take_along_axis(x, places, axis=at, mode=mode)
    return found if keepdims else np.squeeze(found, axis=at)


def topk(
    data: ArrayLike, axis: int | None = -1, k: int = 1, ret_typ: str = "indices",
    is_ascend: bool = False, dtype: DTypeLike = "float32",
) -> Any:  # fmt: skip
    """The k largest elements along an axis, or of the flat array; all for k < 1.

    ret_typ: their "indices" (of the type `dtype`), their "value", a "mask" that is 1 where they
    are, or "both", the list of values and indices. is_ascend: the smallest ones instead. They come
    in order; of equal ones the first comes first.
    """
    if ret_typ not in _RETURNS:
        fail("topk", f"ret_typ is {ret_typ!r}, expected one of {_RETURNS}")
    x = array(data) if axis is not None else array(data).reshape(-1)
    at = one_axis("npx.topk", -1 if axis is None else axis, x.ndim)
    size = sizes("topk", x)[at]
    if k > size:
        fail("topk", f"k is {k}, but the axis has {size} elements")
    values, places = _best(x, at, k if k > 0 else size, is_ascend)
    if ret_typ == "mask":
        ones = np.ones(places.shape, x.dtype)
        hits = ir("scatter_add_along", places, ones, size=size, axis=at)
        return reshaped(hits, array(data).shape)
    indices = cast(places, dtype)
    return {"indices": indices, "value": values, "both": [values, indices]}[ret_typ]


def _best(x: ndarray, axis: int, k: int, ascending: bool) -> tuple[ndarray, ndarray]:
    """The first k elements in order along an axis, and their positions."""
    if k == 1:
        one = np.argmin if ascending else np.argmax
        place = one(x, axis=axis, keepdims=True)
        return np.take_along_axis(x, place, axis=axis), place
    results = ir("sort", x, axis=axis, descending=not ascending)
    begin, end = (0,) * (axis + 1), (*[END] * axis, k)
    values, places = (npx.slice(y, begin=begin, end=end) for y in results)
    return values, places


def gather_nd(data: ArrayLike, indices: ArrayLike) -> ndarray:
    """Elements of data at indices (M, ...), one row for each of its first M axes.

    The result has the shape indices.shape[1:] + data.shape[M:]. Negative indices count from the
    end; others out of range are an IndexError, and clipped in compiled code.
    """
    x = array(data)
    return getitem(x, _rows("gather_nd", x, indices))


def _rows(function: str, x: ndarray, indices: ArrayLike) -> tuple[Any, ...]:
    """The index along each of the first axes."""
    places = whole(array(indices))
    if not places.ndim or not isinstance(places.shape[0], int) or places.shape[0] > x.ndim:
        fail(function, f"indices {places.type} must have a row for each of some axes of {x.type}")
    return tuple(np.squeeze(p, axis=0) for p in _each(places))


def _each(x: ndarray) -> list[ndarray]:
    parts: Any = np.split(x, x.shape[0], 0)
    return [*parts] if isinstance(parts, tuple) else [parts]


def _at(function: str, a: ndarray, ind: ArrayLike) -> tuple[Any, ...]:
    places = whole(array(ind))
    return _rows(function, a, places if places.ndim > 1 else np.expand_dims(places, axis=0))


def index_add(a: ArrayLike, ind: ArrayLike, val: ArrayLike) -> ndarray:
    """A new array: a with values added to the elements at indices.

    ind: (M, n) with a row for each of the first M axes, or (n,) for axis 0. val broadcasts to
    (n, *a.shape[M:]). What goes to one element adds up.
    """
    x = array(a)
    return additem(x, _at("index_add", x, ind), array(val))


def index_update(a: ArrayLike, ind: ArrayLike, val: ArrayLike) -> ndarray:
    """A new array: a with values in place of the elements at indices; see `index_add`.

    Of several values for one element the last one stays.
    """
    x = array(a)
    return setitem(x, _at("index_update", x, ind), array(val))


def nonzero(a: ArrayLike) -> ndarray:
    """The indices of elements other than zero: one row of int64 for each, (n, axes)."""
    return argwhere(a)


def one_hot(
    data: ArrayLike, depth: int, on_value: Number = 1.0, off_value: Number = 0.0,
    dtype: DTypeLike = "float32",
) -> ndarray:  # fmt: skip
    """on_value at the position that each index names along a new last axis, else off_value."""
    return npx.one_hot(whole(array(data)), depth, on_value, off_value, dtype)


def arange_like(
    data: ArrayLike, start: float = 0.0, step: float = 1.0, repeat: int = 1, ctx: Any = None,
    axis: int | None = None,
) -> ndarray:  # fmt: skip
    """start, start + step, ... in the shape and dtype of data, or as long as one axis of it.

    repeat: how often each number comes.
    """
    x = array(data)
    shape = sizes("arange_like", x)
    kept = shape if axis is None else (shape[one_axis("npx.arange_like", axis, x.ndim)],)
    count = numpy.arange(int(numpy.prod(kept))) // repeat
    return wrap((start + step * count).reshape(kept).astype(x.dtype))


def shape_array(data: ArrayLike) -> ndarray:
    """The shape as an int64 vector."""
    return wrap(numpy.asarray(sizes("shape_array", array(data)), numpy.int64))


def norm(
    data: ArrayLike, ord: int = 2, axis: Axes | None = None, out_dtype: DTypeLike | None = None,
    keepdims: bool = False,
) -> ndarray:  # fmt: skip
    """The sum of absolute values (ord 1), or the root of the sum of squares (ord 2), along axes.

    Of all elements it has no axes.
    """
    if ord not in (1, 2):
        fail("norm", f"ord is {ord}, expected 1 or 2")
    x = array(data, out_dtype)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


def add_n(*args: ArrayLike) -> ndarray:
    """The sum of arrays of one shape; they may come as one list."""
    given = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
    if not given:
        fail("add_n", "there is nothing to add")
    return reduce(operator.add, map(array, given))


def broadcast_greater(lhs: ArrayLike, rhs: ArrayLike) -> ndarray:
    """1 where lhs is greater, else 0, in the dtype of lhs."""
    x = array(lhs)
    return cast(np.greater(x, rhs), x.dtype)


def batch_dot(
    a: ArrayLike, b: ArrayLike, transpose_a: bool = False, transpose_b: bool = False,
    forward_stype: str | None = "default",
) -> ndarray:  # fmt: skip
    """Matrix products of two stacks: (..., rows, k) and (..., k, columns) of one batch shape."""
    return npx.batch_dot(array(a), array(b), transpose_a, transpose_b)


PUBLIC: tuple[Callable[..., Any], ...] = (
    reshape, reshape_like, broadcast_like, slice_like, slice_channel, pad, pick, topk, gather_nd,
    index_add, index_update, nonzero, one_hot, arange_like, shape_array, norm, add_n,
    broadcast_greater, batch_dot,
)  # fmt: skip
