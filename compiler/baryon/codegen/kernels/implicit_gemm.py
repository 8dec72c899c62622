"""Implicit GEMM: convolution and matrix products, generated as TensorIR.

The function that `emit` writes is, for each image, for each block of output rows (pixels) and each
panel of output columns (channels): tiles of rows x vectors accumulators over the whole depth, then
the epilogue and the store. Rows, columns and blocks that do not divide are not masked: the last
one is moved back to end where the problem ends and computes a few elements twice, with the same
result, because each output's sum runs over the depth in one fixed order.
Therefore the output must not share memory with an operand of the epilogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from baryon.codegen.kernels.codes import CodeWords, MultiplyCodes
from baryon.codegen.kernels.cost import candidates, choose
from baryon.codegen.kernels.microkernel import (
    LINE,
    Ahead,
    Buffer,
    Expr,
    Flat,
    Multiply,
    bind,
)
from baryon.codegen.kernels.packing import pack_weights, packed_size
from baryon.codegen.kernels.pairs import MultiplyPairs, Words
from baryon.codegen.kernels.rows import Block, Input, Rows
from baryon.codegen.kernels.schedule import Columns, Schedule, check
from baryon.codegen.kernels.spec import ImplicitGemm, KernelError, ceil_div
from baryon.codegen.kernels.strip import Elementwise, Position, Strip
from baryon.codegen.tvm import T, tirx

__all__ = [
    "Buffer", "Columns", "Elementwise", "Flat", "ImplicitGemm", "KernelError", "Position",
    "Schedule", "candidates", "choose", "emit", "pack_weights", "packed_size",
]  # fmt: skip


@dataclass(frozen=True)
class Operands:
    """Memory of one call.

    batch: images, as an int or an expression. place: from the number of an output pixel, counted
    over all images, to that of the pixel of the output buffer which it is; None where they are one.
    fetch: asks for the cache lines at a position that the epilogue will read.
    """

    source: Buffer
    weights: Buffer
    output: Buffer
    batch: Expr
    place: Callable[[Expr], Expr] | None = None
    fetch: Callable[[Position], None] | None = None


def emit(
    spec: ImplicitGemm,
    schedule: Schedule,
    operands: Operands,
    epilogue: Elementwise | None = None,
    prologue: Elementwise | None = None,
) -> None:
    """Write the kernel into the TIR function under construction.

    operands.weights are packed by `pack_weights` with the same spec and schedule; offsets into the
    output count from its first element, pixel * spec.output_pitch + channel. epilogue: applied to
    sums before they are stored. prologue: applied to inputs; needs spec.staged. KernelError if
    schedule and spec do not go together.
    """
    check(spec, schedule)
    if prologue is not None and not spec.staged:
        raise KernelError("a prologue needs a staged input", hint="set ImplicitGemm.staged")
    _Emitter(spec, schedule, operands, epilogue, prologue).run()


@contextmanager
def loop(extent: Expr, kind: Callable[[Expr], Any] = T.serial) -> Iterator[Expr]:
    """A TIR loop, or just its body where it runs once."""
    if isinstance(extent, int) and extent == 1:
        yield 0
        return
    with kind(extent) as i:
        yield i


FETCH_BYTES = 1 << 18
"""Packed weights of a kernel from which on they are fetched ahead."""
FETCH_TILES = 64
"""Tiles per block up to which they are: with more, waiting for memory is a small part."""

ROOMY_TILE = 8
"""Accumulators of pairs of codes beside which registers can hold what several steps load."""


def fetch_steps(weights: int, tiles: int, run: int) -> int:
    """Depth steps per fetch of a line of the next panel's weights; 0 for no fetching.

    It pays where a panel serves few tiles and the weights are larger than caches; all tiles of a
    block together, or the first ones, fetch all of the next panel. weights: bytes of all packed
    ones. tiles: those of a block. run: steps of the innermost loop.
    """
    if weights < FETCH_BYTES:
        return 0
    fitting = [n for n in (2, 4, 8) if n <= tiles <= FETCH_TILES and run % n == 0]
    return max(fitting, default=0)


class _Emitter:
    def __init__(
        self,
        spec: ImplicitGemm,
        schedule: Schedule,
        operands: Operands,
        epilogue: Elementwise | None,
        prologue: Elementwise | None,
    ) -> None:
        self.spec, self.schedule, self.operands = spec, schedule, operands
        self.epilogue = epilogue
        self.columns = Columns(spec, schedule)
        strip = Strip(
            spec, operands.source, schedule.lanes * max(1, 4 // spec.source_bytes), prologue
        )
        self.rows = Rows(spec, schedule, operands.batch, strip)
        self.parts = ceil_div(self.columns.count, schedule.panels)

    def run(self) -> None:
        """Loops over images, blocks and parts (runs of panels), as parallel tasks."""
        if self.schedule.tasks == "parts":
            self._split_parts()
        elif self.schedule.tasks == "blocks":
            self._split_blocks()
        else:
            self._all_blocks(0, self.parts)

    def _split_parts(self) -> None:
        """A task for each worker, with an even share of the parts."""
        share = ceil_div(self.parts, self.schedule.workers)
        with loop(ceil_div(self.parts, share), T.parallel) as worker:
            first = bind(worker * share)
            even = self.parts % share == 0
            self._all_blocks(first, share if even else tirx.min(share, self.parts - first))

    def _all_blocks(self, first: Expr, count: Expr) -> None:
        """Some parts of all blocks, the strip of each block filled once."""
        with loop(self.rows.images) as image, loop(self.rows.blocks) as index:
            block = self.rows.block(image, index)
            with loop(count) as part:
                self._part(block, bind(first + part))

    def _split_blocks(self) -> None:
        """A task for each block, or for each part of it where no strip has to serve them all."""
        shared = 1 if self.spec.uses_strip else self.parts
        with loop(self.rows.images * self.rows.blocks * shared, T.parallel) as task:
            index = bind(task // shared)
            image = 0 if self.rows.is_pooled else bind(index // self.rows.blocks)
            block = self.rows.block(image, index - image * self.rows.blocks)
            if shared == self.parts:
                self._part(block, task % shared)
                return
            with loop(self.parts) as part:
                self._part(block, part)

    def _part(self, block: Block, part: Expr) -> None:
        """All tiles of a block and a part."""
        first = bind(part * self.schedule.panels)
        count = min(self.schedule.panels, self.columns.count)
        if self.columns.count % count:
            count = tirx.min(self.columns.count - first, count)
        if self.schedule.panels_inner:
            with loop(self.rows.tiles(block)) as index:
                tile = self.rows.tile(block, index)
                for input in self._inputs(block, tile):
                    offsets = self.rows.offsets(input, tile)
                    with loop(count) as panel:
                        self._tile(block, input, tile, offsets, bind(first + panel))
            return
        with loop(count) as offset, loop(self.rows.tiles(block)) as index:
            panel = bind(first + offset)
            tile = self.rows.tile(block, index)
            for input in self._inputs(block, tile):
                offsets = self.rows.offsets(input, tile)
                self._tile(block, input, tile, offsets, panel, self._ahead(panel, index))

    def _inputs(self, block: Block, tile: list[Expr]) -> Iterator[Input]:
        """Where a tile reads, with the code emitted meanwhile run only where that input serves."""
        if block.inside is None:
            yield block.input
            return
        with T.If(self.rows.is_inside(tile)):
            with T.Then():
                yield block.inside
            with T.Else():
                yield block.input

    def _ahead(self, panel: Expr, tile: Expr) -> Ahead | None:
        """The share of the next panel's weights that this tile of a block fetches."""
        columns, steps = self.columns, self._fetch_steps()
        if steps == 0 or self.schedule.in_place:
            return None
        size, width = columns.steps * columns.packed_width, columns.packed_width
        share = size // steps
        within = tirx.min(tile * share, size - share)
        last = columns.count * size - width
        line, tile = LINE * 4 // self.spec.word_bytes, self.schedule.tile
        rolls = self._is_of_pairs and tile.rows * tile.vectors > ROOMY_TILE
        return Ahead(self._weights, bind((panel + 1) * size + within), last, steps, line, rolls)

    @property
    def _is_of_pairs(self) -> bool:
        """Whether products of codes take a register each before they are added."""
        return self.spec.codes is not None and self.spec.depths == 2

    @cached_property
    def _weights(self) -> Buffer:
        """The packed weights, addressed as the steps of a tile count them."""
        packed = self.operands.weights
        if self.spec.codes is not None:
            return CodeWords(packed, self.spec.depths)
        return Words(packed) if self.spec.pairs else packed

    def _fetch_steps(self) -> int:
        rows = self.spec.static_rows
        if rows is None:
            return 0
        tiles = ceil_div(min(self.schedule.block, rows), self.schedule.tile.rows)
        run, depths = self.rows.depth(self.rows.steps)[-1].extent, self.spec.depths
        size = prod(self.columns.packed_shape) * self.spec.word_bytes
        return fetch_steps(size, tiles, 1 if run % depths else run // depths)

    def _tile(
        self,
        block: Block,
        input: Input,
        tile: list[Expr],
        offsets: list[Expr],
        panel: Expr,
        ahead: Ahead | None = None,
    ) -> None:
        columns = self.columns
        group = bind(self._first_group(panel))
        channel = bind(group * self.spec.group_outputs + self._column(panel))
        multiply = self._multiply(input)
        skipped = group * (self.spec.group_channels * input.steps[2])
        inputs = [offset + skipped for offset in offsets]
        weights = bind(panel * (columns.steps * columns.packed_width))
        first = bind(block.image * self.spec.pixels + tile[0])
        pixels = [first + (m - tile[0]) if self.rows.is_static else m for m in tile]
        if self.operands.place is not None:
            pixels = [bind(self.operands.place(pixel)) for pixel in pixels]
        if self.operands.fetch is not None:
            for pixel in pixels:
                for start in range(0, columns.width, LINE):
                    self.operands.fetch(self._position(block.image, pixel, channel + start))
        for part, sums in multiply.emit_parts(inputs, weights, ahead):
            for pixel, line in zip(pixels[part], sums, strict=True):
                for start, value in zip(columns.vector_starts, line, strict=True):
                    self._store(value, self._position(block.image, pixel, channel + start))

    def _position(self, image: Expr, pixel: Expr, channel: Expr) -> Position:
        image = pixel // self.spec.pixels if self.rows.is_pooled else image
        return Position(image, pixel, channel, self.schedule.lanes)

    def _multiply(self, input: Input) -> Multiply:
        columns, spec = self.columns, self.spec
        shape = (columns.packed_width, self.schedule.lanes, len(columns.vector_starts), spec.dtype)
        weights, depth = self._weights, self.rows.depth(input.steps)
        if isinstance(weights, CodeWords):
            return MultiplyCodes(input.source, weights, depth, *shape)
        if isinstance(weights, Words):
            return MultiplyPairs(input.source, weights, depth, *shape, halves=spec.halves)
        return Multiply(input.source, weights, depth, *shape)

    def _store(self, value: Expr, at: Position) -> None:
        if self.epilogue is not None:
            value = self.epilogue(value, at)
        offset = at.pixel * self.spec.output_pitch + at.channel
        self.operands.output.store(value, offset, at.lanes)

    def _first_group(self, panel: Expr) -> Expr:
        columns = self.columns
        if columns.groups == 1:
            return 0
        group = panel // columns.panels_per_group * self.schedule.merge
        if self.spec.groups % self.schedule.merge == 0:
            return group
        return tirx.min(group, self.spec.groups - self.schedule.merge)

    def _column(self, panel: Expr) -> Expr:
        """First column of a panel within its merged group."""
        columns = self.columns
        start = panel % columns.panels_per_group * columns.width
        if columns.group_width % columns.width == 0:
            return start
        return tirx.min(start, columns.group_width - columns.width)
