"""Iteration spaces: which elements of each operand belong to which position of a loop nest.

Axes that all operands walk alike are merged, so that an element-wise kernel over equal layouts
is one flat loop, and one with a per-channel operand has two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baryon.ir import Dim, IRTypeError, Sym, TensorType, dim_mul
from baryon.ir.memory import memory_order, strides


@dataclass(frozen=True)
class Space:
    """extents: loop sizes, outermost first. steps: per operand, elements per step of each loop."""

    extents: tuple[Dim, ...]
    steps: tuple[tuple[int, ...], ...]


def broadcast_steps(operand: TensorType, domain: Sequence[Dim]) -> tuple[int, ...]:
    """Elements that an operand moves per step along each axis of the shape it broadcasts to."""
    own = (1,) * (len(domain) - operand.rank) + tuple(operand.shape)
    step = (0,) * (len(domain) - operand.rank) + strides(operand)
    if any(d not in (1, full) for d, full in zip(own, domain, strict=True)):
        raise IRTypeError(f"{operand} does not broadcast to {list(map(str, domain))}")
    return tuple(0 if d == 1 else s for d, s in zip(own, step, strict=True))


def iteration_space(output: TensorType, operands: Sequence[TensorType]) -> Space:
    """Loops over an output in its memory order; `steps` has the operands', then the output's."""
    order = memory_order(output)
    all_steps = [broadcast_steps(t, output.shape) for t in (*operands, output)]
    extents = [output.shape[a] for a in order]
    return coalesce(extents, [tuple(s[a] for a in order) for s in all_steps])


def coalesce(extents: Sequence[Dim], steps: Sequence[tuple[int, ...]]) -> Space:
    """Merge neighbouring loops that every operand walks as one; a symbolic loop stays alone."""
    kept: list[Dim] = []
    columns: list[tuple[int, ...]] = []
    for extent, column in zip(extents, zip(*steps, strict=True), strict=True):
        if extent == 1:
            continue
        if kept and not isinstance(kept[-1], Sym) and _continues(columns[-1], column, extent):
            kept[-1], columns[-1] = dim_mul(kept[-1], extent), column
        else:
            kept.append(extent)
            columns.append(column)
    if not kept:
        return Space((1,), tuple((0,) for _ in steps))
    return Space(tuple(kept), tuple(zip(*columns, strict=True)))


def _continues(outer: tuple[int, ...], inner: tuple[int, ...], extent: Dim) -> bool:
    if isinstance(extent, Sym):
        return False
    return all(o == i * extent for o, i in zip(outer, inner, strict=True))
