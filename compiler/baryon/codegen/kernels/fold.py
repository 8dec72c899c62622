"""Loops for kernels that fold along axes: reductions, softmax, layer_norm.

A line is everything that is folded at one position of the kept axes. Where the folded axes are
innermost in memory, vectors run along the line and their lanes are combined at its end; otherwise
vectors run across several lines side by side. Either way the order of additions depends on the
line's length alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import groupby
from typing import Any

from baryon.codegen.expr import Expr, bind, fold, lane_const, splat
from baryon.codegen.kernel import Memory, grid, when
from baryon.codegen.pointwise import Domain, Frame, Place
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Dim, DType, Sym, TensorType, Value, dim_prod
from baryon.ir.memory import memory_order

VECTORS = 4
"""Vectors side by side: enough independent sums to hide the latency of one addition."""

PART = 512
"""Elements of a line that are folded one after the other, where lines are cut into parts: rounding
errors grow with them."""

TASKS = 16
"""Tasks that lines are cut into parts for."""

PART_WORK = 4096
"""Elements that a part's task visits at least."""


@dataclass(frozen=True)
class Run:
    """Neighbouring axes in memory that are all folded or all kept."""

    axes: tuple[int, ...]
    folded: bool


def runs_of(type: TensorType, folded: Collection[int]) -> list[Run]:
    """A value's axes in memory order, as runs."""
    grouped = groupby(memory_order(type), key=lambda a: a in folded)
    return [Run(tuple(axes), is_folded) for is_folded, axes in grouped]


class Fold:
    """The loops over a value of which some axes are folded.

    vectors: False keeps to one lane where vectors would run along the line. whole: False has the
    innermost axis alone in the last run, for results in which it does not continue the next one.
    """

    def __init__(
        self,
        frame: Frame,
        target: Target,
        source: Value,
        folded: Collection[int],
        *,
        vectors: bool = True,
        whole: bool = True,
    ) -> None:
        self.frame, self.type = frame, source.type
        self.runs = runs_of(source.type, folded) or [Run((), True)]
        self.domain = Domain(frame, self.type.shape, [r.axes for r in self.runs])
        if not (whole and self.domain.is_flat(len(self.runs) - 1)):
            *before, last = self.runs
            self.runs = [
                *before,
                Run(last.axes[:-1], last.folded),
                Run(last.axes[-1:], last.folded),
            ]
            self.domain = Domain(frame, self.type.shape, [r.axes for r in self.runs])
        self.sizes = [dim_prod(tuple(self.domain.extents(i))) for i in range(len(self.runs))]
        self.along = self.runs[-1].folded
        self.kept = [i for i, r in enumerate(self.runs) if not r.folded]
        one_lane = isinstance(self.sizes[-1], Sym) or (self.along and not vectors)
        self.lanes = 1 if one_lane else target.lanes(max(4, self.type.dtype.itemsize))

    @property
    def length(self) -> Dim:
        """Elements of a line."""
        return dim_prod(tuple(n for n, r in zip(self.sizes, self.runs, strict=True) if r.folded))

    @property
    def lines(self) -> Dim:
        """How many lines there are."""
        return dim_prod(tuple(self.sizes[i] for i in self.kept))

    @cached_property
    def cut(self) -> int:
        """The run that is cut where lines are folded in parts: the outermost folded one."""
        return next(i for i, r in enumerate(self.runs) if r.folded)

    @cached_property
    def parts(self) -> int:
        """Parts of a line that different tasks may fold; 1 where it is not worth it."""
        size, length, lines = self.sizes[self.cut], self.length, self.lines
        if any(isinstance(n, Sym) or n == 0 for n in (*self.sizes, length, lines)):
            return 1
        assert isinstance(size, int) and isinstance(length, int) and isinstance(lines, int)
        side = 1 if self.along else min(lines, VECTORS * self.lanes)
        wanted = -(-TASKS * side // max(lines, 1)) if self.along else -(-length // PART)
        most = max(1, min(size, wanted, length * side // PART_WORK))
        if self.along and self.cut == len(self.runs) - 1:  # vectors run along it
            return next(n for n in range(most, 0, -1) if size % n == 0)
        return -(-size // -(-size // most))

    def emit(self, body: Callable[[Line], None], parts: int = 1, work: int | None = None) -> None:
        """Run `body` for all lines; it may be called twice, for whole and for partial blocks.

        parts: run it for so many parts of each line. work: elements that it visits for each line,
        if these are not the elements of the line.
        """
        if work is None:
            work = -(-self.length // parts) if isinstance(self.length, int) else 1
        if self.along or isinstance(self.sizes[-1], Sym):
            counts = [*([parts] if parts > 1 else []), *(self.sizes[i] for i in self.kept)]
            with self.frame.builder.tasks(counts, work) as indices:
                share, kept = self._share(indices, parts)
                body(Line(self, dict(zip(self.kept, kept, strict=True)), [(0, 1)], share))
            return
        self._blocks(body, parts, work)

    def _blocks(self, body: Callable[[Line], None], parts: int, work: int) -> None:
        """Lines side by side: blocks of vectors, and one more for what is left."""
        *outer, last = self.kept
        width = self.sizes[last]
        assert isinstance(width, int)
        vectors, tail = divmod(width, self.lanes)
        per_block = next((n for n in (4, 3, 5, 2) if vectors % n == 0), VECTORS)
        block, blocks = per_block * self.lanes, vectors // per_block
        rest = [(u * self.lanes, self.lanes) for u in range(vectors % per_block)]
        rest += [(vectors % per_block * self.lanes, tail)] if tail else []
        sizes = [self.sizes[i] for i in outer]
        counts = [*([parts] if parts > 1 else []), *sizes, blocks + bool(rest)]
        with self.frame.builder.tasks(counts, work * block) as indices:
            share, [*kept, index] = self._share(indices, parts)
            at = dict(zip(outer, kept, strict=True)) | {last: index * block}
            whole = [(u * self.lanes, self.lanes) for u in range(per_block)]
            for slots, is_there in ((whole, blocks), (rest, rest)):
                if is_there and rest and blocks:
                    with when(index < blocks if slots is whole else index == blocks):
                        body(Line(self, at, slots, share))
                elif is_there:
                    body(Line(self, at, slots, share))

    def _share(self, indices: Sequence[Any], parts: int) -> tuple[Share | None, list[Any]]:
        """Which part of its lines a task folds, and the rest of its indices."""
        if parts == 1:
            return None, [*indices]
        size = self.sizes[self.cut]
        assert isinstance(size, int)
        each = -(-size // parts)
        first = bind(indices[0] * each)
        count = each if size % each == 0 else bind(tirx.min(size - first, each))
        return Share(indices[0], first, count), [*indices[1:]]


@dataclass(frozen=True)
class Share:
    """Part number `part` of lines: `count` indices of the run that is cut, from `first` on."""

    part: Any
    first: Any
    count: Any


class Line:
    """One line, or several side by side, one in each lane of each slot.

    slots: offset along the last kept run and lanes, for each vector of lines. share: the part of
    the lines that is folded; None for all.
    """

    def __init__(
        self,
        loops: Fold,
        kept: dict[int, Any],
        slots: list[tuple[int, int]],
        share: Share | None = None,
    ) -> None:
        self.loops, self.kept, self.slots, self.share = loops, kept, slots, share

    @contextmanager
    def _folded(self, runs: Sequence[int]) -> Iterator[dict[int, Any]]:
        """Loops over some of the folded runs, as far as they belong to the share."""
        symbols, share, cut = self.loops.frame.builder.symbols, self.share, self.loops.cut
        sizes = [symbols.dim(self.loops.sizes[i]) for i in runs]
        if share is not None and cut in runs:
            sizes[runs.index(cut)] = share.count
        with grid(sizes) as indices:
            at = dict(zip(runs, indices, strict=True))
            if share is not None and cut in at:
                at[cut] = share.first + at[cut]
            yield at

    @property
    def _span(self) -> tuple[Any, Dim]:
        """The first index of the last run that belongs to the share, and how many do."""
        last = len(self.loops.runs) - 1
        if self.share is None or self.loops.cut != last:
            return 0, self.loops.sizes[last]
        return self.share.first, self.share.count

    def each(self, visit: Callable[[Place, int], None], vectors: int = 1) -> None:
        """Visit the elements of the line; the number tells vectors apart that are independent.

        vectors: how many vectors of a line to keep apart, where they run along it.
        """
        loops = self.loops
        if not loops.along:
            self._across(visit)
            return
        outer = [i for i, r in enumerate(loops.runs[:-1]) if r.folded]
        last = len(loops.runs) - 1
        with self._folded(outer) as folded:
            at = self.kept | folded
            if isinstance(loops.sizes[-1], Sym) or loops.lanes == 1:
                with self._folded([last]) as inner:
                    visit(self._place(at, inner[last], 1), 0)
                return
            self._along(visit, at, vectors)

    def _along(self, visit: Callable[[Place, int], None], at: dict[int, Any], vectors: int) -> None:
        lanes, (first, size) = self.loops.lanes, self._span
        assert isinstance(size, int)
        whole, tail = divmod(size, lanes)
        if whole // vectors:
            with T.serial(0, whole // vectors) as v:
                for u in range(vectors):
                    visit(self._place(at, first + (v * vectors + u) * lanes, lanes), u)
        for u in range(whole % vectors):
            start = (whole // vectors * vectors + u) * lanes
            visit(self._place(at, first + start, lanes), u)
        if tail:
            visit(self._place(at, first + whole * lanes, tail), vectors)

    def _across(self, visit: Callable[[Place, int], None]) -> None:
        loops = self.loops
        folded = [i for i, r in enumerate(loops.runs) if r.folded]
        last = len(loops.runs) - 1
        with self._folded(folded) as inner:
            at = self.kept | inner
            for number, (offset, lanes) in enumerate(self.slots):
                visit(self._place(at, at[last] + offset, lanes), number)

    def _place(self, at: dict[int, Any], last: Any, lanes: int) -> Place:
        *outer, _ = range(len(self.loops.runs))
        return self.loops.domain.place([*(at[i] for i in outer), last], lanes)

    def reduce(
        self,
        term: Callable[[Place, int], Expr],
        combine: Callable[[Expr, Expr], Expr],
        start: float,
        dtype: DType,
        vectors: int = VECTORS,
    ) -> list[Expr]:
        """The terms of each line combined, for each slot; a scalar where vectors run along."""
        lanes = self.lanes(vectors)
        sums = [Memory.local(n, dtype) for n in lanes]
        for memory, n in zip(sums, lanes, strict=True):
            memory.store(lane_const(start, dtype, n), 0, n)

        def visit(place: Place, number: int) -> None:
            n = lanes[number]
            sums[number].store(combine(sums[number].load(0, n), term(place, number)), 0, n)

        self.each(visit, vectors)
        totals = [bind(m.load(0, n)) for m, n in zip(sums, lanes, strict=True)]
        if not self.loops.along:
            return totals
        main = bind(reduce(combine, totals[:vectors]))
        return [bind(reduce(combine, [fold(x, combine) for x in (main, *totals[vectors:])]))]

    def lanes(self, vectors: int) -> list[int]:
        """Lanes of each independent vector that `each` tells apart."""
        loops = self.loops
        if not loops.along:
            return [n for _, n in self.slots]
        size = self._span[1]
        if isinstance(size, Sym) or loops.lanes == 1:
            return [1]
        tail = size % loops.lanes
        return [loops.lanes] * vectors + ([tail] if tail else [])

    def of(self, totals: Sequence[Expr], place: Place, number: int) -> Expr:
        """What `reduce` gave, for the place at which `each` is."""
        return splat(totals[0], place.lanes) if self.loops.along else totals[number]

    def numbers(self) -> list[Expr]:
        """For each slot the number of its first line among all lines."""
        total: Any = 0
        for i in self.loops.kept:
            total = total * self.loops.frame.builder.symbols.dim(self.loops.sizes[i]) + self.kept[i]
        return [bind(total + offset) for offset, _ in self.slots]

    def results(self, domain: Domain) -> list[Place]:
        """Where the line's results lie in a domain whose loops are the kept runs; one per slot."""
        *outer, last = [self.kept[i] for i in self.loops.kept] or [0]
        return [domain.place([*outer, last + offset], lanes) for offset, lanes in self.slots]
