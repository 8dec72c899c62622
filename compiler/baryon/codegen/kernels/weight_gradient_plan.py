"""How the gradient of a convolution's weights is cut up: geometry without code.

result[(tap, channel), filter] = sum over pixels of data[pixel + tap, channel] * grad[pixel, filter]
is a matrix product whose depth is all output pixels. Blocks of pixels are small enough that what a
register tile reads stays in level 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from baryon.codegen.expr import Expr
from baryon.codegen.kernels.contraction import int_of, plane
from baryon.codegen.kernels.cost import LATENCY, LOAD_CYCLES, TILE_CYCLES
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.targets import Target, Tile
from baryon.codegen.tvm import tirx
from baryon.ir import DType, Op, Sym, f32
from baryon.ops import TABLE
from baryon.ops.nn_conv import conv_window

PARTIAL_BYTES = 1 << 20
"""Memory up to which threads that share the pixels may have sums of their own."""
ROWS = 96
"""Rows of the result for which a panel of gradients is read from level 2 once, at least."""


@dataclass(frozen=True)
class WeightGradient:
    """An `ir.convolution_weight_gradient` in numbers; planes are (vertical, horizontal)."""

    op: Op
    target: Target

    @cached_property
    def attrs(self) -> Any:
        """The op's attributes, normalized."""
        return TABLE[self.op.name].normalize(self.op.attrs)

    @cached_property
    def _window(self) -> dict[str, tuple[int, int]]:
        window = conv_window(self.op.name, self.op.operands[0].type.rank, self.attrs)
        parts = {"kernel": window.kernel, "stride": window.stride, "dilate": window.dilate}
        return {k: plane(v) for k, v in parts.items()} | {"before": plane(window.before, line=0)}

    @property
    def kernel(self) -> tuple[int, int]:
        """Taps."""
        return self._window["kernel"]

    @property
    def stride(self) -> tuple[int, int]:
        """Input pixels from one output pixel to the next."""
        return self._window["stride"]

    @property
    def dilate(self) -> tuple[int, int]:
        """Input pixels from tap to tap."""
        return self._window["dilate"]

    @property
    def before(self) -> tuple[int, int]:
        """Padding above and to the left."""
        return self._window["before"]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Input pixels."""
        return plane(self.op.operands[0].type.shape[2:])

    @cached_property
    def out_size(self) -> tuple[int, int]:
        """Output pixels."""
        return plane(self.op.operands[1].type.shape[2:])

    @cached_property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.attrs["num_group"])

    @cached_property
    def channels(self) -> int:
        """Input channels of a group."""
        return int_of(self.op.operands[0].type.shape[1]) // self.groups

    @cached_property
    def filters(self) -> int:
        """Output channels of a group."""
        return int_of(self.op.operands[1].type.shape[1]) // self.groups

    @property
    def batch(self) -> Any:
        """Images: a number or a symbol."""
        return self.op.operands[0].type.shape[0]

    @property
    def dtype(self) -> DType:
        """The element type of sums."""
        dtype = self.op.result.type.dtype
        return f32 if dtype.bits == 16 else dtype

    @property
    def taps(self) -> int:
        """Taps of the window."""
        return prod(self.kernel)

    # columns: filters, in panels

    @cached_property
    def lanes(self) -> int:
        """Filters per vector."""
        return min(self.target.lanes(self.dtype.itemsize), self.filters)

    @cached_property
    def tile(self) -> Tile:
        """The register tile that needs the fewest cycles."""
        return min(self.target.tiles, key=self._cycles)

    def _cycles(self, tile: Tile) -> float:
        vectors = min(tile.vectors, ceil_div(self.filters, self.lanes))
        panels = ceil_div(self.filters, min(vectors * self.lanes, self.filters))
        tiles = ceil_div(self.taps * self.channels, tile.rows)
        step = max(tile.rows * vectors / 2, LATENCY, (tile.rows + vectors) * LOAD_CYCLES)
        return tiles * panels * (step + TILE_CYCLES / self.steps(vectors))  # per pixel

    @cached_property
    def vectors(self) -> int:
        """Vectors of a panel."""
        return min(self.tile.vectors, ceil_div(self.filters, self.lanes))

    @property
    def width(self) -> int:
        """Distinct filters of a panel."""
        return min(self.vectors * self.lanes, self.filters)

    @property
    def starts(self) -> list[int]:
        """First filter of each vector of a panel; the last two may overlap."""
        return [min(j * self.lanes, self.width - self.lanes) for j in range(self.vectors)]

    @property
    def panel_width(self) -> int:
        """Elements of a panel for each pixel."""
        return self.vectors * self.lanes

    @property
    def panels(self) -> int:
        """Panels of a group."""
        return ceil_div(self.filters, self.width)

    # rows: taps and channels, in chunks of channels

    @cached_property
    def chunk(self) -> int:
        """Channels of a chunk, whose pixels stay in level 1 while all taps use them."""
        if self.channels <= 2 * self.tile.rows:
            return self.channels
        return min(self.channels, ceil_div(ROWS, self.taps * self.tile.rows * 2) * self.tile.rows)

    @property
    def chunks(self) -> int:
        """Chunks of a group; the last one is moved back to end with the group."""
        return ceil_div(self.channels, self.chunk)

    @property
    def rows(self) -> int:
        """Rows of a chunk: one for each tap and channel."""
        return self.taps * self.chunk

    @property
    def height(self) -> int:
        """Rows of a register tile."""
        return min(self.tile.rows, self.rows)

    @property
    def tiles(self) -> int:
        """Tiles of a chunk; the last one is moved back to end with the chunk."""
        return ceil_div(self.rows, self.height)

    def slot(self, row: Expr) -> Expr:
        """Which of a chunk's sums a row finally has: tiles that overlap have sums of their own."""
        moved = self.tiles * self.height - self.rows
        if not moved:
            return row
        return tirx.Select(row < (self.tiles - 1) * self.height, row, row + moved)

    # depth: pixels, in blocks

    def steps(self, vectors: int) -> int:
        """Pixels of a block, about: its gradients for one panel fill half of level 1."""
        bytes_each = vectors * self.lanes * self.dtype.itemsize
        return max(32, self.target.cache_bytes[0] // 2 // bytes_each)

    @cached_property
    def images(self) -> int:
        """Images of a block; 1 where it is a part of an image."""
        most = max(1, self.steps(self.vectors) // prod(self.out_size))
        if isinstance(self.batch, Sym):
            return 1 if most == 1 else min(most, 16)
        fitting = [n for n in range(most, 0, -1) if self.batch % n == 0]
        return fitting[0] if 2 * fitting[0] > most else max(1, min(most, self.batch))

    @cached_property
    def lines(self) -> int:
        """Rows of output pixels of a block."""
        height, width = self.out_size
        if self.images > 1:
            return height
        most = max(1, self.steps(self.vectors) // width)
        return ceil_div(height, ceil_div(height, most))

    @property
    def lines_in(self) -> int:
        """Rows of input pixels that a block of one image needs."""
        return (self.lines - 1) * self.stride[0] + (self.kernel[0] - 1) * self.dilate[0] + 1

    @property
    def width_in(self) -> int:
        """Input pixels of such a row, padding included."""
        return (self.out_size[1] - 1) * self.stride[1] + (self.kernel[1] - 1) * self.dilate[1] + 1

    @property
    def blocks_of_image(self) -> int:
        """Blocks of an image, where it has several."""
        return ceil_div(self.out_size[0], self.lines)

    @property
    def blocks(self) -> int:
        """Blocks in all; of one symbolic image, or as many as fill a block."""
        if self.images > 1:
            return 1 if isinstance(self.batch, Sym) else ceil_div(self.batch, self.images)
        return self.blocks_of_image * (1 if isinstance(self.batch, Sym) else self.batch)

    # tasks

    @cached_property
    def parts(self) -> tuple[int, int, int]:
        """Shares of the pixels, the chunks and the panels; each combination is a task."""
        return min(self._shares(), key=self._share_cost)

    def _shares(self) -> Iterator[tuple[int, int, int]]:
        workers = ceil_div(max(self.target.threads), self.groups)
        most = (self.blocks, self.chunks, self.panels)
        if isinstance(self.batch, Sym):
            most = (self.target.threads[-1], self.chunks, self.panels)
        ranges = [range(1, min(workers, n) + 1) for n in most]
        for pixels, chunks, panels in product(*ranges):
            few = pixels == 1 or pixels * self.result_bytes <= PARTIAL_BYTES
            if few and pixels * chunks * panels <= workers:
                yield pixels, chunks, panels

    def _share_cost(self, shares: tuple[int, int, int]) -> tuple[float, int, int]:
        counts = (self.blocks if not isinstance(self.batch, Sym) else 64, self.chunks, self.panels)
        parts = [ceil_div(n, s) for n, s in zip(counts, shares, strict=True)]
        return prod(parts), shares[0], shares[1]

    @property
    def sums(self) -> int:
        """Elements of all sums of a group: panels and chunks of them."""
        return self.panels * self.chunks * self.piece

    @property
    def piece(self) -> int:
        """Elements of the sums of a panel and a chunk: [row of a tile, vector, lane]."""
        return self.tiles * self.height * self.panel_width

    @property
    def result_bytes(self) -> int:
        """Bytes of the sums of all groups."""
        return self.groups * self.sums * self.dtype.itemsize

    @property
    def flops(self) -> int:
        """Operations for one (symbolic) batch element or the whole batch."""
        images = 1 if isinstance(self.batch, Sym) else self.batch
        macs = self.taps * self.channels * self.filters * self.groups * prod(self.out_size)
        return 2 * images * macs
