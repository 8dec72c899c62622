"""How values lie in memory: strides and extents that follow from a type's layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from baryon.ir.diagnostics import UnsupportedError
from baryon.ir.types import Dim, Layout, Sym, TensorType, dim_mul


def memory_order(type: TensorType) -> tuple[int, ...]:
    """Logical axes from the outermost in memory to the innermost."""
    return tuple(range(type.rank)) if type.layout is None else Layout.order(type.rank)


def strides(type: TensorType) -> tuple[int, ...]:
    """Elements between neighbours along each logical axis.

    UnsupportedError where a symbolic dimension is not the outermost in memory.
    """
    found = steps(type)
    if any(isinstance(step, Sym) for step in found):
        raise UnsupportedError(
            f"{type}: only the outermost dimension in memory may be symbolic",
            hint="give the other dimensions fixed sizes",
        )
    return tuple(step for step in found if isinstance(step, int))


def steps(type: TensorType) -> tuple[Dim, ...]:
    """The same, symbolic where a dimension that lies further in is.

    UnsupportedError for two symbolic dimensions.
    """
    result: list[Dim] = [0] * type.rank
    step: Dim = 1
    for axis in reversed(memory_order(type)):
        result[axis] = step
        size = _pitch(type, axis, step) or type.shape[axis]
        if isinstance(step, Sym) and isinstance(size, Sym):
            raise UnsupportedError(f"{type}: two of its dimensions are symbolic")
        step = dim_mul(step, size)
    return tuple(result)


def _pitch(type: TensorType, axis: int, step: Dim) -> int | None:
    is_channel_row = type.layout is not None and axis == memory_order(type)[-1]
    return type.layout.pitch if type.layout and is_channel_row and step == 1 else None


def extent(type: TensorType, sizes: Sequence[int] | None = None) -> int:
    """Elements from the first to behind the last one, gaps included; 0 for an empty value.

    sizes: the shape with symbols bound; the type's own shape if it is static.
    """
    shape = type.static_shape if sizes is None else tuple(sizes)
    if 0 in shape:
        return 0
    bound = replace(type, shape=shape)
    return 1 + sum((d - 1) * s for d, s in zip(shape, strides(bound), strict=True))


def rows(type: TensorType) -> tuple[str | None, int]:
    """The value as a matrix of memory: (symbol of the rows or None, elements per row).

    A value with the symbolic dimension `4*N` has as many elements as N rows, wherever the dimension
    stands; a static value is one row.
    """
    order = memory_order(type)
    if type.is_static:
        return None, max(extent(type), 0)
    total = dim_mul(steps(type)[order[0]], type.shape[order[0]])
    if isinstance(total, Sym):
        return total.name, total.factor
    return None, 0  # another dimension is 0
