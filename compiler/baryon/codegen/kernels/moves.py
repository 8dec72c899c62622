"""Injective ops as strided copies: which part of the output each operand fills, and from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.codegen.group import Group
from baryon.codegen.space import View
from baryon.ir import Array, Dim, Op, Sym, UnsupportedError, Value
from baryon.ops.indexing import slice_spans
from baryon.ops.manipulation import order_of, split_ends
from baryon.ops.shapes import many_axes
from baryon.ops.structure import RELAYOUT

Region = Callable[[View], View]
"""Narrows a view over the whole output to the part that one copy fills."""


@dataclass(frozen=True)
class Move:
    """Copies `source`, seen as `view`, into the part `region` of a result; both have one shape.

    Without a source, the part is filled with one value.
    """

    source: Value | None
    view: View
    region: Region
    result: int = 0
    fill: float = 0


def moves(group: Group) -> list[Move] | None:
    """The copies that a group's anchor consists of, in order, or None where it is more."""
    op, attrs = group.main, group.attrs
    if op.name == "np.take":
        indices = group.payload(op.operands[1])
        return None if indices is None else _take(op, indices, attrs)
    make = _MOVES.get(op.name)
    return make(op, attrs) if make else None


def _whole(view: View) -> View:
    return view


def _relayout(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    return [Move(op.operands[0], View.of(op.operands[0].type), _whole)]


def _transpose(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    (source,) = op.operands
    axes = order_of(attrs["axes"], source.type.rank)
    return [Move(source, View.of(source.type).transpose(axes), _whole)]


def _broadcast_to(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    (source,) = op.operands
    return [Move(source, View.of(source.type).broadcast(op.result.type.shape), _whole)]


def _slice(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    (source,) = op.operands
    view = View.of(source.type)
    for axis, (first, step, count) in enumerate(slice_spans(source.type.shape, **attrs)):
        view = view.slice(axis, first, count, step)
    return [Move(source, view, _whole)]


def _slice_assign(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    data, value = op.operands
    spans = slice_spans(data.type.shape, **attrs)

    def region(whole: View) -> View:
        for axis, (first, step, count) in enumerate(spans):
            whole = whole.slice(axis, first, count, step)
        return whole

    return [
        Move(data, View.of(data.type), _whole),
        Move(value, View.of(value.type), region),
    ]


def _pad(op: Op, attrs: Mapping[str, Any]) -> list[Move] | None:
    """The operand in the middle, and around it slabs: first those before and after axis 0."""
    (source,) = op.operands
    if attrs["mode"] != "constant":
        return None
    shape, widths = source.type.shape, attrs["pad_width"]
    inside: Region = _whole
    found = []
    for axis, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        size = shape[axis]
        starts = [(0, before), (before + size, after)] if before or after else []
        for begin, count in starts:
            found.append(_fill(op, _inner(inside, axis, begin, count), attrs["constant_value"]))
        if starts:
            inside = _inner(inside, axis, before, size)
    return [*found, Move(source, View.of(source.type), inside)]


def _inner(outer: Region, axis: int, begin: Any, count: Dim) -> Region:
    return lambda whole: outer(whole).slice(axis, begin, count)


def _fill(op: Op, region: Region, value: float) -> Move:
    part = region(View.of(op.result.type))
    return Move(None, View(part.shape, (0,) * len(part.shape)), region, fill=value)


def _flip(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    (source,) = op.operands
    view = View.of(source.type)
    for axis in many_axes(op.name, attrs["axis"], source.type.rank):
        size = _known(source.type.shape[axis], op)
        view = view.slice(axis, size - 1, size, -1)
    return [Move(source, view, _whole)]


def _concatenate(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    axis = attrs["axis"] % op.result.type.rank
    found, begin = [], 0
    for source in op.operands:
        size = source.type.shape[axis]
        if len(op.operands) > 1:
            size = _known(size, op)
        found.append(Move(source, View.of(source.type), _part(axis, begin, size)))
        begin += size if isinstance(size, int) else 0
    return found


def _stack(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    axis = attrs["axis"] % op.result.type.rank
    return [
        Move(source, View.of(source.type).insert(axis), _part(axis, i, 1))
        for i, source in enumerate(op.operands)
    ]


def _split(op: Op, attrs: Mapping[str, Any]) -> list[Move]:
    (source,) = op.operands
    axis = attrs["axis"] % source.type.rank
    spans = split_ends(op.name, source.type.shape[axis], attrs["indices_or_sections"])
    view = View.of(source.type)
    return [
        Move(source, view.slice(axis, begin, end - begin), _whole, i)
        for i, (begin, end) in enumerate(spans)
    ]


def _take(op: Op, indices: Array, attrs: Mapping[str, Any]) -> list[Move] | None:
    """A look-up of constant indices that go in two nested steps, such as a shuffle of channels."""
    source = op.operands[0]
    if attrs["axis"] is None or indices.ndim != 1 or not indices.size:
        return None
    axis = attrs["axis"] % source.type.rank
    size = _known(source.type.shape[axis], op)
    places = np.take(np.arange(size), indices.astype(np.int64), mode=_MODES[attrs["mode"]])
    inner = _run_length(places)
    grid = places[: places.size // inner * inner].reshape(-1, inner)
    base, (outer_step, inner_step) = int(places[0]), _steps(grid)
    nested = base + np.add.outer(np.arange(len(grid)) * outer_step, np.arange(inner) * inner_step)
    if grid.size != places.size or not np.array_equal(nested, grid):
        return None
    view = View.of(source.type).nest(axis, base, grid.shape, (outer_step, inner_step))
    return [Move(source, view, lambda whole: whole.split(axis, grid.shape))]


_MODES: Mapping[str, Any] = {"raise": "clip", "clip": "clip", "wrap": "wrap"}


def _run_length(places: Array) -> int:
    """How many of the first places are equally far apart."""
    gaps = np.diff(places)
    broken = np.flatnonzero(gaps != gaps[:1])
    return int(broken[0]) + 1 if broken.size else places.size


def _steps(grid: Array) -> tuple[int, int]:
    return (
        int(grid[1, 0] - grid[0, 0]) if len(grid) > 1 else 0,
        int(grid[0, 1] - grid[0, 0]) if grid.shape[1] > 1 else 0,
    )


def _part(axis: int, begin: int, count: Dim) -> Region:
    return lambda whole: whole.slice(axis, begin, count)


def _known(size: Dim, op: Op) -> int:
    if isinstance(size, Sym):
        raise UnsupportedError(f"{op.name} along a symbolic axis", where=str(op.loc))
    return size


_MOVES: Mapping[str, Callable[[Op, Mapping[str, Any]], list[Move] | None]] = {
    RELAYOUT: _relayout,
    "np.transpose": _transpose,
    "np.broadcast_to": _broadcast_to,
    "npx.slice": _slice,
    "ir.slice_assign": _slice_assign,
    "np.pad": _pad,
    "np.flip": _flip,
    "np.concatenate": _concatenate,
    "np.stack": _stack,
    "np.split": _split,
}
