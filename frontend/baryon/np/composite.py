"""Functions of `mx.np` that change shapes: they arrange their arguments before they call ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from baryon.array import Ops, ndarray
from baryon.array.types import ArrayLike, Axes, Shape
from baryon.ir import Dim
from baryon.np.arguments import only
from baryon.np.arguments import operand as asarray

_np = Ops("np")


def shape(a: ArrayLike) -> tuple[Dim, ...]:
    """The sizes of the axes."""
    return asarray(a).shape


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
    array = asarray(a)
    order = [*range(array.ndim)]
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _np.transpose(array, order)


def moveaxis(a: ArrayLike, source: Axes, destination: Axes) -> ndarray:
    """Axes moved to other places, the others in their order."""
    x = asarray(a)
    placeholder = numpy.broadcast_to(numpy.int8(0), tuple(range(2, 2 + x.ndim)))
    moved = numpy.moveaxis(placeholder, source, destination).shape
    return x.transpose(*(size - 2 for size in moved))


def split(ary: ArrayLike, indices_or_sections: Axes, axis: int = 0) -> list[ndarray]:
    """A list of parts of equal size, or those between the given cuts."""
    parts: Any = _np.split(ary, indices_or_sections, axis)
    return list(parts) if isinstance(parts, tuple) else [parts]


def pad(
    x: ArrayLike, pad_width: int | Sequence[Any], mode: str = "constant", **kwargs: Any
) -> ndarray:
    """Elements added around: `pad_width` is n, (before, after), or one such pair for each axis.

    constant_values: one number, for mode "constant".
    """
    value = kwargs.pop("constant_values", 0)
    only(**kwargs)
    rank = asarray(x).ndim
    widths = numpy.broadcast_to(numpy.asarray(pad_width, numpy.int64), (rank, 2))
    return _np.pad(x, widths.reshape(-1).tolist(), mode, value)


PUBLIC = (shape, reshape, ravel, swapaxes, moveaxis, split, pad)
