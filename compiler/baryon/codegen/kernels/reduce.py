"""Reductions over any axes: sum, prod, mean, max, min, var, std, argmax, argmin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import Any

from baryon.codegen.expr import (
    Expr,
    Math,
    bind,
    const,
    lane_const,
    lanes_of,
    largest,
    smallest,
    splat,
)
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid, unravel
from baryon.codegen.kernels.fold import Fold, Line
from baryon.codegen.pointwise import Domain, Frame, Place
from baryon.codegen.targets import Target
from baryon.codegen.tvm import tirx
from baryon.ir import DType, f32, i8, i32, i64

Combine = Callable[[Expr, Expr], Expr]

IN_PARTS = ("sum", "mean", "prod", "max", "min")
"""Reductions whose lines may be folded in parts."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a reduction with its element-wise neighbours."""
    builder = KernelBuilder()
    with builder.function():
        _Reduce(Frame(builder, group), target).emit()
    return builder.finish()


class _Reduce:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.source, self.result = self.op.operands[0], self.op.result
        self.kind = self.op.name.removeprefix("np.")
        self.attrs = frame.group.attrs
        self.folded = _axes(self.attrs["axis"], self.source.type.rank)
        self.dtype = self._dtype()
        in_order = self.source.type.layout is None or len(self.folded) == 1
        vectors = in_order or not self.kind.startswith("arg")
        for whole in (True, False):
            self.loops = Fold(frame, target, self.source, self.folded, vectors=vectors, whole=whole)
            self.domain = Domain(frame, self.result.type.shape, self._result_loops())
            if self.loops.along or self.domain.is_flat(len(self.domain.loops) - 1):
                break

    def _dtype(self) -> DType:
        """The element type to compute in."""
        positions = self.kind in ("argmax", "argmin")
        dtype = self.source.type.dtype if positions else self.result.type.dtype
        if dtype.kind == "bool":
            return i8
        return f32 if dtype.is_float and dtype.bits == 16 else dtype

    def _result_loops(self) -> list[list[int]]:
        """For each kept run, its axes in the result."""
        kept = [a for a in range(self.source.type.rank) if a not in self.folded]
        number = {a: a if self.attrs["keepdims"] else kept.index(a) for a in kept}
        return [[number[a] for a in run.axes] for run in self.loops.runs if not run.folded]

    def emit(self) -> None:
        """Emit the loops: for whole lines, or for their parts and then for what these gave."""
        if 0 in self.result.type.shape:
            return
        parts = self.loops.parts if self.kind in IN_PARTS else 1
        if parts == 1:
            self.loops.emit(self._line)
            return
        lines = self.loops.lines
        assert isinstance(lines, int)
        memory = Memory.local(parts * lines, self.dtype)
        self.loops.emit(lambda line: self._part(line, memory, lines), parts)
        self.loops.emit(lambda line: self._join(line, memory, parts, lines), work=parts)

    def _part(self, line: Line, memory: Memory, lines: int) -> None:
        """Fold a part of each line."""
        values = self._reduce(line, *self._operation())
        assert line.share is not None
        pairs = zip(values, line.numbers(), line.slots, strict=True)
        for value, number, (_, lanes) in pairs:
            memory.store(value, line.share.part * lines + number, lanes)

    def _join(self, line: Line, memory: Memory, parts: int, lines: int) -> None:
        """Combine the parts of each line, in order."""
        combine, start = self._operation()
        totals = [Memory.local(lanes, self.dtype) for _, lanes in line.slots]
        for total, (_, lanes) in zip(totals, line.slots, strict=True):
            total.store(lane_const(start, self.dtype, lanes), 0, lanes)
        numbers = line.numbers()
        with grid([parts]) as [part]:
            for total, number, (_, lanes) in zip(totals, numbers, line.slots, strict=True):
                value = memory.load(part * lines + number, lanes)
                total.store(combine(total.load(0, lanes), value), 0, lanes)
        pairs = zip(totals, line.slots, strict=True)
        self._store(line, self._finish(line, [t.load(0, lanes) for t, (_, lanes) in pairs]))

    def _line(self, line: Line) -> None:
        if self.kind.startswith("arg"):
            self._store(line, self._arg(line))
            return
        self._store(line, self._finish(line, self._reduce(line, *self._operation())))

    def _store(self, line: Line, values: Sequence[Expr]) -> None:
        for place, value in zip(line.results(self.domain), values, strict=True):
            place.known[self.result] = bind(Math.cast(value, self.result.type.dtype))
            place.store()

    def _operation(self) -> tuple[Combine, float]:
        """What combines two elements, and what changes nothing when combined."""
        if self.kind in ("max", "min"):
            return Math.maximum if self.kind == "max" else Math.minimum, self._worst()
        if self.kind == "prod":
            return (lambda a, b: a * b), 1
        return (lambda a, b: a + b), 0

    def _finish(self, line: Line, totals: Sequence[Expr]) -> Sequence[Expr]:
        """The results, from what folding each line gave."""
        if self.kind not in ("mean", "var", "std"):
            return totals
        means = [self._mean(s) for s in totals]
        return means if self.kind == "mean" else self._deviation(line, means)

    def _worst(self) -> float:
        return smallest(self.dtype) if self.kind.endswith("max") else largest(self.dtype)

    def _deviation(self, line: Line, means: Sequence[Expr]) -> Sequence[Expr]:
        def term(place: Place, number: int) -> Expr:
            apart = bind(self._x(place) - line.of(means, place, number))
            return apart * apart

        squares = line.reduce(term, lambda a, b: a + b, 0, self.dtype)
        variances = [self._mean(s) for s in squares]
        return variances if self.kind == "var" else [Math.sqrt(v) for v in variances]

    def _reduce(self, line: Line, combine: Combine, start: float) -> list[Expr]:
        return line.reduce(lambda p, _: self._x(p), combine, start, self.dtype)

    def _mean(self, total: Expr) -> Expr:
        count = self.frame.builder.symbols.dim(self.loops.length)
        if count == 0:
            return bind(total + const(nan, total))
        if isinstance(count, int):
            return bind(total / const(count, total))
        return bind(total / splat(Math.cast(count, self.dtype), lanes_of(total)))

    def _x(self, place: Place) -> Expr:
        return Math.cast(place.value(self.source), self.dtype)

    def _arg(self, line: Line) -> Sequence[Expr]:
        """Positions of the first extremum of each line, counted in logical order."""
        lanes = line.lanes(1)
        best = [Memory.local(n, self.dtype) for n in lanes]
        where = [Memory.local(n, i32) for n in lanes]
        for value, position, n in zip(best, where, lanes, strict=True):
            value.store(lane_const(self._worst(), self.dtype, n), 0, n)
            position.store(lane_const(-1, i32, n), 0, n)

        def visit(place: Place, number: int) -> None:
            n = lanes[number]
            now, old = bind(best[number].load(0, n)), bind(where[number].load(0, n))
            x, position = bind(self._x(place)), bind(self._positions(place, n))
            better = self._comes_first(x, position, now, old)
            best[number].store(tirx.Select(better, x, now), 0, n)
            where[number].store(tirx.Select(better, position, old), 0, n)

        line.each(visit)
        if self.loops.along:
            return [Math.cast(self._first_of_lanes(best, where, lanes), i64)]
        return [Math.cast(m.load(0, n), i64) for m, n in zip(where, lanes, strict=True)]

    def _first_of_lanes(
        self, best: Sequence[Memory], where: Sequence[Memory], lanes: Sequence[int]
    ) -> Expr:
        """The position of the extremum among those of the lanes."""
        slots = [(b, w, i) for b, w, n in zip(best, where, lanes, strict=True) for i in range(n)]
        now, old = (bind(m.load(slots[0][2])) for m in slots[0][:2])
        for values, positions, i in slots[1:]:
            x, position = bind(values.load(i)), bind(positions.load(i))
            better = self._comes_first(x, position, now, old) & (position >= const(0, position))
            now = bind(tirx.Select(better, x, now))
            old = bind(tirx.Select(better, position, old))
        return old

    def _comes_first(self, x: Expr, position: Expr, now: Expr, old: Expr) -> Expr:
        """Whether x at a position takes the place of the best so far, at `old` (-1 for none)."""
        better = self._beats(x, now) | (self._same(x, now) & (position < old))
        return better | (old < const(0, old))

    def _same(self, x: Expr, now: Expr) -> Expr:
        same = Math.eq(x, now)
        return same | (Math.is_nan(x) & Math.is_nan(now)) if self.dtype.is_float else same

    def _beats(self, x: Expr, now: Expr) -> Expr:
        """Whether x is better than the best so far; a first NaN beats everything."""
        better = x > now if self.kind == "argmax" else x < now
        if not self.dtype.is_float:
            return better
        return better | (Math.is_nan(x) & Math.logical_not(Math.is_nan(now)))

    def _positions(self, place: Place, lanes: int) -> Expr:
        """The positions of the lanes along the folded axes, in logical order."""
        first = self._position(place)
        return tirx.Ramp(first, 1, lanes) if lanes > 1 and self.loops.along else splat(first, lanes)

    def _position(self, place: Place) -> Expr:
        at: dict[int, Any] = {}
        symbols, shape = self.frame.builder.symbols, self.source.type.shape
        for run, index in zip(self.loops.runs, place.indices, strict=True):
            if run.folded:
                sizes = [symbols.dim(shape[a]) for a in run.axes]
                at |= dict(zip(run.axes, unravel(index, sizes), strict=True))
        total: Any = 0
        for axis in sorted(at):
            total = total * symbols.dim(shape[axis]) + at[axis]
        return Math.cast(tirx.convert(total), i32)


def _axes(axis: Any, rank: int) -> frozenset[int]:
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    return frozenset(a % rank for a in axes)
