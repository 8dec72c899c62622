"""What an index means: NumPy's rules for integers, slices, None, Ellipsis, arrays and masks.

A key is read against the shape that it indexes and becomes two steps. The first, `Steps`, is basic:
it slices axes, drops axes and inserts axes. The second, `Look`, looks elements up at integer
arrays along some of the axes that the first one leaves.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.array.base import ArrayBase
from baryon.array.calls import op
from baryon.ir import Array, Dim, IRTypeError, Sym, caller_loc


@dataclass(frozen=True)
class Steps:
    """What a basic index does, in order: slice each axis, drop axes, insert axes."""

    slices: tuple[slice, ...]
    dropped: tuple[int, ...]
    inserted: tuple[int, ...]

    @property
    def cuts(self) -> bool:
        """True when the slices take less than everything, or reverse."""
        return any(s != slice(None) for s in self.slices)


@dataclass(frozen=True)
class Look:
    """Index arrays: each with the axis that it indexes, in ascending order.

    Axes are those after the basic step. apart: something stands between the arrays of the key, so
    that the axes that they make come first in the result.
    """

    axes: tuple[int, ...]
    arrays: tuple[Array | ArrayBase, ...]
    apart: bool


def is_basic(key: Any) -> bool:
    """True for keys of integers, slices, None and Ellipsis alone."""
    return all(map(_is_basic, key)) if isinstance(key, tuple) else _is_basic(key)


def _is_basic(part: Any) -> bool:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return True
    return _is_integer(part)


def _is_integer(part: Any) -> bool:
    """True for numbers: not bools, and of arrays those without axes whose element is known."""
    if isinstance(part, bool | np.bool_) or not hasattr(part, "__index__"):
        return False
    if getattr(part, "shape", ()) != ():
        return False
    return not isinstance(part, ArrayBase) or (not part.is_traced and part.dtype.kind in "iu")


def plan(key: Any, shape: Sequence[Dim]) -> Steps:
    """The steps of a basic key on an array of this shape; IndexError where it does not fit."""
    return read(key, shape)[0]


def read(key: Any, shape: Sequence[Dim]) -> tuple[Steps, Look | None]:
    """The two steps of a key on an array of this shape; the second is None for a basic key.

    Raises IndexError where the key does not fit, IRTypeError for a position along a symbolic axis.
    """
    parts = [p for part in (key if isinstance(key, tuple) else (key,)) for p in _indices(part)]
    reader = _Reader(shape, looks=any(isinstance(p, _Index) for p in parts))
    for part in _complete(parts, len(shape)):
        reader.take(part)
    return reader.result(parts)


@dataclass(frozen=True)
class _Index:
    """An array in a key. size: what the axis must have, for a mask; inserts: makes its own axis."""

    array: Array | ArrayBase
    size: Dim | None = None
    inserts: bool = False


def _indices(part: Any) -> list[Any]:
    """A part of a key: integers as `int`, arrays as `_Index`, masks as one for each axis."""
    if _is_basic(part):
        return [operator.index(part)] if _is_integer(part) else [part]
    array: Array | ArrayBase = _array(part)
    if array.dtype == np.bool_:
        return _positions(array)
    if array.dtype.kind not in "iu":
        raise IndexError(f"arrays used as indices must be whole numbers or bool, not {array.dtype}")
    return [_Index(array)]


def whole(indices: Any) -> Any:
    """Indices of ours as whole numbers: floats, which arrays are by default, are cut."""
    return op("npx.cast")(indices, dtype="int64") if indices.type.dtype.is_float else indices


def _array(part: Any) -> Array | ArrayBase:
    """An array in a key: NumPy's where the elements are known, else ours."""
    if isinstance(part, ArrayBase):
        places: ArrayBase = whole(part)
        return places if part.is_traced else places.elements("", "")
    if not isinstance(part, list | range | bool | np.bool_) and not hasattr(part, "__array__"):
        raise IndexError(
            f"{part!r} is no index: use integers, slices, None, ..., and arrays or lists of whole "
            "numbers or bool"
        )
    array = np.asarray(part)
    return array.astype(np.int64) if isinstance(part, list) and not array.size else array


def _positions(mask: Array | ArrayBase) -> list[_Index]:
    """Where a mask holds; one without axes makes an axis of size 1 or 0."""
    if isinstance(mask, ArrayBase):
        return _traced_positions(mask)
    if not mask.ndim:
        return [_Index(np.zeros(int(mask), np.int64), inserts=True)]
    return [_Index(p, n) for p, n in zip(mask.nonzero(), mask.shape, strict=True)]


def _traced_positions(mask: ArrayBase) -> list[_Index]:
    """The same for a mask that a graph computes: how many there are is a symbol."""
    if not mask.ndim:
        places: ArrayBase = op("ir.nonzero")(op("np.reshape")(mask, newshape=(1,)))[0]
        return [_Index(op("np.squeeze")(places, axis=(1,)), inserts=True)]
    places = op("ir.nonzero")(mask)[0]
    columns = [op("np.take")(places, axis, axis=1) for axis in range(mask.ndim)]
    return [_Index(p, n) for p, n in zip(columns, mask.shape, strict=True)]


def _complete(parts: Sequence[Any], rank: int) -> list[Any]:
    """The key with as many full slices in place of its Ellipsis as the rank needs."""
    free = [p is None or p is Ellipsis or (isinstance(p, _Index) and p.inserts) for p in parts]
    used = free.count(False)
    if used > rank:
        raise IndexError(f"too many indices: the array has {rank} axes, but {used} are indexed")
    if sum(p is Ellipsis for p in parts) > 1:
        raise IndexError("an index can have one Ellipsis ('...') only")
    full = [slice(None)] * (rank - used)
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), None)
    return [*parts, *full] if at is None else [*parts[:at], *full, *parts[at + 1 :]]


class _Reader:
    """Goes through the parts of a key; looks: there are arrays, so that integers count as such."""

    def __init__(self, shape: Sequence[Dim], looks: bool) -> None:
        self.shape, self.looks = shape, looks
        self.slices: list[slice] = []
        self.dropped: list[int] = []
        self.inserted: list[int] = []
        self.found: list[tuple[int, Array | ArrayBase]] = []

    def take(self, part: Any) -> None:
        """Read the next part."""
        at = len(self.slices) - len(self.dropped) + len(self.inserted)
        if part is None:
            self.inserted.append(at)
        elif isinstance(part, _Index):
            self._look(part, at)
        elif isinstance(part, slice):
            self.slices.append(part)
        elif self.looks:
            self._look(_Index(np.asarray(part)), at)
        else:
            self.dropped.append(len(self.slices))
            self.slices.append(_one(part, len(self.slices), self._size()))

    def _size(self) -> Dim:
        return self.shape[len(self.slices)]

    def _look(self, index: _Index, at: int) -> None:
        axis = len(self.slices)
        size = 1 if index.inserts else self._size()
        if index.size not in (None, size):
            raise IndexError(f"a mask of size {index.size} indexes axis {axis} of size {size}")
        if index.inserts:
            self.inserted.append(at)
        else:
            self.slices.append(slice(None))
        self.found.append((at, _from_front(index.array, axis, size)))

    def result(self, parts: Sequence[Any]) -> tuple[Steps, Look | None]:
        """The two steps; parts: the key before its Ellipsis was replaced."""
        steps = Steps(tuple(self.slices), tuple(self.dropped), tuple(self.inserted))
        if not self.found:
            return steps, None
        at = [i for i, p in enumerate(parts) if isinstance(p, _Index | int)]
        axes, arrays = zip(*self.found, strict=True)
        return steps, Look(axes, arrays, apart=at[-1] - at[0] >= len(at))


def _one(index: int, axis: int, size: Dim) -> slice:
    """The slice that holds one element."""
    if isinstance(size, Sym):
        raise IRTypeError(
            f"index {index} on axis {axis}, whose size is the symbol {size}",
            where=str(caller_loc("baryon")),
            hint="index other axes, or trace with a fixed size",
        )
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")
    index %= size
    return slice(index, index + 1)


def _from_front(array: Array | ArrayBase, axis: int, size: Dim) -> Array | ArrayBase:
    """Known indices as int64 in [0, size); IndexError for others. Unknown ones stay."""
    if isinstance(array, ArrayBase) or isinstance(size, Sym):
        return array
    places = array.astype(np.int64)
    wrong = places[(places < -size) | (places >= size)]
    if wrong.size:
        raise IndexError(f"index {wrong[0]} is out of bounds for axis {axis} with size {size}")
    return np.where(places < 0, places + size, places)
