"""Choosing a schedule: a handful of candidates, ranked by a small model of the machine.

The model counts core cycles. Its constants are measured on Zen 3; they rank schedules, they do not
predict times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.targets import Target, Tile

TILE_CYCLES = 25.0
"""Beginning and end of a tile, where the multipliers idle."""
LAUNCH_CYCLES = 4000.0
"""Starting a parallel task and waiting for the last one."""
LATENCY = 4.2
"""Cycles until a multiply-add can use another one's sum, and a little slack."""
LOAD_CYCLES = 0.55
"""Per load of a vector or a broadcast."""
MEMORY_BYTES = 10.0
"""Bytes per cycle that weights arrive with, from memory, at their first use."""
LOOP_CYCLES = 5.0
"""Entering the innermost loop of a tile."""


@dataclass(frozen=True)
class Cost:
    """The model, for one problem and schedule on one target."""

    spec: ImplicitGemm
    schedule: Schedule
    target: Target

    @cached_property
    def columns(self) -> Columns:
        """The panels."""
        return Columns(self.spec, self.schedule)

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
        streamed = self.target.vector_bytes * vectors
        panel = streamed * self.columns.depth
        far = self.schedule.panels_inner or panel > self.target.cache_bytes[0] * 3 // 4
        fused = self.target.has("fma")
        step = max(
            rows * vectors / 2 if fused else rows * vectors + rows,
            LATENCY,
            (rows + vectors) * LOAD_CYCLES,
            streamed / (0.7 * self.target.vector_bytes) if far else 0.0,
        )
        return self.columns.depth * (step + LOOP_CYCLES / self.run) + TILE_CYCLES

    @cached_property
    def run(self) -> int:
        """Steps of the innermost loop over the depth: contiguous input."""
        channels = self.columns.depth_channels
        dense = self.spec.uses_strip or self.spec.pixel_pitch == self.spec.channels
        joined = dense and channels == self.spec.channels and self.spec.dilation[1] == 1
        return channels * (self.spec.kernel[1] if joined else 1)

    @cached_property
    def part_cycles(self) -> float:
        """All tiles of a block and a part."""
        tiles = ceil_div(min(self.schedule.block, self.rows), self.schedule.tile.rows)
        panels = min(self.schedule.panels, self.columns.count)
        first_use = 4.0 * panels * self.columns.depth * self.columns.packed_width / MEMORY_BYTES
        return panels * tiles * self.tile_cycles + first_use

    @cached_property
    def strip_cycles(self) -> float:
        """Filling the strip of a block."""
        if not self.spec.uses_strip:
            return 0.0
        elements = strip_elements(self.spec, self.schedule.block)
        if self.spec.strides[3] != 1:
            return 2.0 * elements
        return elements * (0.5 if self.spec.staged else 0.25)

    def cycles(self, threads: int) -> float:
        """Time on that many threads."""
        parts = ceil_div(self.columns.count, self.schedule.panels)
        blocks = self.images * ceil_div(self.rows, self.schedule.block)
        whole = self.strip_cycles + parts * self.part_cycles
        if self.schedule.tasks == "one":
            return blocks * whole
        if self.schedule.tasks == "parts":
            share = self.strip_cycles + ceil_div(parts, threads) * self.part_cycles
            return blocks * share + LAUNCH_CYCLES
        if self.spec.uses_strip:
            return ceil_div(blocks, threads) * whole + LAUNCH_CYCLES
        return ceil_div(blocks * parts, threads) * self.part_cycles + LAUNCH_CYCLES

    @cached_property
    def efficiency(self) -> float:
        """Mean over the target's numbers of threads of useful cycles per cycle spent."""
        useful = self.images * self.spec.macs / (2 * self.schedule.lanes)
        threads = self.target.threads
        return sum(useful / (t * self.cycles(t)) for t in threads) / len(threads)


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
    found = {
        schedule: Cost(spec, schedule, target).efficiency
        for tile in _tiles(spec, target)
        for schedule in _with_tile(spec, target, tile)
    }
    return sorted(found, key=lambda schedule: -found[schedule])


def _tiles(spec: ImplicitGemm, target: Target) -> list[Tile]:
    rows = spec.static_rows
    low = [t for t in target.tiles if rows is None or t.rows <= rows]
    return [t for t in low if rows is not None or t.rows > 1] or [Tile(1, 1)]


def _with_tile(spec: ImplicitGemm, target: Target, tile: Tile) -> Iterator[Schedule]:
    lanes = target.lanes(4)
    merge = min(spec.groups, ceil_div(lanes, spec.group_outputs))
    lanes = min(lanes, merge * spec.group_outputs)
    for block in _blocks(spec, target, tile):
        base = Schedule(tile, lanes, block, 1, merge)
        count = Columns(spec, base).count
        yield replace(base, panels=count, tasks="one")
        if count > 1:
            yield replace(base, tasks="parts")
        parts = (1,) if spec.uses_strip else (1, 2, 8)
        for panels in {ceil_div(count, p) for p in parts}:
            yield replace(base, panels=panels)


def _blocks(spec: ImplicitGemm, target: Target, tile: Tile) -> list[int]:
    """Block sizes: lines of output pixels, or even shares of the rows, that suit the caches."""
    rows, width = spec.static_rows, spec.out_size[1]
    if rows is None:
        return [16 * tile.rows]
    shares = [ceil_div(rows, n) for n in (1, 2, 3, 4, 8, 16, 32, 64, 128)]
    if spec.uses_strip and not spec.is_rows and spec.pixels > 16 * tile.rows:
        shares = [
            ceil_div(spec.out_size[0], n) * width for n in (1, 2, 4, 7, 8, 14, 16, 28, 32, 56)
        ]
        most = 2 * target.cache_bytes[1] // 4
        fitting = [b for b in shares if strip_elements(spec, b) <= most]
    else:
        most = max(16 * tile.rows, target.cache_bytes[1] // 4 // spec.channels)
        fitting = [b for b in shares if b <= most]
    sizes = {max(b, tile.rows) for b in fitting or shares[-1:]}
    return sorted(sizes)
