"""Functions of `mx.np` that change shapes, join arrays and cut them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored
from baryon.array.indexing import broadcast
from baryon.array.types import ArrayLike, Axes, Shape
from baryon.ir import Dim, IRTypeError
from baryon.np.arguments import axes_of, common, only, operand
from baryon.ops.shapes import broadcast as common_shape

_np = Ops("np")


def shape(a: ArrayLike) -> tuple[Dim, ...]:
    """The sizes of the axes."""
    return operand(a).shape


def reshape(a: ArrayLike, newshape: Shape, order: str = "C") -> ndarray:
    """The elements in another shape.

    Codes: -1 the rest; -2 this axis as it is; -3 drop this axis of size 1; -4 all remaining axes;
    -5 merge two axes; -6 split an axis into the two numbers that follow.
    """
    only(order=order)
    return _np.reshape(a, newshape)


def ravel(x: ArrayLike, order: str = "C") -> ndarray:
    """The elements along one axis."""
    return reshape(x, -1, order)


def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> ndarray:
    """Two axes exchanged."""
    x = operand(a)
    first, second = axes_of((axis1, axis2), x.ndim, "swapaxes")
    order = [*range(x.ndim)]
    order[first], order[second] = second, first
    return _np.transpose(x, order)


def moveaxis(a: ArrayLike, source: Axes, destination: Axes) -> ndarray:
    """Axes moved to other places, the others in their order."""
    x = operand(a)
    taken = axes_of(source, x.ndim, "moveaxis")
    places = axes_of(destination, x.ndim, "moveaxis")
    if not len(set(taken)) == len(set(places)) == len(taken) == len(places):
        raise IRTypeError(
            f"np.moveaxis: source {source} and destination {destination} must name as many axes, "
            "each once"
        )
    order = [i for i in range(x.ndim) if i not in taken]
    for place, axis in sorted(zip(places, taken, strict=True)):
        order.insert(place, axis)
    return _np.transpose(x, order)


def rollaxis(a: ArrayLike, axis: int, start: int = 0) -> ndarray:
    """An axis moved back until it stands before the axis `start`."""
    x = operand(a)
    (at,) = axes_of(axis, x.ndim, "rollaxis")
    if not -x.ndim <= start <= x.ndim:
        raise IRTypeError(f"np.rollaxis: start {start} is outside [-{x.ndim}, {x.ndim}]")
    begin = start + x.ndim if start < 0 else start
    return moveaxis(x, at, begin - (at < begin))


def broadcast_arrays(*args: ArrayLike) -> list[ndarray]:
    """The arrays repeated to their common shape."""
    arrays = [operand(x) for x in args]
    target = common_shape("np.broadcast_arrays", *(x.shape for x in arrays))
    return [broadcast(x, target) for x in arrays]


def _at_least(arys: Sequence[ArrayLike], grow: Callable[[ndarray], ndarray]) -> Any:
    found = [grow(operand(x)) for x in arys]
    return found[0] if len(found) == 1 else found


def _one_axis(x: ndarray) -> ndarray:
    return x if x.ndim else x.reshape(1)


def _two_axes(x: ndarray) -> ndarray:
    return x if x.ndim > 1 else _np.expand_dims(_one_axis(x), axis=0)


def _three_axes(x: ndarray) -> ndarray:
    return x if x.ndim > 2 else _np.expand_dims(_two_axes(x), axis=2)


def atleast_1d(*arys: ArrayLike) -> ndarray | list[ndarray]:
    """Each array with one axis or more; a list if several are given."""
    return _at_least(arys, _one_axis)  # type: ignore[no-any-return]


def atleast_2d(*arys: ArrayLike) -> ndarray | list[ndarray]:
    """Each array with two axes or more, vectors as rows; a list if several are given."""
    return _at_least(arys, _two_axes)  # type: ignore[no-any-return]


def atleast_3d(*arys: ArrayLike) -> ndarray | list[ndarray]:
    """Each array with three axes or more: (n,) as (1, n, 1), (m, n) as (m, n, 1)."""
    return _at_least(arys, _three_axes)  # type: ignore[no-any-return]


def concatenate(
    seq: Sequence[ArrayLike], axis: int | None = 0, out: ndarray | None = None
) -> ndarray:
    """Arrays of one element type joined along an axis; as flat ones for None."""
    arrays = [operand(x) for x in seq]
    if axis is None:
        arrays, axis = [x.reshape(-1) for x in arrays], 0
    return stored(_np.concatenate(arrays, axis=axis), out)


def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> ndarray:
    """An array with values behind it along an axis; both flat for None."""
    return concatenate(common(operand(arr), operand(values)), axis)


def vstack(arrays: Sequence[ArrayLike], out: ndarray | None = None) -> ndarray:
    """Arrays joined along axis 0; vectors are rows."""
    return concatenate([_two_axes(operand(x)) for x in arrays], 0, out)


def row_stack(arrays: Sequence[ArrayLike]) -> ndarray:
    """The same as vstack."""
    return vstack(arrays)


def hstack(arrays: Sequence[ArrayLike]) -> ndarray:
    """Arrays joined along axis 1; vectors along their only axis."""
    parts = [_one_axis(operand(x)) for x in arrays]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1)


def dstack(arrays: Sequence[ArrayLike]) -> ndarray:
    """Arrays joined along axis 2; see atleast_3d for those that have no such axis."""
    return concatenate([_three_axes(operand(x)) for x in arrays], 2)


def column_stack(tup: Sequence[ArrayLike]) -> ndarray:
    """Arrays joined along axis 1; vectors are columns."""
    parts = [operand(x) for x in tup]
    return concatenate([x if x.ndim > 1 else x.reshape(-1, 1) for x in parts], 1)


def split(ary: ArrayLike, indices_or_sections: Axes, axis: int = 0) -> list[ndarray]:
    """A list of parts of equal size, or those between the given cuts."""
    parts: Any = _np.split(ary, indices_or_sections, axis)
    return list(parts) if isinstance(parts, tuple) else [parts]


def array_split(ary: ArrayLike, indices_or_sections: Axes, axis: int = 0) -> list[ndarray]:
    """As `split`, but the first parts may be larger by one than the others."""
    x = operand(ary)
    if not hasattr(indices_or_sections, "__index__"):
        return split(x, indices_or_sections, axis)
    (at,) = axes_of(axis, x.ndim, "array_split")
    size, count = int(str(x.shape[at])), int(indices_or_sections)
    if count < 1:
        raise IRTypeError(f"np.array_split: an axis does not split into {count} parts")
    large = size % count
    sizes = [size // count + 1] * large + [size // count] * (count - large)
    return split(x, numpy.cumsum(sizes[:-1]).tolist(), axis)


def hsplit(ary: ArrayLike, indices_or_sections: Axes) -> list[ndarray]:
    """Parts along axis 1; of a vector along its only axis."""
    x = operand(ary)
    return split(x, indices_or_sections, min(x.ndim - 1, 1))


def vsplit(ary: ArrayLike, indices_or_sections: Axes) -> list[ndarray]:
    """Parts along axis 0 of an array of two axes or more."""
    return split(_need_axes(ary, 2, "vsplit"), indices_or_sections, 0)


def dsplit(ary: ArrayLike, indices_or_sections: Axes) -> list[ndarray]:
    """Parts along axis 2 of an array of three axes or more."""
    return split(_need_axes(ary, 3, "dsplit"), indices_or_sections, 2)


def _need_axes(ary: ArrayLike, count: int, function: str) -> ndarray:
    x = operand(ary)
    if x.ndim < count:
        raise IRTypeError(f"np.{function}: the array must have {count} axes or more, not {x.type}")
    return x


PUBLIC: tuple[Callable[..., Any], ...] = (
    shape, reshape, ravel, swapaxes, moveaxis, rollaxis, broadcast_arrays, atleast_1d, atleast_2d,
    atleast_3d, concatenate, append, vstack, row_stack, hstack, dstack, column_stack, split,
    array_split, hsplit, vsplit, dsplit,
)  # fmt: skip
