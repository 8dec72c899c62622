"""Rows of an implicit GEMM: how they form images, blocks and tiles, and where their input lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from baryon.codegen.kernels.microkernel import Buffer, Expr, Loop, bind, fuse
from baryon.codegen.kernels.schedule import Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.kernels.strip import Strip
from baryon.codegen.tvm import tirx


@dataclass(frozen=True)
class Block:
    """Rows that one task computes together.

    image: number of the independent problem. start: its first row. source: where its input is
    read. origin: (row, input row) that lie at the beginning of `source`.
    """

    image: Expr
    start: Expr
    source: Buffer
    origin: Expr


@dataclass(frozen=True)
class Rows:
    """The rows of a problem under a schedule. batch: number of images, int or expression."""

    spec: ImplicitGemm
    schedule: Schedule
    batch: Expr
    strip: Strip

    @cached_property
    def count(self) -> Expr:
        """Rows of one independent problem."""
        static = self.spec.static_rows
        return self.batch if static is None else static

    @cached_property
    def images(self) -> Expr:
        """Independent problems."""
        return 1 if self.is_pooled else self.batch

    @property
    def is_pooled(self) -> bool:
        """Whether the rows of all images are one problem."""
        return self.spec.is_rows and (self.spec.batch is not None or self.spec.pixels == 1)

    @property
    def is_static(self) -> bool:
        """Whether the number of rows is known at compile time."""
        return self.spec.static_rows is not None

    @cached_property
    def blocks(self) -> Expr:
        """Blocks per problem."""
        size = self.schedule.block
        return ceil_div(self.count, size) if self.is_static else (self.count + (size - 1)) // size

    def tiles(self, block: Block) -> Expr:
        """Tiles of a block."""
        size, tile = self.schedule.block, self.schedule.tile.rows
        if self.is_static:
            return ceil_div(size, tile)
        return (tirx.min(self.count - block.start, size) + (tile - 1)) // tile

    @cached_property
    def depth(self) -> list[Loop]:
        """The loops over window and channels, for the channels of one (merged) group."""
        (r, s), (dh, dw) = self.spec.kernel, self.spec.dilation
        row, pixel = self._steps
        channels = self.spec.group_channels * self.schedule.merge
        outer, run = [Loop(r, dh * row), Loop(s, dw * pixel)], self.spec.run(self.schedule.merge)
        if run % self.spec.depths:  # words end with a run
            outer = outer[:1] if run > channels else outer
            return [loop for loop in fuse(outer) if loop.extent > 1] + [Loop(run, 1)]
        return fuse([*outer, Loop(channels, 1)])

    @property
    def _steps(self) -> tuple[int, int]:
        """Elements from one input row and pixel to the next, in the strip if there is one."""
        if self.spec.uses_strip:
            return self.strip.row, self.spec.channels
        return self.spec.strides[1], self.spec.strides[2]

    def block(self, image: Expr, index: Expr) -> Block:
        """A block, with its strip filled if the problem wants one."""
        start = bind(self._start(index))
        if not self.spec.uses_strip:
            return Block(image, start, self.strip.source, image * self.spec.strides[0])
        if self.spec.is_rows:
            count = self.schedule.block
            count = count if self.is_static else tirx.min(self.count - start, count)
            lines = self.strip.lines(image, start, count, self.schedule.block)
            return Block(image, start, lines, -start * self.spec.channels)
        first = bind(start // self.spec.out_size[1] * self.spec.stride[0])
        window = self.strip.window(image, first - self.spec.pad[0], self._strip_height())
        return Block(image, start, window, -first * self.strip.row)

    def _start(self, index: Expr) -> Expr:
        size = self.schedule.block
        if not self.is_static or self.count % size == 0:
            return index * size
        return tirx.min(index * size, self.count - size)

    def _strip_height(self) -> int:
        """Input rows that a block's window needs, wherever in a row the block starts."""
        width, size = self.spec.out_size[1], self.schedule.block
        aligned = size % width == 0 and self.count % size == 0
        lines = size // width if aligned else (size - 2) // width + 2
        lines = min(lines, self.spec.out_size[0])
        return (lines - 1) * self.spec.stride[0] + self.spec.window[0]

    def tile(self, block: Block, index: Expr) -> list[Expr]:
        """Numbers of the rows of a tile, within their problem."""
        size, tile = self.schedule.block, self.schedule.tile.rows
        if not self.is_static:
            first = bind(block.start + index * tile)
            return [bind(tirx.min(first + i, self.count - 1)) for i in range(tile)]
        step = index * tile if size % tile == 0 else tirx.min(index * tile, size - tile)
        first = bind(block.start + step)
        return [first + i for i in range(tile)]

    def offsets(self, block: Block, tile: list[Expr]) -> list[Expr]:
        """Where the input of each row of a tile begins in the block's source."""
        pixel = self._steps[1]
        if not self.spec.is_rows:
            return [bind(block.origin + self._window_start(m)) for m in tile]
        if not self.is_static:
            return [bind(block.origin + m * pixel) for m in tile]
        first = bind(block.origin + tile[0] * pixel)
        return [first + i * pixel for i in range(len(tile))]

    def _window_start(self, m: Expr) -> Expr:
        row, pixel = self._steps
        (down, right), width = self.spec.stride, self.spec.out_size[1]
        return m // width * (down * row) + m % width * (right * pixel)
