"""Functions of `mx.np` that look elements up, search, sort, and count them as sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from baryon.array import Ops, ndarray, op, stored
from baryon.array.host import on_host
from baryon.array.indexing import broadcast, whole
from baryon.array.types import ArrayLike, DTypeLike, Shape
from baryon.np.arguments import as_shape, axes_of, operand
from baryon.np.distinct import distinct
from baryon.ops.shapes import broadcast as common_shape

_np = Ops("np")


def indices_of(x: ArrayLike) -> Any:
    """Indices as whole numbers: arrays are floats unless told otherwise, so floats are cut."""
    return whole(operand(x))


def take(
    a: ArrayLike, indices: ArrayLike, axis: int | None = None, mode: str = "raise",
    out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """The elements at indices along an axis, or of the flat array.

    mode: what happens to indices out of range. "raise": negative ones count from the end, others
    are an IndexError (compiled: the last element); "clip": the nearest; "wrap": around.
    """
    return stored(_np.take(a, indices_of(indices), axis=axis, mode=mode), out)


def take_along_axis(arr: ArrayLike, indices: ArrayLike, axis: int | None) -> ndarray:
    """The elements along an axis, at one index for each element of the result.

    The other axes of both arrays broadcast; no axis takes the array as flat.
    """
    x, places = operand(arr), indices_of(indices)
    if axis is None:
        x, axis = x.reshape(-1), 0
    (at,) = axes_of(axis, x.ndim, "take_along_axis")
    others = [(*v.shape[:at], 1, *v.shape[at + 1 :]) for v in (x, places)]
    shape = common_shape("np.take_along_axis", *others)
    data, where = (broadcast(v, (*shape[:at], v.shape[at], *shape[at + 1 :])) for v in (x, places))
    return _np.take_along_axis(data, where, axis=at)


def where(condition: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None) -> Any:
    """x where the condition holds, else y; with a condition alone, `nonzero` of it."""
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("np.where takes both x and y, or none of them")
    return _np.where(condition, x, y)


def nonzero(a: ArrayLike) -> tuple[ndarray, ...]:
    """The indices of elements other than zero: one int64 vector for each axis."""
    x = _no_gradient(a)
    places: Any = argwhere(x if x.ndim else x.reshape(1))
    return tuple(places[:, axis] for axis in range(max(x.ndim, 1)))


def flatnonzero(a: ArrayLike) -> ndarray:
    """The indices of elements other than zero in the flat array."""
    return nonzero(operand(a).reshape(-1))[0]


def argwhere(a: ArrayLike) -> ndarray:
    """The indices of elements other than zero: one row of int64 for each of them."""
    x = _no_gradient(a)
    found: Any = op("ir.nonzero")(x if x.ndim else x.reshape(1))
    places: ndarray = found[0]
    return places if x.ndim else places[:, :0]


def _no_gradient(a: ArrayLike) -> ndarray:
    """The array, cut off from the tape: indices have no gradient in any case."""
    return operand(a).detach()


def _sorted(a: ArrayLike, axis: int | None, descending: bool) -> tuple[ndarray, ndarray]:
    x = operand(a)
    if axis is None:
        x, axis = x.reshape(-1), -1
    results: Any = op("ir.sort")(x, axis=axis, descending=bool(descending))
    values, positions = results
    return values, positions


def sort(
    a: ArrayLike, axis: int | None = -1, descending: bool = False, stable: bool = True
) -> ndarray:
    """The elements in order along an axis, or of the flat array; NaN counts as the largest.

    The order is always stable.
    """
    return _sorted(a, axis, descending)[0]


def argsort(
    a: ArrayLike, axis: int | None = -1, descending: bool = False, stable: bool = True
) -> ndarray:
    """The positions of the elements in order along an axis, as int64; see `sort`."""
    return _sorted(a, axis, descending)[1]


def cumsum(
    a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None,
    out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """Running sums along an axis, or of the flat array; whole numbers keep their dtype."""
    x = operand(a)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return stored(_np.cumsum(x, axis=axis, dtype=dtype), out)


def unravel_index(indices: ArrayLike, shape: Shape, order: str = "C") -> tuple[Any, ...]:
    """The indices along each axis of an array of a shape, for indices into its flat elements.

    order: "C" the last axis is the fastest, "F" the first. ValueError for known indices out of
    range.
    """
    sizes = tuple(int(str(d)) for d in as_shape(shape))
    places = indices_of(indices)
    if not places.is_traced:
        found = on_host("np.unravel_index", numpy.unravel_index, (places, sizes, order), {})
        return tuple(found)
    parts = []
    for size in sizes if order == "F" else reversed(sizes):
        parts.append(_np.mod(places, size))
        places = _np.floor_divide(places, size)
    return tuple(parts if order == "F" else parts[::-1])


class UniqueAll(NamedTuple):
    """Different elements, the first position of each, and where each element is among them."""

    values: ndarray
    indices: ndarray
    inverse_indices: ndarray
    counts: ndarray


class UniqueInverse(NamedTuple):
    """Different elements, and where each element is among them."""

    values: ndarray
    inverse_indices: ndarray


def unique(
    ar: ArrayLike, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None,
) -> Any:  # fmt: skip
    """The different elements in order, or the different slices along an axis.

    Asked for, a tuple with them holds also the first position of each, the position of every
    element among them (flat), and how often each is there. They have no gradient.
    """
    asked = (return_index, return_inverse, return_counts)
    if operand(ar).is_traced:
        return _unique_of_a_graph(operand(ar), asked, axis)
    found = on_host("np.unique", numpy.unique, (operand(ar), *asked, axis), {})
    if not any(asked):
        return found
    return tuple(
        x.reshape(-1) if i == 1 + return_index and return_inverse else x
        for i, x in enumerate(found)
    )


def _unique_of_a_graph(x: ndarray, asked: tuple[bool, ...], axis: int | None) -> Any:
    values, *others = distinct(x.detach(), axis)
    if not any(asked):
        return values
    return (values, *(y for y, wanted in zip(others, asked, strict=True) if wanted))


def unique_all(x: ArrayLike) -> UniqueAll:
    """The different elements, first positions, positions among them (in x's shape), and counts."""
    array = operand(x)
    values, indices, inverse, counts = unique(array, True, True, True)
    return UniqueAll(values, indices, inverse.reshape(*array.shape), counts)


def unique_inverse(x: ArrayLike) -> UniqueInverse:
    """The different elements, and the position of each element among them, in x's shape."""
    array = operand(x)
    values, inverse = unique(array, return_inverse=True)
    return UniqueInverse(values, inverse.reshape(*array.shape))


def unique_values(x: ArrayLike) -> ndarray:
    """The different elements in order."""
    found: ndarray = unique(x)
    return found


PUBLIC: tuple[Callable[..., Any], ...] = (
    take, take_along_axis, where, nonzero, flatnonzero, argwhere, sort, argsort, cumsum,
    unravel_index, unique, unique_all, unique_inverse, unique_values,
)  # fmt: skip
