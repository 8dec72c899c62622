"""The register tile: accumulators, the loop over the depth, and the stores.

Everything here emits TIR into the function under construction. Accumulators are one small buffer
per vector, which LLVM keeps in registers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any, ClassVar, Protocol

from baryon.codegen.exact import multiply_add
from baryon.codegen.helpers import opaque
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.tvm import Call, Op, PrimType, T, tirx

LINE = 16
"""Elements of four bytes per cache line."""

Expr = Any
"""An int or a tirx.PrimExpr; tvm ships no types."""

UNROLL = 8
"""Depth steps of an innermost loop that is written out instead: below, the loop costs too much."""

SHORT = 32
"""Depth steps up to which the end of a tile is code of its own: here stores take up to a tenth."""

STORES = 8
"""Vectors that a tile stores at once. While more of them wait for their sums, Zen 3 takes in no
instructions, and then has too few at hand to keep its multipliers busy."""

TAIL = 3
"""Last depth steps of each part of a tile, which run while the part before is stored."""


class Buffer(Protocol):
    """Flat memory; offsets count elements."""

    def load(self, offset: Expr, lanes: int = 1) -> Expr:
        """`lanes` neighbouring elements as a vector."""

    def store(self, value: Expr, offset: Expr, lanes: int = 1) -> None:
        """Write `lanes` neighbouring elements."""


@dataclass(frozen=True)
class Flat:
    """A TIR buffer as a Buffer: offsets count along its last axis and may pass its end."""

    buffer: Any

    def load(self, offset: Expr, lanes: int = 1) -> Expr:
        """`lanes` neighbouring elements as a vector."""
        return self.buffer[tuple(self._indices(offset, lanes))]

    def store(self, value: Expr, offset: Expr, lanes: int = 1) -> None:
        """Write `lanes` neighbouring elements."""
        T.buffer_store(self.buffer, value, self._indices(offset, lanes))

    def _indices(self, offset: Expr, lanes: int) -> list[Expr]:
        last = offset if lanes == 1 else tirx.Ramp(offset, 1, lanes)
        return [0] * (len(self.buffer.shape) - 1) + [last]


@dataclass(frozen=True)
class Loop:
    """One loop over the depth: its extent, and how far the input moves per step."""

    extent: int
    step: int


def fuse(loops: Sequence[Loop]) -> list[Loop]:
    """The same walk through the input with neighbouring loops joined where they are one line."""
    fused: list[Loop] = []
    for loop in loops:
        if loop.extent == 1:
            continue
        if fused and fused[-1].step == loop.extent * loop.step:
            fused[-1] = Loop(fused[-1].extent * loop.extent, loop.step)
        else:
            fused.append(loop)
    return fused or [Loop(1, 1)]


def wide(offset: Expr) -> Expr:
    """An offset as a 64-bit variable of which TVM knows no bounds.

    TVM narrows offsets to 32 bits where it can, and then LLVM extends each one to 64 bits in every
    step of a loop. Pointers to the middle of a buffer would serve, but TVM tells LLVM that they
    alias nothing.
    """
    return T.bind(T.reinterpret("int64", tirx.Cast("int64", offset)))


def splat(value: Expr, lanes: int) -> Expr:
    """A scalar in every lane."""
    return value if lanes == 1 else tirx.Broadcast(value, lanes)


def bind(value: Expr) -> Expr:
    """A name for an expression, so that it is computed once."""
    return value if isinstance(value, int) else T.bind(value)


def prefetch(element: Expr, level: int) -> None:
    """Ask for the cache line of an element of a buffer, to be read from a cache level (1 to 3)."""
    hints = [tirx.const(n, "int32") for n in (0, 4 - level, 1)]  # for reading, how near, data
    place = T.address_of(element)
    T.evaluate(Call(Op.get("tirx.prefetch"), [place, *hints], ret_ty=PrimType("void")))


@dataclass(frozen=True)
class Ahead:
    """Weights to bring into level 2 while a tile is computed.

    Late layers of a network have more weights than caches hold, and few tiles to use each panel:
    without this they wait for memory an eighth of the time. first: where this tile's share of the
    upcoming weights begins. last: where the last line may begin. steps: depth steps per fetch.
    line: elements per cache line. rolls: whether the steps between two fetches are a loop of their
    own. LLVM loads ahead among steps that are written out, and spills accumulators of large tiles.
    """

    weights: Buffer
    first: Expr
    last: Expr
    steps: int
    line: int = LINE
    rolls: bool = False

    def emit(self, index: Expr, width: int) -> None:
        """Fetch the index-th `width` elements of the share."""
        start = bind(tirx.min(self.first + index * width, self.last))
        for line in range(0, width, self.line):
            prefetch(self.weights.load(start + line), level=2)


Tile = list[list[Flat]]

Load = Callable[[], Expr]
"""Loads one factor of a step."""


@dataclass(frozen=True)
class Multiply:
    """Sums products over the depth into a tile of accumulators.

    source, weights: input and packed weights. loops: the depth, outermost first. row_width:
    elements of one depth step of the weights. lanes, vectors: shape of a row of the tile.
    """

    source: Buffer
    weights: Buffer
    loops: Sequence[Loop]
    row_width: int
    lanes: int
    vectors: int
    dtype: str
    depths: ClassVar[int] = 1
    """Depths of a step."""

    def emit(
        self, rows: Sequence[Expr], panel: Expr, ahead: Ahead | None = None
    ) -> list[list[Expr]]:
        """Accumulator values by row and vector, after the whole depth.

        rows: offset of each row's first input element. panel: offset of the panel's weights.
        """
        sums = self._sums(len(rows))
        self._walk(self.loops, [wide(row) for row in rows], panel, sums, ahead)
        return self._values(sums)

    def emit_parts(
        self, rows: Sequence[Expr], panel: Expr, ahead: Ahead | None = None
    ) -> Iterator[tuple[slice, list[list[Expr]]]]:
        """As `emit`, for some rows of the tile after others: which ones, and their values.

        What the caller emits meanwhile, such as their stores, runs before the others are summed up.
        """
        parts = self._parts(len(rows), ahead)
        if len(parts) == 1:
            yield parts[0], self.emit(rows, panel, ahead)
            return
        inner = self.loops[-1]
        tail = min(TAIL, inner.extent)
        sums, starts = self._sums(len(rows)), [wide(row) for row in rows]
        taps, steps = self._all_but(tail, starts, panel, sums)
        for part in parts:
            tap = T.bind(opaque(wide(taps)))
            line = T.bind(opaque(wide(panel + steps * self.row_width)))
            for i in range(tail):
                at = line + i * self.row_width
                self._step(starts[part], tap + i * inner.step, at, sums[part])
            yield part, self._values(sums[part])

    def _parts(self, rows: int, ahead: Ahead | None) -> list[slice]:
        """The rows that end together."""
        count = min(rows, ceil_div(rows * self.vectors, STORES))
        is_short = prod(loop.extent for loop in self.loops) <= SHORT
        if self.depths > 1 or ahead is not None or not is_short:
            count = 1
        ends = [rows * i // count for i in range(count + 1)]
        return [slice(*pair) for pair in pairwise(ends)]

    def _all_but(self, tail: int, rows: Sequence[Expr], panel: Expr, sums: Tile) -> tuple[int, int]:
        """Sum up all but the last steps; the tap and the number of the step that follows."""
        taps, steps = 0, 0
        for i, loop in enumerate(self.loops):
            inner = self.loops[i + 1 :]
            count = loop.extent - (1 if inner else tail)
            moved = [row + taps for row in rows]
            if count:
                loops = [Loop(count, loop.step), *inner]
                self._walk(loops, moved, panel + steps * self.row_width, sums, None)
            taps += count * loop.step
            steps += count * prod(loop.extent for loop in inner)
        return taps, steps

    def _sums(self, rows: int) -> Tile:
        sums = [[self._accumulator() for _ in range(self.vectors)] for _ in range(rows)]
        zero = splat(tirx.const(0, self.dtype), self.lanes)
        for accumulator in (a for row in sums for a in row):
            accumulator.store(zero, 0, self.lanes)
        return sums

    def _values(self, sums: Tile) -> list[list[Expr]]:
        return [[a.load(0, self.lanes) for a in row] for row in sums]

    def _accumulator(self) -> Flat:
        return Flat(T.alloc_buffer((self.lanes,), self.dtype, layout=None))

    def _walk(
        self,
        loops: Sequence[Loop],
        rows: Sequence[Expr],
        panel: Expr,
        sums: Tile,
        ahead: Ahead | None,
    ) -> None:
        """The loops. All rows move alike, so outside the innermost loop just one offset changes."""
        *outer, inner = loops
        tap, line = 0, 0
        with ExitStack() as nest:
            for loop in outer:
                k = nest.enter_context(T.serial(loop.extent))
                tap, line = tap + k * loop.step, line * loop.extent + k
            steps, rest = divmod(inner.extent, self.depths)
            panel = wide(panel + line * ((steps + bool(rest)) * self.row_width))
            unroll = self._unroll(steps, ahead)
            blocks = steps // unroll
            tap = wide(tap) if outer and rest else tap
            with T.serial(blocks) if blocks > 1 else nullcontext(0) as block:
                if ahead is not None:
                    ahead.emit(line * blocks + block, self.row_width)
                start = wide(tap) if outer and not rest else tap
                rolls = ahead is not None and ahead.rolls
                with T.serial(unroll) if rolls else nullcontext(0) as turn:
                    for i in range(1 if rolls else unroll if blocks else 0):
                        k = block * unroll + turn + i
                        at = start + k * (self.depths * inner.step)
                        self._step(rows, at, panel + k * self.row_width, sums)
            if rest:
                at = tap + steps * self.depths
                self._last(rows, at, panel + steps * self.row_width, sums)

    def _unroll(self, steps: int, ahead: Ahead | None) -> int:
        if ahead is not None:
            return ahead.steps
        return max(1, steps) if steps <= UNROLL else 1

    def _step(self, rows: Sequence[Expr], at: Expr, panel: Expr, sums: Tile) -> None:
        by_row = [partial(self._factor, row + at) for row in rows]
        by_vector = [partial(self._weight, panel + j * self.lanes) for j in range(self.vectors)]
        self._multiply(by_row, by_vector, sums)

    def _last(self, rows: Sequence[Expr], at: Expr, panel: Expr, sums: Tile) -> None:
        """What is left of a run that steps do not divide."""
        raise NotImplementedError

    def _multiply(self, by_row: Sequence[Load], by_vector: Sequence[Load], sums: Tile) -> None:
        """Add all products; the shorter side of the tile stays in registers."""
        lanes = self.lanes
        rows_long = len(by_row) >= self.vectors
        kept, streamed = (by_vector, by_row) if rows_long else (by_row, by_vector)
        held = [load() for load in kept]
        for i, load in enumerate(streamed):
            value = load()
            for j, other in enumerate(held):
                total = sums[i][j] if streamed is by_row else sums[j][i]
                pair = (value, other) if streamed is by_row else (other, value)
                total.store(self._add(total.load(0, lanes), *pair), 0, lanes)

    def _add(self, total: Expr, factor: Expr, weight: Expr) -> Expr:
        return multiply_add(total, factor, weight)

    def _factor(self, offset: Expr) -> Expr:
        return T.bind(splat(self.source.load(offset), self.lanes))

    def _weight(self, offset: Expr) -> Expr:
        return T.bind(self.weights.load(offset, self.lanes))
