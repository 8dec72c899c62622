"""Iteration spaces: which element of each operand belongs to which position of a loop nest.

A `View` is how a kernel walks a buffer: sizes and element steps, transformed like a NumPy array
(sliced, transposed, broadcast) without touching memory. Axes that all operands walk alike are
merged, so that an element-wise kernel over equal layouts is one flat loop, and one with a
per-channel operand has two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from baryon.ir import Dim, IRTypeError, Sym, TensorType, dim_mul
from baryon.ir.memory import steps as element_steps
from baryon.ops.shapes import dim_add


@dataclass(frozen=True)
class View:
    """Elements of a buffer as an array: sizes, elements per step of each axis, first element."""

    shape: tuple[Dim, ...]
    steps: tuple[Dim, ...]
    offset: Dim = 0

    @staticmethod
    def of(type: TensorType) -> View:
        """A whole value in its logical axes."""
        return View(type.shape, element_steps(type))

    def transpose(self, axes: Sequence[int]) -> View:
        """Axes in another order."""
        shape, steps = [self.shape[a] for a in axes], [self.steps[a] for a in axes]
        return View(tuple(shape), tuple(steps), self.offset)

    def slice(self, axis: int, begin: int, count: Dim, step: int = 1) -> View:
        """`count` positions of an axis from `begin` on, `step` (which may be negative) apart."""
        shape, steps = list(self.shape), list(self.steps)
        shape[axis], steps[axis] = count, steps[axis] * step
        return View(tuple(shape), tuple(steps), self._moved(axis, begin))

    def split(self, axis: int, sizes: Sequence[int]) -> View:
        """One axis as several, the last fastest."""
        steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        return self.nest(axis, 0, sizes, steps)

    def nest(self, axis: int, begin: int, sizes: Sequence[int], steps: Sequence[int]) -> View:
        """One axis walked by several: positions begin + i*steps[0] + j*steps[1] and so on."""
        unit = self.steps[axis]
        shape = (*self.shape[:axis], *sizes, *self.shape[axis + 1 :])
        inner = (s * unit for s in steps)
        moved = (*self.steps[:axis], *inner, *self.steps[axis + 1 :])
        return View(shape, moved, self._moved(axis, begin))

    def _moved(self, axis: int, begin: int) -> Dim:
        """The offset of position `begin` of an axis."""
        return dim_add("a slice", [d for d in (self.offset, begin * self.steps[axis]) if d != 0])

    def insert(self, axis: int) -> View:
        """A new axis of size 1."""
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        return replace(self, shape=shape, steps=(*self.steps[:axis], 0, *self.steps[axis:]))

    def broadcast(self, domain: Sequence[Dim]) -> View:
        """The view that an element-wise op over `domain` has; IRTypeError where there is none."""
        missing = len(domain) - len(self.shape)
        own, steps = (1,) * missing + self.shape, (0,) * missing + self.steps
        if missing < 0 or any(d not in (1, n) for d, n in zip(own, domain, strict=True)):
            raise IRTypeError(f"{self.shape} does not broadcast to {list(map(str, domain))}")
        kept = tuple(0 if d == 1 else s for d, s in zip(own, steps, strict=True))
        return View(tuple(domain), kept, self.offset)


@dataclass(frozen=True)
class Space:
    """extents: loop sizes, outermost first. steps: per operand, elements per step of each loop."""

    extents: tuple[Dim, ...]
    steps: tuple[tuple[Dim, ...], ...]


def coalesce(
    extents: Sequence[Dim], steps: Sequence[tuple[Dim, ...]], symbolic: bool = False
) -> Space:
    """Merge neighbouring loops that every operand walks as one.

    symbolic: the outermost, symbolic loop too; else it stays alone, so that inner sizes are known.
    """
    kept: list[Dim] = []
    columns: list[tuple[Dim, ...]] = []
    for extent, column in zip(extents, zip(*steps, strict=True), strict=True):
        if extent == 1:
            continue
        mergeable = kept and (symbolic or not isinstance(kept[-1], Sym))
        if mergeable and _continues(columns[-1], column, extent):
            kept[-1], columns[-1] = dim_mul(kept[-1], extent), column
        else:
            kept.append(extent)
            columns.append(column)
    if not kept:
        return Space((1,), tuple((0,) for _ in steps))
    return Space(tuple(kept), tuple(zip(*columns, strict=True)))


def _continues(outer: tuple[Dim, ...], inner: tuple[Dim, ...], extent: Dim) -> bool:
    if isinstance(extent, Sym):
        return False
    return all(o == i * extent for o, i in zip(outer, inner, strict=True))
