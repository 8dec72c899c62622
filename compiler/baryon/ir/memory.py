"""How values lie in memory: strides and extents that follow from a type's layout."""

from __future__ import annotations

from collections.abc import Sequence

from baryon.ir.diagnostics import UnsupportedError
from baryon.ir.types import Dim, Layout, Sym, TensorType


def memory_order(type: TensorType) -> tuple[int, ...]:
    """Logical axes from the outermost in memory to the innermost."""
    return tuple(range(type.rank)) if type.layout is None else Layout.order(type.rank)


def strides(type: TensorType) -> tuple[int, ...]:
    """Elements between neighbours along each logical axis.

    UnsupportedError where a symbolic dimension is not the outermost in memory.
    """
    result = [0] * type.rank
    step = 1
    for axis in reversed(memory_order(type)):
        result[axis] = step
        step *= _pitch(type, axis, step) or _size(type, axis)
    return tuple(result)


def _pitch(type: TensorType, axis: int, step: int) -> int | None:
    is_channel_row = type.layout is not None and axis == memory_order(type)[-1]
    return type.layout.pitch if type.layout and is_channel_row and step == 1 else None


def _size(type: TensorType, axis: int) -> int:
    dim = type.shape[axis]
    if isinstance(dim, int):
        return dim
    if axis != memory_order(type)[0]:
        raise UnsupportedError(
            f"{type}: only the outermost dimension in memory may be symbolic",
            hint="give the other dimensions fixed sizes",
        )
    return dim.factor


def extent(type: TensorType, sizes: Sequence[int] | None = None) -> int:
    """Elements from the first to behind the last one, gaps included; 0 for an empty value.

    sizes: the shape with symbols bound; the type's own shape if it is static.
    """
    shape = type.static_shape if sizes is None else tuple(sizes)
    if 0 in shape:
        return 0
    return 1 + sum((d - 1) * s for d, s in zip(shape, strides(type), strict=True))


def rows(type: TensorType) -> tuple[str | None, int]:
    """The value as a matrix of memory: (symbol of the rows or None, elements per row).

    A value with the symbolic outer dimension `4*N` is N rows; a static value is one row.
    """
    order = memory_order(type)
    outer: Dim = type.shape[order[0]] if order else 1
    if isinstance(outer, Sym):
        return outer.name, strides(type)[order[0]] * outer.factor
    return None, max(extent(type), 0)
