"""The loop nest of kernels that visit every element once: parallel, vectorized, blocked.

The loops follow the output's memory order and the innermost is a vector loop. An input that lies
the other way round (its neighbours are along another loop) is read in square blocks, transposed in
registers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from baryon.codegen.expr import Expr, transpose
from baryon.codegen.kernel import KernelBuilder, Memory, flat, grid, when
from baryon.codegen.pointwise import Address
from baryon.codegen.space import Space, View, coalesce
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Dim, Sym

MIN_TASKS = 64
"""Outer loops are shared among threads until there are so many tasks."""

TASK = 4096
"""Elements that a task has at least, where its loop can be cut anywhere."""

Element = Callable[[Address, int, Mapping[Memory, Expr]], None]
"""Emits the work at one position: addresses of the memories, lanes, and vectors loaded already."""


@dataclass(frozen=True)
class Nest:
    """A loop nest over the output `out`; views: all memories over the same domain."""

    builder: KernelBuilder
    target: Target
    views: Mapping[Memory, View]
    out: Memory
    element: Element

    def emit(self) -> None:
        """Emit the loops."""
        space = self._space()
        if 0 in space.extents:
            T.evaluate(0)
            return
        loops = _Loops(self, space)
        other = loops.transposed_loop()
        if any(isinstance(n, Sym) for n in (*space.extents[1:], space.extents[-1])):
            loops.scalar()
        elif other is None:
            loops.straight()
        else:
            _Blocks(loops, other).emit()

    def _space(self) -> Space:
        """Loops from the output's outermost to its innermost; steps in the order of `views`."""
        out = self.views[self.out]
        order = sorted(range(len(out.steps)), key=lambda a: -_distance(out.steps[a]))
        steps = [tuple(v.steps[a] for a in order) for v in self.views.values()]
        return coalesce([out.shape[a] for a in order], steps)


class _Loops:
    def __init__(self, nest: Nest, space: Space) -> None:
        self.nest, self.builder, self.extents = nest, nest.builder, space.extents
        self.steps = dict(zip(nest.views, space.steps, strict=True))
        size = max(m.dtype.itemsize for m in nest.views)
        self.lanes = nest.target.lanes(size) if self.steps[nest.out][-1] == 1 else 1

    def address(self, memory: Memory, indices: Sequence[Any]) -> tuple[Expr, int]:
        symbols = self.builder.symbols
        steps = symbols.dims(self.steps[memory])
        return symbols.dim(self.nest.views[memory].offset) + flat(indices, steps), steps[-1]

    def element(
        self, indices: Sequence[Any], lanes: int, ready: Mapping[Memory, Expr] | None = None
    ) -> None:
        self.nest.element(lambda m: self.address(m, indices), lanes, ready or {})

    def transposed_loop(self) -> int | None:
        """The loop along which an input is contiguous that is not along the innermost."""
        fits = [isinstance(n, int) and n >= self.lanes > 1 for n in self.extents]
        for steps in self.steps.values():
            if steps[-1] not in (0, 1) and 1 in steps and fits[-1] and fits[steps.index(1)]:
                return steps.index(1)
        return None

    def scalar(self) -> None:
        """Element by element: one symbolic loop alone, or some that are not the outermost."""
        with self.builder.tasks(self.extents, 1) as indices:
            self.element(indices, 1)

    def straight(self) -> None:
        """Outer loops, one of them cut into blocks, and inside a vector loop."""
        cut = self._cut()
        extent = self.extents[cut]
        last = cut == len(self.extents) - 1
        inner = prod(int(str(n)) for n in self.extents[cut + 1 :])
        if isinstance(extent, Sym):
            with self.builder.tasks(self.extents[: cut + 1], inner) as outer:
                self._inner(outer, cut)
            return
        block = min(extent, max(1, TASK // inner))
        block = -(-block // self.lanes) * self.lanes if last else block
        parts = -(-extent // block)
        with self.builder.tasks([*self.extents[:cut], parts], block * inner) as [*outer, part]:
            if last:
                self._vectors(outer, part, block, extent)
                return
            count = block if extent % block == 0 else tirx.min(block, extent - part * block)
            with T.serial(0, count) as i:
                self._inner([*outer, part * block + i], cut)

    def _cut(self) -> int:
        """The loop at which there are tasks enough."""
        tasks = 1
        for axis, extent in enumerate(self.extents):
            tasks *= extent.factor if isinstance(extent, Sym) else extent
            if tasks >= MIN_TASKS:
                return axis
        return len(self.extents) - 1

    def _inner(self, outer: list[Any], cut: int) -> None:
        if cut == len(self.extents) - 1:
            self.element(outer, 1)
            return
        with grid(self.extents[cut + 1 : -1]) as middle:
            extent = self.extents[-1]
            assert isinstance(extent, int)
            self._vectors([*outer, *middle], 0, extent, extent)

    def _vectors(self, outer: list[Any], part: Any, block: int, extent: int) -> None:
        """Elements `part*block` and on of the innermost loop, at most `block`."""
        per_block, whole = block // self.lanes, extent // self.lanes
        cut = extent > block
        count = tirx.min(per_block, whole - part * per_block) if cut else whole
        if whole:
            with grid([count]) as [v]:
                self.element([*outer, part * block + v * self.lanes], self.lanes)
        tail = extent % self.lanes
        if tail and cut:
            with when(part == extent // block if extent % block else part == extent // block - 1):
                self.element([*outer, whole * self.lanes], tail)
        elif tail:
            self.element([*outer, whole * self.lanes], tail)


def _distance(step: Dim) -> int:
    """What orders steps: a symbolic one is that of an axis around the symbolic axis."""
    return step.factor << 32 if isinstance(step, Sym) else abs(step)


ROWS, COLUMNS = 8, 16
"""Square blocks of a task along the input's and along the output's contiguous loop."""


class _Blocks:
    """Loop `q` (contiguous in the transposed inputs) and the innermost in square blocks."""

    def __init__(self, loops: _Loops, q: int) -> None:
        self.loops, self.q, self.lanes = loops, q, loops.lanes
        steps = loops.steps
        self.inputs = [m for m, s in steps.items() if s[q] == 1 and s[-1] not in (0, 1)]
        self.height, self.width = (int(str(loops.extents[a])) for a in (q, -1))

    def emit(self) -> None:
        """Emit the loops."""
        lanes, builder = self.lanes, self.loops.builder
        outer = [n for a, n in enumerate(self.loops.extents[:-1]) if a != self.q]
        tall, wide = ROWS * lanes, COLUMNS * lanes
        counts = [*outer, -(-self.height // tall), -(-self.width // wide)]
        with builder.tasks(counts, tall * wide) as [*rest, row, column]:
            rows = tirx.min(ROWS, self.height // lanes - row * ROWS)
            columns = tirx.min(COLUMNS, self.width // lanes - column * COLUMNS)
            # two squares side by side fill the cache lines of the output at once
            with (
                grid([(columns + 1) // 2, rows]) as [pair, r],
                T.serial(0, tirx.min(2, columns - pair * 2)) as half,
            ):
                left = column * wide + (pair * 2 + half) * lanes
                self._square(rest, row * tall + r * lanes, left)
            self._right_edge(rest, row, column)
            self._bottom_edge(rest, row, column, columns)

    def _at(self, rest: Sequence[Any], q: Any, last: Any) -> list[Any]:
        return [*rest[: self.q], q, *rest[self.q :], last]

    def _square(self, rest: Sequence[Any], top: Any, left: Any) -> None:
        rows: list[dict[Memory, Expr]] = [{} for _ in range(self.lanes)]
        for memory in self.inputs:
            loads = []
            for i in range(self.lanes):
                offset, _ = self.loops.address(memory, self._at(rest, top, left + i))
                loads.append(memory.load(offset, self.lanes))
            for row, vector in zip(rows, transpose(loads), strict=True):
                row[memory] = vector
        for i, row in enumerate(rows):
            self.loops.element(self._at(rest, top + i, left), self.lanes, row)

    def _right_edge(self, rest: Sequence[Any], row: Any, column: Any) -> None:
        """Columns that do not fill a square, element by element."""
        tail, tall = self.width % self.lanes, ROWS * self.lanes
        if tail:
            last = (self.width - 1) // (COLUMNS * self.lanes)
            with (
                when(column == last),
                T.serial(0, tirx.min(tall, self.height - row * tall)) as i,
            ):
                self.loops.element(self._at(rest, row * tall + i, self.width - tail), tail)

    def _bottom_edge(self, rest: Sequence[Any], row: Any, column: Any, columns: Any) -> None:
        """Rows that do not fill a square."""
        tail, wide = self.height % self.lanes, COLUMNS * self.lanes
        if tail:
            last = (self.height - 1) // (ROWS * self.lanes)
            with when(row == last), grid([tail, columns]) as [i, c]:
                at = self._at(rest, self.height - tail + i, column * wide + c * self.lanes)
                self.loops.element(at, self.lanes)
