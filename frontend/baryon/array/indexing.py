"""Indexing and assignment to elements as op calls, so that they are recorded and differentiated.

Index arrays become one `np.take` along one axis: the axes that they index are brought together and
merged, and so are the indices. Assignment undoes the same steps: elements are scattered along that
axis, and what was sliced off is put back by `ir.slice_assign`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from baryon.array.base import ArrayBase, recorder
from baryon.array.calls import op, wrap
from baryon.array.keys import Look, Steps, is_basic, plan, read, whole
from baryon.array.tape import is_recording
from baryon.ir import Array, Dim, Sym, dim_prod
from baryon.ops.manipulation import END
from baryon.ops.shapes import write_shape

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray

A = TypeVar("A")

__all__ = [
    "additem",
    "apply",
    "getitem",
    "is_basic",
    "numpy_key",
    "plan",
    "setitem",
    "slice_attrs",
    "whole",
]


def getitem(x: ndarray, key: Any) -> ndarray:
    """The elements at a key, in memory of their own. See `keys.read` for the errors."""
    if _is_plain(x) and not _has_traced(key):
        return wrap(np.array(x.elements("", "")[numpy_key(key)], order="C"))
    steps, look = read(key, x.shape)
    found = apply(steps, x, op)
    return _Merged(found, look).taken() if look else found


def setitem(x: ndarray, key: Any, value: Any) -> ndarray:
    """x with a value in place of the elements at a key, as a new array.

    The value is converted to x's element type and broadcast. Of several values for one element the
    last one stays. A mask of a trace is allowed with one value for all elements. Raises what
    `keys.read` does, and IRTypeError for a value of the wrong shape.
    """
    new = _like(value, x)
    if _is_traced_mask(key) and new.ndim == 0:
        mask = op("np.expand_dims")(key, axis=tuple(range(key.ndim, x.ndim)))
        return op("np.where")(mask, new, x)
    steps, look = read(key, x.shape)
    if look is None:
        return _assigned(x, steps, new)
    merged = _Merged(apply(steps, x, op), look)
    return _assigned(x, steps, merged.replaced(new))


def additem(x: ndarray, key: Any, value: Any) -> ndarray:
    """x with a value added to the elements at index arrays on its first axes, as a new array.

    Values for one element add up, in the order of the indices. Otherwise as `setitem`.
    """
    _, look = read(key, x.shape)
    assert look is not None, "a key of index arrays"
    return op("np.add")(x, _Merged(x, look).scattered(_like(value, x)))


def numpy_key(key: Any) -> Any:
    """The key as NumPy takes it: arrays of ours become NumPy's; TraceError for traced ones."""
    if isinstance(key, tuple):
        return tuple(map(_numpy_part, key))
    return _numpy_part(key)


def _numpy_part(part: Any) -> Any:
    if isinstance(part, ArrayBase):
        hint = "use np.where or npx.index_update"
        return whole(part).elements("an index of this operation", hint)
    return np.asarray(part, np.int64) if isinstance(part, list) and not part else part


def _is_plain(x: ArrayBase) -> bool:
    """Whether nothing records what is computed from x."""
    return not x.is_traced and recorder() is None and not (is_recording() and x.needs_gradient)


def _has_traced(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(p, ArrayBase) and p.is_traced for p in parts)


def _is_traced_mask(key: Any) -> bool:
    return isinstance(key, ArrayBase) and key.is_traced and key.dtype == np.bool_


def slice_attrs(slices: Sequence[slice]) -> dict[str, tuple[int, ...]]:
    """The attributes of `npx.slice` for one slice of each axis; open ends become far ones."""
    steps = tuple(1 if s.step is None else operator.index(s.step) for s in slices)
    far = tuple(END if step > 0 else -END for step in steps)
    begin = (
        (0 if step > 0 else END) if s.start is None else operator.index(s.start)
        for s, step in zip(slices, steps, strict=True)
    )
    end = (
        e if s.stop is None else operator.index(s.stop) for s, e in zip(slices, far, strict=True)
    )
    return {"begin": tuple(begin), "end": tuple(end), "step": steps}


def apply(steps: Steps, x: A, op: Callable[[str], Callable[..., A]]) -> A:
    """Do the steps by op calls: `op("npx.slice")` is the call of that op."""
    if steps.cuts:
        x = op("npx.slice")(x, **slice_attrs(steps.slices))
    if steps.dropped:
        x = op("np.squeeze")(x, axis=steps.dropped)
    return op("np.expand_dims")(x, axis=steps.inserted) if steps.inserted else x


def _assigned(x: ndarray, steps: Steps, value: ndarray) -> ndarray:
    """x with a value in place of what the steps take."""
    attrs = slice_attrs(steps.slices)
    part = op("npx.slice")(x, **attrs) if steps.cuts else x
    kept = [d for i, d in enumerate(part.shape) if i not in steps.dropped]
    for at in steps.inserted:
        kept.insert(at, 1)
    shaped = reshaped(broadcast(value, kept), part.shape)
    return op("ir.slice_assign")(x, shaped, **attrs) if steps.cuts else shaped


def _like(value: Any, x: ndarray) -> ndarray:
    given: ndarray = value if isinstance(value, ArrayBase) else wrap(np.asarray(value))  # type: ignore[assignment]
    return given if given.dtype == x.dtype else op("npx.cast")(given, dtype=x.dtype)


def broadcast(x: ndarray, shape: Sequence[Dim]) -> ndarray:
    """x broadcast to a shape; its leading axes of size 1 may be too many, as in NumPy."""
    while x.ndim > len(shape) and x.shape[0] == 1:
        x = op("np.squeeze")(x, axis=0)
    return x if x.shape == (*shape,) else op("np.broadcast_to")(x, shape=write_shape(shape))


def reshaped(x: ndarray, shape: Sequence[Dim]) -> ndarray:
    """The elements of x in another shape."""
    return x if x.shape == (*shape,) else op("np.reshape")(x, newshape=write_shape(shape))


@dataclass(frozen=True)
class _Merged:
    """An array whose indexed axes are one, and the index along it."""

    x: ndarray
    look: Look

    @property
    def _order(self) -> list[int]:
        """Axes with the indexed ones together: in front if the key has something between them."""
        axes, rank = self.look.axes, self.x.ndim
        if not self.look.apart:
            return [*range(rank)]
        return [*axes, *(a for a in range(rank) if a not in axes)]

    @property
    def axis(self) -> int:
        """Where the merged axis stands."""
        return 0 if self.look.apart else self.look.axes[0]

    def array(self) -> ndarray:
        """The array with one axis for all that are indexed."""
        shape = self._ordered_shape()
        end = self.axis + len(self.look.axes)
        merged = dim_prod(shape[self.axis : end])
        return reshaped(self._ordered(), (*shape[: self.axis], merged, *shape[end:]))

    def _ordered(self) -> ndarray:
        return op("np.transpose")(self.x, axes=self._order) if self._moves else self.x

    def _ordered_shape(self) -> tuple[Dim, ...]:
        return tuple(self.x.shape[a] for a in self._order)

    @property
    def _moves(self) -> bool:
        return self._order != [*range(self.x.ndim)]

    def index(self) -> Any:
        """The index along the merged axis."""
        sizes = [self.x.shape[a] for a in self.look.axes]
        return merge_indices(self.look.arrays, sizes)

    def taken(self) -> ndarray:
        """The elements at the index."""
        return op("np.take")(self.array(), self.index(), axis=self.axis)

    def scattered(self, value: ndarray) -> ndarray:
        """Zeros before merging, with a value added to the elements at the index."""
        array, index = self.array(), self.index()
        new = broadcast(value, self._taken_shape(array, index))
        size = array.shape[self.axis]
        attrs = {"size": size, "axis": self.axis, "mode": "raise"}
        return reshaped(op("ir.scatter_add")(index, new, **attrs), self.x.shape)

    def _taken_shape(self, array: ndarray, index: Any) -> tuple[Dim, ...]:
        return (*array.shape[: self.axis], *index.shape, *array.shape[self.axis + 1 :])

    def replaced(self, value: ndarray) -> ndarray:
        """The array before merging, with a value in place of the elements at the index."""
        array, index = self.array(), self.index()
        shape = self._taken_shape(array, index)
        new = op("ir.scatter")(array, index, broadcast(value, shape), axis=self.axis, mode="raise")
        order = self._order
        back = reshaped(new, self._ordered_shape())
        if not self._moves:
            return back
        return op("np.transpose")(back, axes=[order.index(a) for a in range(len(order))])


def merge_indices(
    arrays: Sequence[Array | ArrayBase], sizes: Sequence[Dim], mode: str = "raise"
) -> Any:
    """One index into the row-major order of axes with these sizes, for one index along each.

    Known indices are in range already. Sizes but for the first must be numbers.
    """
    if len(arrays) == 1:
        return arrays[0]
    total: Any = np.int64(0)
    is_ours = any(isinstance(a, ArrayBase) for a in arrays)
    add: Any = op("np.add") if is_ours else np.add
    multiply: Any = op("np.multiply") if is_ours else np.multiply
    for i, (array, size) in enumerate(zip(arrays, sizes, strict=True)):
        place = _counted(array, size) if mode == "raise" else array
        step = prod(int(str(d)) for d in sizes[i + 1 :])
        total = add(multiply(place, step), total)
    return total


def _counted(array: Array | ArrayBase, size: Dim) -> Any:
    """Indices of a trace counted from the front, and in range; known ones are that already."""
    if not isinstance(array, ArrayBase):
        return array
    wide = op("npx.cast")(array, dtype="int64")
    if isinstance(size, Sym):
        return wide
    front = op("np.where")(op("np.less")(wide, 0), op("np.add")(wide, size), wide)
    return op("np.clip")(front, a_min=0, a_max=size - 1)
