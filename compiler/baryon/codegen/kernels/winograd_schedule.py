"""How a Winograd convolution is cut into tiles, blocks, parts and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

from baryon.codegen.kernels.microkernel import LINE
from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.kernels.winograd_transform import OF_CODES, WINOGRAD, Transform
from baryon.codegen.targets import Tile

Tasks = Literal["blocks", "parts"]

CHUNK = 4
"""Tiles whose inputs a task transforms, where tasks share a block."""


@dataclass(frozen=True)
class WinogradSchedule:
    """The decisions about one kernel; `outputs` alone changes a result.

    outputs: those of a tile along each axis. tile: register tile of the products: tiles of the
    image by vectors of output channels. lanes: elements per vector. block: tiles of the image per
    block. panels: column panels per part. tasks: what threads divide: "blocks", each with scratch
    memory of its own; or of one block after the other first its tiles, then its "parts", where all
    read the same transformed inputs.
    """

    outputs: int
    tile: Tile
    lanes: int
    block: int
    panels: int
    tasks: Tasks = "blocks"

    def __str__(self) -> str:
        tile = f"{self.tile.rows}x{self.tile.vectors}x{self.lanes}"
        sizes = f"block={self.block} panels={self.panels}"
        return f"outputs={self.outputs} tile={tile} {sizes} tasks={self.tasks}"


@dataclass(frozen=True)
class Layout:
    """Sizes that follow from a problem and a schedule, and where scratch memory holds what.

    Transformed inputs are [position, tile, channel]; products are [tile, position, column] for the
    columns of a part.
    """

    spec: ImplicitGemm
    schedule: WinogradSchedule

    @property
    def transform(self) -> Transform:
        """The transforms."""
        return (OF_CODES if self.spec.codes else WINOGRAD)[self.schedule.outputs]

    @property
    def input_type(self) -> str:
        """TVM's type of transformed inputs."""
        return "int16" if self.spec.codes else self.spec.dtype

    @property
    def input_lanes(self) -> int:
        """Channels per vector of inputs."""
        return self.schedule.lanes * 4 // self.input_bytes

    @property
    def input_bytes(self) -> int:
        """Bytes of a transformed input."""
        return 2 if self.spec.codes else 4

    @property
    def positions(self) -> int:
        """Products of matrices per tile."""
        return self.transform.positions**2

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Tiles of an image: rows and columns."""
        height, width = (ceil_div(n, self.schedule.outputs) for n in self.spec.out_size)
        return height, width

    @cached_property
    def tiles(self) -> int:
        """Tiles of an independent problem: all images, or each where their number is unknown."""
        return prod(self.grid) * (self.spec.batch or 1)

    @cached_property
    def blocks(self) -> int:
        """Blocks of an independent problem."""
        return ceil_div(self.tiles, self.schedule.block)

    @cached_property
    def product(self) -> ImplicitGemm:
        """The product of matrices at one position."""
        codes = "int16" if self.spec.codes else None
        return ImplicitGemm(
            self.spec.channels,
            self.spec.out_channels,
            size=(1, self.schedule.block),
            dtype=self.spec.dtype,
            source=codes,
            codes=codes,
            depths=2 if codes else 1,
        )

    @cached_property
    def product_schedule(self) -> Schedule:
        """Its schedule."""
        return Schedule(
            self.schedule.tile, self.schedule.lanes, self.schedule.block, self.schedule.panels
        )

    @cached_property
    def columns(self) -> Columns:
        """Its panels."""
        return Columns(self.product, self.product_schedule)

    @cached_property
    def panels(self) -> int:
        """Panels per part."""
        return min(self.schedule.panels, self.columns.count)

    @cached_property
    def parts(self) -> int:
        """Parts of all columns; the last may be smaller."""
        return ceil_div(self.columns.count, self.panels)

    @cached_property
    def panel_size(self) -> int:
        """Words of a panel of transformed weights at one position; they have four bytes."""
        return self.columns.steps * self.columns.packed_width

    @cached_property
    def weights_size(self) -> int:
        """Words of all transformed weights, [position, panel, channel or pair of them, column]."""
        return self.positions * self.columns.count * self.panel_size

    @cached_property
    def input_step(self) -> int:
        """Elements from one position of the transformed inputs to the next.

        An odd number of cache lines, lest the positions of a tile compete for the same few lines.
        """
        line = LINE * 4 // self.input_bytes
        return (ceil_div(self.schedule.block * self.spec.channels, line) | 1) * line

    @cached_property
    def inputs_size(self) -> int:
        """Elements of the transformed inputs of a block."""
        return self.positions * self.input_step

    @cached_property
    def row_size(self) -> int:
        """Elements of the products of one tile at one position, for a part."""
        return self.panels * self.columns.packed_width

    @cached_property
    def products_size(self) -> int:
        """Elements of the products of a block and a part."""
        return self.schedule.block * self.positions * self.row_size
