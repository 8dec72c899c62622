"""Choosing a schedule: a handful of candidates, ranked by a small model of the machine.

The model counts core cycles. Its constants are measured on Zen 3; they rank schedules, they do not
predict times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

from baryon.codegen.kernels.border import Border
from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.targets import Target, Tile

TILE_CYCLES = 25.0
"""Beginning and end of a tile, where the multipliers idle."""
SMALL_TILE_CYCLES = 5.0
"""The same for tiles bound by latency: they leave the core room to begin the next one early."""
LAUNCH_CYCLES = 4000.0
"""Starting a parallel task and waiting for the last one."""
OFFSET_CYCLES = 4.0
"""Finding a row's input in an image."""
LATENCY = 4.1
"""Cycles until a multiply-add can use another one's sum, and a little slack."""
DOT_LATENCY = 8.0
"""The same for sums of two products of bfloat16. Taken to be long: it is not measured."""
PAIRS_SLOWER = 1.3
"""Adding products of pairs of codes, per multiplication."""
WIDEN_CYCLES = 0.15
"""Widening a vector of weights from bytes."""
LOAD_CYCLES = 0.55
"""Per load of a vector or a broadcast."""
CODE_LOAD_CYCLES = 0.8
"""The same of pairs of codes, whose sums take issue slots as well as their products."""
STREAM_CYCLES = 1.43
"""Per vector of weights of four bytes that comes from level 2."""
STREAM_DELAY = 0.15
"""What each of them costs even if all can be hidden."""
MEMORY_BYTES = 10.0
"""Bytes per cycle that weights arrive with, from memory, at their first use."""
ROWS_CYCLES = 0.45
"""Per element of a strip that is gathered from row-major input of few channels."""
FEW_CHANNELS = 8
APART_CYCLES = 1.3
"""The same of many channels: each element of a pixel lies in another line of the cache."""
RELAYOUT_CYCLES = 1.0
"""Per element that a kernel brings from one layout to the other."""
INSIDE_CYCLES = 1.0
"""Branching to where a tile reads, per panel."""
IN_PLACE_SHARE = 0.03
"""Part of the useful cycles from which on filling strips is worth avoiding: code is written twice
for it."""
FEW_TILES = 6
"""Tiles that a block has whatever caches hold: each block reads all weights."""
LOOP_CYCLES = 5.0
"""Entering the innermost loop of a tile."""


@dataclass(frozen=True)
class Cost:
    """The model, for one problem and schedule on one target. columns: the schedule's panels."""

    spec: ImplicitGemm
    schedule: Schedule
    target: Target
    columns: Columns

    @cached_property
    def rows(self) -> int:
        """Rows of one independent problem; a guess if the number is known only at run time."""
        return self.spec.static_rows or self.schedule.tile.rows

    @cached_property
    def images(self) -> int:
        """Independent problems; a symbolic batch counts as one."""
        return 1 if self.spec.is_rows else self.spec.batch or 1

    @cached_property
    def tile_cycles(self) -> float:
        """One tile over the whole depth."""
        rows, vectors = self.schedule.tile.rows, len(self.columns.vector_starts)
        fused = self.target.fuses or self.spec.codes is not None
        products = rows * vectors / 2 if fused else rows * vectors + rows
        load = LOAD_CYCLES
        if self.spec.codes is not None and self.spec.depths == 2:
            products, load = products * PAIRS_SLOWER + vectors * WIDEN_CYCLES, CODE_LOAD_CYCLES
        latency = DOT_LATENCY if self.spec.halves else LATENCY
        step = max(products, latency, (rows + vectors + self._spilled) * load)
        if self._streams:
            lines = vectors * self.spec.word_bytes / 4
            step = max(step, lines * STREAM_CYCLES) + lines * STREAM_DELAY
        ends = TILE_CYCLES if products > latency else SMALL_TILE_CYCLES
        if not self.spec.is_rows:
            shared = self.panels if self.schedule.panels_inner else 1
            ends += rows * OFFSET_CYCLES / shared
            ends += INSIDE_CYCLES if self.schedule.in_place and any(self.spec.pad) else 0.0
        at_once = self.spec.halves or self.spec.codes is not None
        steps = self.columns.steps if at_once else self.columns.depth
        return steps * (step + LOOP_CYCLES / self.columns.run) + ends

    @property
    def _spilled(self) -> int:
        """Offsets of rows that are loaded in every step: many rows of a window fill the registers.

        With several vectors the multipliers are busy meanwhile.
        """
        rows, vectors = self.schedule.tile.rows, len(self.columns.vector_starts)
        return rows if vectors == 1 and rows > 6 and not self.spec.is_rows else 0

    @cached_property
    def panels(self) -> int:
        """Panels of a part."""
        return min(self.schedule.panels, self.columns.count)

    @property
    def _streams(self) -> bool:
        """Whether the weights of a tile come from level 2, being too many for level 1."""
        vectors = len(self.columns.vector_starts)
        together = self.panels if self.schedule.panels_inner else 1
        panel = self.spec.word_bytes * self.schedule.lanes * vectors * self.columns.steps
        return together * panel > self.target.cache_bytes[0] * 3 // 4

    @cached_property
    def part_cycles(self) -> float:
        """All tiles of a block and a part."""
        tiles = ceil_div(min(self.schedule.block, self.rows), self.schedule.tile.rows)
        panels = self.panels
        size = self.spec.word_bytes * panels * self.columns.steps * self.columns.packed_width
        return panels * tiles * self.tile_cycles + size / MEMORY_BYTES

    @cached_property
    def strip_cycles(self) -> float:
        """Filling the strip of a block."""
        if not self.spec.uses_strip:
            return 0.0
        whole = strip_cycles(self.spec, self.schedule.block)
        return whole * Border(self.spec, self.schedule).share if self.schedule.in_place else whole

    def cycles(self, threads: int) -> float:
        """Time on that many threads."""
        parts = ceil_div(self.columns.count, self.schedule.panels)
        blocks = self.images * ceil_div(self.rows, self.schedule.block)
        whole = self.strip_cycles + parts * self.part_cycles
        if self.schedule.tasks == "one":
            return blocks * whole
        if self.schedule.tasks == "parts":
            turns = ceil_div(min(self.schedule.workers, parts), threads)
            share = self.strip_cycles + ceil_div(parts, self.schedule.workers) * self.part_cycles
            return turns * blocks * share + LAUNCH_CYCLES
        if self.spec.uses_strip:
            return ceil_div(blocks, threads) * whole + LAUNCH_CYCLES
        return ceil_div(blocks * parts, threads) * self.part_cycles + LAUNCH_CYCLES

    @cached_property
    def efficiency(self) -> float:
        """Mean over the target's numbers of threads of useful cycles per cycle spent."""
        macs = self.images * self.rows * self.spec.out_channels * self.spec.depth
        useful = macs / (2 * self.schedule.lanes)
        threads = self.target.threads
        return sum(useful / (t * self.cycles(t)) for t in threads) / len(threads)


def strip_cycles(spec: ImplicitGemm, block: int) -> float:
    """Filling the strip of a block of that many rows."""
    elements = strip_elements(spec, block)
    if spec.strides[3] != 1:
        return elements * (ROWS_CYCLES if spec.channels <= FEW_CHANNELS else APART_CYCLES)
    return elements * (0.5 if spec.staged else 0.25)


def strip_elements(spec: ImplicitGemm, block: int) -> int:
    """Elements of the strip of a block of that many rows."""
    if spec.is_rows:
        return block * spec.channels
    lines = min(ceil_div(block - 1, spec.out_size[1]) + 1, spec.out_size[0])
    if block % spec.out_size[1] == 0:
        lines = block // spec.out_size[1]
    height = (lines - 1) * spec.stride[0] + spec.window[0]
    return height * ((spec.out_size[1] - 1) * spec.stride[1] + spec.window[1]) * spec.channels


def choose(spec: ImplicitGemm, target: Target) -> Schedule:
    """The schedule that the cost model likes best."""
    return candidates(spec, target)[0]


def candidates(spec: ImplicitGemm, target: Target) -> list[Schedule]:
    """Schedules worth measuring, best first by the cost model."""
    return [schedule for schedule, _ in ranked(spec, target)]


@lru_cache(maxsize=512)
def ranked(spec: ImplicitGemm, target: Target) -> tuple[tuple[Schedule, float], ...]:
    """The candidates with their efficiencies, best first.

    Kept, as layouts ask before kernels are built, and groups with other neighbours ask again.
    """
    found: dict[Schedule, float] = {}
    for tile in _tiles(spec, target):
        columns = Columns(spec, _base(spec, target, tile))  # of all its schedules
        for schedule in _cuts(columns, target):
            found[schedule] = Cost(spec, schedule, target, columns).efficiency
    return tuple(sorted(found.items(), key=lambda pair: -pair[1]))


def _tiles(spec: ImplicitGemm, target: Target) -> list[Tile]:
    rows = spec.static_rows
    low = [t for t in target.tiles if rows is None or t.rows <= rows]
    low = [t for t in low if _fits(t, spec, target)]
    return [t for t in low if rows is not None or t.rows > 1] or [Tile(1, 1)]


def _fits(tile: Tile, spec: ImplicitGemm, target: Target) -> bool:
    """Whether a tile leaves registers for the other factor and what pairs need beside it: the mask
    that widens halves, or a product of codes before it is added."""
    held = tile.rows * tile.vectors + min(tile.rows, tile.vectors)
    if spec.codes is not None:
        return spec.depths == 4 or held + 2 <= target.registers
    return not spec.pairs or spec.halves or held + 2 < target.registers


def _base(spec: ImplicitGemm, target: Target, tile: Tile) -> Schedule:
    """The schedule of a tile before the problem is cut into blocks and parts."""
    lanes = target.lanes(4)
    merge = min(spec.groups, ceil_div(lanes, spec.group_outputs))
    return Schedule(tile, min(lanes, merge * spec.group_outputs), tile.rows, 1, merge)


def _cuts(columns: Columns, target: Target) -> Iterator[Schedule]:
    """The ways to cut a problem into blocks and parts, for one tile."""
    spec, count = columns.spec, columns.count
    small = spec.word_bytes * prod(columns.packed_shape) <= target.cache_bytes[1] // 2
    for block in _blocks(spec, target, columns.schedule.tile):
        base = replace(columns.schedule, block=block)
        yield replace(base, panels=count, tasks="one")
        if small and not spec.is_rows:
            yield replace(base, panels=count, panels_inner=True)
            if _may_pay_in_place(spec, base):
                yield replace(base, panels=count, panels_inner=True, in_place=True)
        if count > 1:
            yield replace(base, tasks="parts", workers=max(target.threads))
        parts = (1,) if spec.uses_strip else (1, 2, 8)
        for panels in {ceil_div(count, p) for p in parts}:
            yield replace(base, panels=panels)


def _may_pay_in_place(spec: ImplicitGemm, schedule: Schedule) -> bool:
    """Whether strips cost enough to read in place. Many channels that lie apart would be read from
    as many lines of the cache in each tile."""
    if not spec.may_read_in_place or (spec.strides[3] != 1 and spec.channels > FEW_CHANNELS):
        return False
    useful = schedule.block * spec.depth * spec.out_channels / (2 * schedule.lanes)
    return strip_cycles(spec, schedule.block) >= IN_PLACE_SHARE * useful


def _blocks(spec: ImplicitGemm, target: Target, tile: Tile) -> list[int]:
    """Block sizes: lines of output pixels, or even shares of the rows, that suit the caches.

    The input of a block of rows stays in level 2 while panels pass; a deeper one is a tenth slower.
    Blocks with few results are better too, but not so small that weights pass all the time.
    """
    rows, width = spec.static_rows, spec.out_size[1]
    if rows is None:
        return [16 * tile.rows]
    cache = target.cache_bytes[1] // 4
    shares = [ceil_div(rows, n) for n in (1, 2, 3, 4, 8, 16, 32, 64, 128)]
    if spec.uses_strip and not spec.is_rows and spec.pixels > 16 * tile.rows:
        lines = (1, 2, 4, 7, 8, 14, 16, 28, 32, 56)
        shares = [ceil_div(spec.out_size[0], n) * width for n in lines]
        # the input streams well from twice the cache, one line after the other
        fitting = [b for b in shares if strip_elements(spec, b) <= 2 * cache]
    else:
        most = max(FEW_TILES * tile.rows, cache // spec.channels)
        fitting = [b for b in shares if b <= most]
    if FEW_TILES * tile.rows * spec.out_channels > 2 * cache:
        return sorted({max(b, tile.rows) for b in fitting or shares[-1:]})
    small = [b for b in fitting if b * spec.out_channels <= 2 * cache]
    return sorted({max(b, tile.rows) for b in small or fitting[-1:] or shares[-1:]})
