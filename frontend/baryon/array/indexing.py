"""Indexing by integers, slices, None and Ellipsis, written in ops."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from baryon.ir import Dim, IRTypeError, Sym, caller_loc
from baryon.ops.manipulation import END

A = TypeVar("A")


@dataclass(frozen=True)
class Steps:
    """What an index does, in order: slice each axis, drop axes, insert axes."""

    slices: tuple[slice, ...]
    dropped: tuple[int, ...]
    inserted: tuple[int, ...]

    @property
    def cuts(self) -> bool:
        """True when the slices take less than everything, or reverse."""
        return any(s != slice(None) for s in self.slices)


def is_basic(key: Any) -> bool:
    """True for the keys that `plan` understands."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(
        p is None or p is Ellipsis or isinstance(p, slice)
        or (hasattr(p, "__index__") and not isinstance(p, bool) and not getattr(p, "shape", ()))
        for p in parts
    )  # fmt: skip


def plan(key: Any, shape: Sequence[Dim]) -> Steps:
    """The steps of a basic key on an array of this shape; IndexError where it does not fit."""
    parts = _complete(key if isinstance(key, tuple) else (key,), len(shape))
    slices: list[slice] = []
    dropped: list[int] = []
    inserted: list[int] = []
    for part in parts:
        if part is None:
            inserted.append(len(slices) - len(dropped) + len(inserted))
        elif isinstance(part, slice):
            slices.append(part)
        else:
            dropped.append(len(slices))
            slices.append(_one(operator.index(part), len(slices), shape[len(slices)]))
    return Steps(tuple(slices), tuple(dropped), tuple(inserted))


def _complete(parts: tuple[Any, ...], rank: int) -> list[Any]:
    """The key with as many full slices in place of its Ellipsis as the rank needs."""
    used = sum(p is not None and p is not Ellipsis for p in parts)
    if used > rank:
        raise IndexError(f"too many indices: the array has {rank} axes, but {used} are indexed")
    if sum(p is Ellipsis for p in parts) > 1:
        raise IndexError("an index can have one Ellipsis ('...') only")
    full = [slice(None)] * (rank - used)
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), None)
    if at is None:
        return [*parts, *full]
    return [*parts[:at], *full, *parts[at + 1 :]]


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


def numpy_key(key: Any) -> Any:
    """The key as NumPy takes it: arrays of ours become NumPy's."""
    parts = key if isinstance(key, tuple) else (key,)
    plain = tuple(p._data if hasattr(p, "_data") else p for p in parts)
    return plain if isinstance(key, tuple) else plain[0]


def getitem(x: Any, key: Any) -> Any:
    """The elements at a key, by op calls."""
    from baryon.array.calls import op

    if is_basic(key):
        return apply(plan(key, x.shape), x, op)
    return op("np.take")(x, key, axis=0)
