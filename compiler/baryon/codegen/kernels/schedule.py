"""How an implicit GEMM is computed: tiles, blocks, order and parallel tasks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from baryon.codegen.kernels.spec import ImplicitGemm, KernelError, ceil_div
from baryon.codegen.targets import Tile

Tasks = Literal["blocks", "parts", "one"]


@dataclass(frozen=True)
class Schedule:
    """The decisions about one kernel. None of them changes a result.

    tile: register tile. lanes: elements per vector. merge: groups computed as one, with zeros in
    the weights between them, so that narrow groups fill a vector. block: output rows per block;
    all panels of a block run before the next block, so its input should fit a cache. panels:
    column panels per part: parts are tasks, or the order of work within one. tasks: what parallel
    tasks divide: "blocks" (and parts, if blocks need no strip), the "parts" of all blocks among
    `workers`, each with a strip of its own, or nothing ("one" task, for kernels not worth a
    parallel launch). panels_inner: whether the
    innermost loop over tiles walks panels (the input of a tile stays in level 1) or rows (a panel
    does, or at least streams from level 2). in_place: whether tiles whose windows touch no padding
    read the input where it lies; the strip then holds what the others read.
    """

    tile: Tile
    lanes: int
    block: int
    panels: int
    merge: int = 1
    tasks: Tasks = "blocks"
    workers: int = 1
    panels_inner: bool = False
    in_place: bool = False

    def __str__(self) -> str:
        tile = f"{self.tile.rows}x{self.tile.vectors}x{self.lanes}"
        order = "panels" if self.panels_inner else "rows"
        tasks = f"{self.tasks}/{self.workers}" if self.tasks == "parts" else self.tasks
        sizes = f"block={self.block} panels={self.panels} merge={self.merge}"
        place = " in place" if self.in_place else ""
        return f"tile={tile} {sizes} tasks={tasks} inner={order}{place}"


@dataclass(frozen=True)
class Columns:
    """How a schedule cuts the output channels into panels.

    Panels of a (merged) group have equal width; the last one starts early enough to end with the
    group, so it may compute columns again, with the same result. The same goes for the vectors of
    a panel. No store is ever masked.
    """

    spec: ImplicitGemm
    schedule: Schedule

    @cached_property
    def group_width(self) -> int:
        """Columns of one merged group."""
        return self.spec.group_outputs * self.schedule.merge

    @cached_property
    def groups(self) -> int:
        """Number of merged groups; the last one overlaps its neighbour if they do not divide."""
        return ceil_div(self.spec.groups, self.schedule.merge)

    @cached_property
    def depth_channels(self) -> int:
        """Input channels of one merged group."""
        return self.spec.group_channels * self.schedule.merge

    @cached_property
    def depth(self) -> int:
        """Steps of the loop over the window and the channels of a merged group."""
        r, s = self.spec.kernel
        return r * s * self.depth_channels

    @cached_property
    def run(self) -> int:
        """Depths of an innermost loop."""
        return self.spec.run(self.schedule.merge)

    @cached_property
    def steps(self) -> int:
        """Rows of a packed panel: one for each depth, or for each word of a run."""
        return self.depth // self.run * ceil_div(self.run, self.spec.depths)

    @cached_property
    def width(self) -> int:
        """Distinct columns of one panel."""
        return min(self.schedule.tile.vectors * self.schedule.lanes, self.group_width)

    @cached_property
    def vector_starts(self) -> tuple[int, ...]:
        """First column of each vector, within its panel."""
        lanes = self.schedule.lanes
        return tuple(min(j * lanes, self.width - lanes) for j in range(ceil_div(self.width, lanes)))

    @cached_property
    def packed_width(self) -> int:
        """Elements per depth step of a packed panel."""
        return len(self.vector_starts) * self.schedule.lanes

    @cached_property
    def panels_per_group(self) -> int:
        """Panels of one merged group."""
        return ceil_div(self.group_width, self.width)

    @cached_property
    def count(self) -> int:
        """Panels in all."""
        return self.groups * self.panels_per_group

    @property
    def packed_shape(self) -> tuple[int, int, int]:
        """Shape of the packed weights: panel, depth or word of depths, column."""
        return self.count, self.steps, self.packed_width


def check(spec: ImplicitGemm, schedule: Schedule) -> None:
    """Raise KernelError for a schedule that the generator cannot follow."""
    width = spec.group_outputs * schedule.merge
    rows = spec.static_rows
    problems = {
        "merges more groups than there are": schedule.merge > spec.groups,
        "has vectors wider than a merged group": schedule.lanes > width,
        "has a tile or a block higher than the problem": rows is not None
        and max(schedule.tile.rows, schedule.block) > rows,
        "has a block smaller than its tile": schedule.block < schedule.tile.rows,
        "reads in place what the strip changes": schedule.in_place and not spec.may_read_in_place,
    }
    for problem, found in problems.items():
        if found:
            raise KernelError(f"the schedule {problem}: {schedule} for {spec}")
