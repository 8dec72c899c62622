"""Schedules of Winograd convolutions worth measuring, and their estimates, in cycles as `cost.py`.

The products are estimated by the model of implicit GEMM. What is added for the transforms and for
matrices that do not stay in level 2 is measured on Zen 3 (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from baryon.codegen.kernels.cost import LAUNCH_CYCLES, Cost
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.kernels.winograd_schedule import CHUNK, Layout, WinogradSchedule
from baryon.codegen.targets import Target, Tile

INPUT_CYCLES = 3.0
"""Transforming a vector of inputs, per position."""
OUTPUT_CYCLES = 2.4
"""Transforming a vector of products, per position, the epilogue and the stores included."""
STORE_CYCLES = 1.0
"""Storing a vector of products."""
WEIGHT_BYTES = 6.0
"""Bytes per cycle that weights arrive with where the products are too few to hide them."""
HIDDEN_BYTES = 40.0
"""Bytes per cycle of weights that arrive meanwhile."""
SHARED_BYTES = 16.0
"""Bytes per cycle of inputs and products that come from level 3."""
SHARES = (1, 2, 3, 4, 6, 8, 16, 32, 64, 128, 256)
"""Numbers of blocks into which all tiles are cut."""
BLOCK = 8
"""Tiles of a block at least, if there are so many: weights are read once for each block."""
PANELS = (1, 2, 4, 8)
"""Panels per part, for the first vectors of a tile."""


@dataclass(frozen=True)
class WinogradCost:
    """The model, for one problem and schedule on one target."""

    spec: ImplicitGemm
    schedule: WinogradSchedule
    target: Target

    @cached_property
    def layout(self) -> Layout:
        """Sizes."""
        return Layout(self.spec, self.schedule)

    @cached_property
    def input_cycles(self) -> float:
        """Transforming the inputs of one tile."""
        vectors = ceil_div(self.spec.channels, self.layout.input_lanes)
        return INPUT_CYCLES * self.layout.positions * vectors

    @cached_property
    def product_cycles(self) -> float:
        """The products of a block and a part."""
        layout = self.layout
        tiles = ceil_div(self.schedule.block, self.schedule.tile.rows)
        product = Cost(
            layout.product, layout.product_schedule, self.target, layout.columns
        ).tile_cycles
        store = STORE_CYCLES * self.schedule.tile.rows * len(layout.columns.vector_starts)
        return layout.positions * layout.panels * tiles * (product + store)

    @cached_property
    def part_cycles(self) -> float:
        """The products and outputs of a block and a part."""
        layout = self.layout
        vectors = layout.panels * len(layout.columns.vector_starts)
        outputs = OUTPUT_CYCLES * layout.positions * vectors * self.schedule.block
        return self.product_cycles + outputs + self._waits

    @cached_property
    def _waits(self) -> float:
        """For a part's weights, and for inputs and products that level 2 does not hold."""
        layout, half = self.layout, self.target.cache_bytes[1] // 2
        weights = 4 * layout.weights_size / layout.parts
        late = max(0.0, weights / WEIGHT_BYTES - self.product_cycles)
        scratch = [layout.input_bytes * layout.inputs_size, 4 * layout.products_size]
        spilled = sum(size for size in scratch if size > half)
        return late + weights / HIDDEN_BYTES + spilled / SHARED_BYTES

    def cycles(self, threads: int) -> float:
        """Time on that many threads."""
        layout, block = self.layout, self.schedule.block
        if self.schedule.tasks == "blocks":
            whole = block * self.input_cycles + layout.parts * self.part_cycles
            return ceil_div(layout.blocks, threads) * whole + LAUNCH_CYCLES
        inputs = ceil_div(ceil_div(block, CHUNK), threads) * CHUNK * self.input_cycles
        parts = ceil_div(layout.parts, threads) * self.part_cycles
        return layout.blocks * (inputs + parts + 2 * LAUNCH_CYCLES)

    @cached_property
    def efficiency(self) -> float:
        """Cycles of the direct products at the full rate, per cycle spent: see `Plan`."""
        useful = (self.spec.batch or 1) * self.spec.macs / (2 * self.schedule.lanes)
        threads = self.target.threads
        return sum(useful / (t * self.cycles(t)) for t in threads) / len(threads)


@lru_cache(maxsize=512)
def schedules(
    spec: ImplicitGemm, target: Target, outputs: int
) -> tuple[tuple[WinogradSchedule, float], ...]:
    """Schedules with tiles of that many outputs, and their efficiencies; kept as `cost.ranked`."""
    return tuple(
        (schedule, WinogradCost(spec, schedule, target).efficiency)
        for schedule in _schedules(spec, target, outputs)
    )


def _schedules(spec: ImplicitGemm, target: Target, outputs: int) -> Iterator[WinogradSchedule]:
    smallest = WinogradSchedule(outputs, Tile(1, 1), target.lanes(4), 1, 1)
    whole = Layout(spec, smallest).tiles
    for block in {ceil_div(whole, n) for n in SHARES if whole >= n * BLOCK or n == 1}:
        tile = _tile(spec, target, replace(smallest, block=block))
        for panels in PANELS:
            cut = replace(smallest, block=block, tile=tile, panels=panels)
            yield from _with_tasks(spec, target, cut)


def _tile(spec: ImplicitGemm, target: Target, cut: WinogradSchedule) -> Tile:
    """The register tile with the quickest products."""
    fitting = [tile for tile in target.tiles if tile.rows <= cut.block] or [Tile(1, 1)]
    found = {tile: WinogradCost(spec, replace(cut, tile=tile), target) for tile in fitting}
    return min(fitting, key=lambda tile: found[tile].layout.parts * found[tile].product_cycles)


def _with_tasks(
    spec: ImplicitGemm, target: Target, cut: WinogradSchedule
) -> Iterator[WinogradSchedule]:
    """Both kinds of tasks, if their scratch memory suits the caches."""
    layout, (_, second, third) = Layout(spec, cut), target.cache_bytes
    if layout.panels < cut.panels or 4 * layout.products_size > 2 * second:
        return
    inputs = layout.input_bytes * layout.inputs_size
    if inputs <= third:
        yield cut
    if inputs <= 2 * third:
        yield replace(cut, tasks="parts")
