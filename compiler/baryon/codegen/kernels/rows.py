"""Rows of an implicit GEMM: how they form images, blocks and tiles, and where their input lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from baryon.codegen.kernels.border import Border
from baryon.codegen.kernels.microkernel import Buffer, Expr, Loop, bind, fuse
from baryon.codegen.kernels.schedule import Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.kernels.strip import Strip
from baryon.codegen.tvm import tirx


@dataclass(frozen=True)
class Input:
    """Where input is read.

    origin: where the window of the first output pixel of an image would begin in `source`. steps:
    elements from one input row, pixel and channel to the next.
    """

    source: Buffer
    origin: Expr
    steps: tuple[int, int, int]


@dataclass(frozen=True)
class Block:
    """Rows that one task computes together.

    image: number of the independent problem. start: its first row. input: what serves all of its
    tiles; only those that touch padding if there is `inside`, which serves the others.
    """

    image: Expr
    start: Expr
    input: Input
    inside: Input | None = None


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

    def depth(self, steps: tuple[int, int, int]) -> list[Loop]:
        """The loops over window and channels, for the channels of one (merged) group.

        steps: as of `Input`. All inputs are walked in one order, so their sums agree to the bit.
        """
        (r, s), (dh, dw) = self.spec.kernel, self.spec.dilation
        row, pixel, channel = steps
        channels = self.spec.group_channels * self.schedule.merge
        outer, run = [Loop(r, dh * row), Loop(s, dw * pixel)], self.spec.run(self.schedule.merge)
        if run % self.spec.depths:  # words end with a run
            outer = outer[:1] if run > channels else outer
            return [loop for loop in fuse(outer) if loop.extent > 1] + [Loop(run, 1)]
        return fuse([*outer, Loop(channels, channel)])

    @property
    def steps(self) -> tuple[int, int, int]:
        """Elements from one input row, pixel and channel to the next, in the strip if there is
        one."""
        if self.spec.uses_strip:
            return self.strip.row, self.spec.channels, 1
        return self.spec.strides[1:]

    def block(self, image: Expr, index: Expr) -> Block:
        """A block, with its strip filled if the schedule wants one."""
        start = bind(self._start(index))
        in_place = self.schedule.in_place
        if not self.spec.uses_strip or (in_place and not any(self.spec.pad)):
            return Block(image, start, self._in_place(image))
        if self.spec.is_rows:
            count = self.schedule.block
            count = count if self.is_static else tirx.min(self.count - start, count)
            lines = self.strip.lines(image, start, count, self.schedule.block)
            return Block(image, start, Input(lines, -start * self.spec.channels, self.steps))
        first = bind(start // self.spec.out_size[1] * self.spec.stride[0])
        border = Border(self.spec, self.schedule) if in_place else None
        height = self._strip_height()
        window = self.strip.window(image, first - self.spec.pad[0], height, border)
        strip = Input(window, -first * self.strip.row, self.steps)
        return Block(image, start, strip, self._in_place(image) if in_place else None)

    def _in_place(self, image: Expr) -> Input:
        start, *steps = self.spec.strides
        top, left, _, _ = self.spec.pad
        origin = image * start - (top * steps[0] + left * steps[1])
        return Input(self.strip.source, origin, (steps[0], steps[1], steps[2]))

    def is_inside(self, tile: list[Expr]) -> Expr:
        """Whether the windows of all pixels of a tile, in one line, touch no padding."""
        inside, width = Border(self.spec, self.schedule), self.spec.out_size[1]
        line, pixel = bind(tile[0] // width), bind(tile[0] % width)
        return tirx.all(
            line >= inside.lines.start,
            line < inside.lines.stop,
            pixel >= inside.pixels.start,
            pixel <= inside.pixels.stop - len(tile),
        )

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

    def offsets(self, input: Input, tile: list[Expr]) -> list[Expr]:
        """Where the input of each row of a tile begins in its source."""
        pixel = input.steps[1]
        if not self.spec.is_rows:
            return [bind(input.origin + self._window_start(m, input)) for m in tile]
        if not self.is_static:
            return [bind(input.origin + m * pixel) for m in tile]
        first = bind(input.origin + tile[0] * pixel)
        return [first + i * pixel for i in range(len(tile))]

    def _window_start(self, m: Expr, input: Input) -> Expr:
        row, pixel, _ = input.steps
        (down, right), width = self.spec.stride, self.spec.out_size[1]
        return m // width * (down * row) + m % width * (right * pixel)
