"""Winograd's convolution F(m x m, 3 x 3), generated as TensorIR.

An image is cut into tiles of m x m output pixels. For each block of tiles: their inputs are
transformed; at each of the (m + 2)^2 positions of a transformed tile, inputs and weights are
multiplied as matrices (tiles by input channels by output channels) with the register tile of
implicit GEMM; the products are transformed to outputs, on which the epilogue runs.

Nothing is masked. Of tiles that pass the end of the image, inputs are gathered among zeros and
only the pixels inside are stored. Blocks, register tiles, panels and vectors that do not divide
are moved back to end where the problem ends, and compute a few elements twice, with the same
result: where a tile lies does not depend on the block that computes it.
Therefore the output must not share memory with an operand of the epilogue.
"""

from __future__ import annotations

from dataclasses import dataclass

from baryon.codegen.kernel import allocate
from baryon.codegen.kernels.codes import CodeWords, MultiplyCodes
from baryon.codegen.kernels.implicit_gemm import Operands, fetch_steps, loop
from baryon.codegen.kernels.microkernel import (
    Ahead,
    Buffer,
    Expr,
    Flat,
    Loop,
    Multiply,
    bind,
    splat,
    wide,
)
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.kernels.strip import Elementwise, Position, converted
from baryon.codegen.kernels.winograd_schedule import CHUNK, Layout, WinogradSchedule
from baryon.codegen.maths.lanes import as_bits
from baryon.codegen.tvm import T, tirx


def emit(
    spec: ImplicitGemm,
    schedule: WinogradSchedule,
    operands: Operands,
    epilogue: Elementwise | None = None,
    prologue: Elementwise | None = None,
) -> None:
    """Write the kernel into the TIR function under construction.

    operands.weights: packed by `winograd_plan.pack`. epilogue, prologue: as for `implicit_gemm`.
    """
    _Emitter(Layout(spec, schedule), operands, epilogue, prologue).run()


@dataclass(frozen=True)
class Place:
    """A tile in its image: its first input pixel (negative within the padding) and output pixel."""

    image: Expr
    input: tuple[Expr, Expr]
    output: tuple[Expr, Expr]


class _Emitter:
    def __init__(
        self,
        layout: Layout,
        operands: Operands,
        epilogue: Elementwise | None,
        prologue: Elementwise | None,
    ) -> None:
        self.layout, self.spec, self.schedule = layout, layout.spec, layout.schedule
        self.operands, self.epilogue, self.prologue = operands, epilogue, prologue
        self.lanes, self.size = self.schedule.lanes, layout.transform.positions
        self.codes = self.spec.codes is not None
        self.problems = 1 if self.spec.batch is not None else operands.batch

    def run(self) -> None:
        """Loops over blocks and parts, as parallel tasks."""
        if self.schedule.tasks == "blocks":
            with loop(self.problems * self.layout.blocks, T.parallel) as index:
                inputs, first = self._inputs(), self._first(index)
                self._transform(inputs, first, 0, self.schedule.block)
                with loop(self.layout.parts) as part:
                    self._part(inputs, first, part)
            return
        inputs = self._inputs()
        with loop(self.problems * self.layout.blocks) as index:
            first = self._first(index)
            with loop(ceil_div(self.schedule.block, CHUNK), T.parallel) as chunk:
                start = bind(chunk * CHUNK)
                self._transform(inputs, first, start, _rest(self.schedule.block, start, CHUNK))
            with loop(self.layout.parts, T.parallel) as part:
                self._part(inputs, first, part)

    def _inputs(self) -> Flat:
        return self._allocate(self.layout.inputs_size, self.layout.input_type)

    def _allocate(self, elements: int, dtype: str | None = None) -> Flat:
        return Flat(allocate(elements, dtype or self.spec.dtype, layout=None))

    def _first(self, index: Expr) -> Expr:
        """First tile of a block, counted over all images."""
        layout, size = self.layout, self.schedule.block
        if self.spec.batch is not None:
            return bind(_back(index, size, layout.tiles))
        image = bind(index // layout.blocks)
        return bind(image * layout.tiles + _back(index % layout.blocks, size, layout.tiles))

    def _place(self, tile: Expr) -> Place:
        (height, width), outputs = self.layout.grid, self.schedule.outputs
        line = bind(tile // width)
        y, x = bind(line % height * outputs), bind(tile % width * outputs)
        top, left, _, _ = self.spec.pad
        return Place(bind(line // height), (bind(y - top), bind(x - left)), (y, x))

    # inputs

    def _transform(self, inputs: Flat, first: Expr, start: Expr, count: Expr) -> None:
        """The transformed inputs of `count` tiles from number `start` of a block on."""
        lanes = self.layout.input_lanes
        vectors, elements = ceil_div(self.spec.channels, lanes), self.size**2 * lanes
        scratch = [self._allocate(elements, self.layout.input_type) for _ in range(2)]
        with loop(count) as offset:
            index = bind(start + offset)
            place = self._place(first + index)
            inside = self._is_inside(place)
            with loop(vectors) as vector:
                channel = bind(_back(vector, lanes, self.spec.channels))
                self._columns(place, channel, inside, *scratch)
                self._rows(scratch[0], inputs, index * self.spec.channels + channel)

    def _is_inside(self, place: Place) -> Expr:
        """Whether the inputs of a tile lie inside the image."""
        begins = [at >= 0 for at in place.input]
        ends = [at <= n - self.size for at, n in zip(place.input, self.spec.size, strict=True)]
        return bind(tirx.all(*begins, *ends))

    def _columns(self, place: Place, channel: Expr, inside: Expr, to: Flat, patch: Flat) -> None:
        """Columns of a tile of inputs, transformed: [row, column] of vectors."""
        with T.If(inside):
            with T.Then(), T.serial(self.size) as j:
                self._column([self._input(place, i, j, channel) for i in range(self.size)], j, to)
            with T.Else():
                self._gather(place, channel, patch)
                with T.serial(self.size) as j:
                    self._column([self._cell(patch, i, j) for i in range(self.size)], j, to)

    def _column(self, values: list[Expr], j: Expr, to: Flat) -> None:
        results = self.layout.transform.of_inputs([T.bind(v) for v in values])
        for i, value in enumerate(results):
            to.store(value, self._at(i, j), self.layout.input_lanes)

    def _at(self, i: Expr, j: Expr) -> Expr:
        return (i * self.size + j) * self.layout.input_lanes

    def _cell(self, patch: Flat, i: Expr, j: Expr) -> Expr:
        return patch.load(self._at(i, j), self.layout.input_lanes)

    def _input(self, place: Place, i: Expr, j: Expr, channel: Expr) -> Expr:
        """A vector of the image, after the prologue."""
        (y, x), (height, width) = place.input, self.spec.size
        image, row, pixel, _ = self.spec.strides
        start = place.image * image + y * row + x * pixel + channel
        lanes = self.layout.input_lanes
        value = self.operands.source.load(start + i * row + j * pixel, lanes)
        if self.prologue is not None:
            number = bind((place.image * height + y + i) * width + x + j)
            value = self.prologue(value, Position(place.image, number, channel, lanes))
        return converted(value, self.spec) if self.codes else value

    def _gather(self, place: Place, channel: Expr, patch: Flat) -> None:
        """The inputs of a tile that lie inside the image, and zeros around them."""
        lanes = self.layout.input_lanes
        zero = splat(tirx.const(0, self.layout.input_type), lanes)
        with T.serial(self.size**2) as cell:
            patch.store(zero, cell * lanes, lanes)
        ranges = [self._range(at, n) for at, n in zip(place.input, self.spec.size, strict=True)]
        (top, rows), (left, columns) = ranges
        with T.serial(rows) as r, T.serial(columns) as c:
            i, j = bind(top + r), bind(left + c)
            patch.store(self._input(place, i, j, channel), self._at(i, j), lanes)

    def _range(self, first: Expr, size: int) -> tuple[Expr, Expr]:
        """The first pixel of a tile along an axis that lies inside the image, and how many do."""
        begin = bind(tirx.max(0 - first, 0))
        return begin, bind(tirx.max(tirx.min(size - first, self.size) - begin, 0))

    def _rows(self, columns: Flat, inputs: Flat, offset: Expr) -> None:
        """Rows of a tile, transformed and written where each position collects its inputs."""
        step = self.layout.input_step
        with T.serial(self.size) as i:
            values = [T.bind(self._cell(columns, i, j)) for j in range(self.size)]
            at = wide(offset + i * (self.size * step))
            for j, value in enumerate(self.layout.transform.of_inputs(values)):
                inputs.store(value, at + j * step, self.layout.input_lanes)

    # products

    def _part(self, inputs: Flat, first: Expr, part: Expr) -> None:
        """Some panels of a block."""
        layout = self.layout
        panel = bind(part * layout.panels)
        count = _rest(layout.columns.count, panel, layout.panels)
        products = self._allocate(layout.products_size)
        tiles = ceil_div(self.schedule.block, self.schedule.tile.rows)
        with (
            T.serial(layout.positions) as position,
            loop(count) as offset,
            loop(tiles) as index,
        ):
            tile = bind(_back(index, self.schedule.tile.rows, self.schedule.block))
            weights = bind((position * layout.columns.count + panel + offset) * layout.panel_size)
            ahead = self._ahead(weights, bind(index), tiles)
            sums = self._multiply(inputs, position, tile, weights, ahead)
            self._keep(sums, products, position, tile, offset)
        self._outputs(products, first, panel, count)

    def _ahead(self, weights: Expr, index: Expr, tiles: int) -> Ahead | None:
        """The share of the next panel's weights that the index-th tile of a block fetches."""
        layout = self.layout
        steps = fetch_steps(4 * layout.weights_size, tiles, layout.columns.steps)
        if steps == 0:
            return None
        size = layout.panel_size
        share = size // steps
        start = bind(weights + size + tirx.min(index * share, size - share))
        last = layout.weights_size - layout.columns.packed_width
        return Ahead(self._weights, start, last, steps)

    @property
    def _weights(self) -> Buffer:
        packed = self.operands.weights
        return CodeWords(packed, self.layout.product.depths) if self.codes else packed

    def _multiply(
        self, inputs: Flat, position: Expr, tile: Expr, weights: Expr, ahead: Ahead | None
    ) -> list[list[Expr]]:
        """A register tile: the products of some tiles and a panel at one position."""
        layout, columns = self.layout, self.layout.columns
        channels, rows = self.spec.channels, range(self.schedule.tile.rows)
        words, loops = self._weights, [Loop(channels, 1)]
        shape = (columns.packed_width, self.lanes, len(columns.vector_starts), self.spec.dtype)
        multiply: Multiply = (
            MultiplyCodes(inputs, words, loops, *shape)
            if isinstance(words, CodeWords)
            else Multiply(inputs, words, loops, *shape)
        )
        start = bind(position * layout.input_step + tile * channels)
        return multiply.emit([start + i * channels for i in rows], weights, ahead)

    def _keep(
        self, sums: list[list[Expr]], products: Flat, position: Expr, tile: Expr, offset: Expr
    ) -> None:
        """Store the sums of a register tile."""
        layout, columns = self.layout, self.layout.columns
        step = layout.positions * layout.row_size
        at = bind(tile * step + position * layout.row_size + offset * columns.packed_width)
        for i, line in enumerate(sums):
            for j, value in enumerate(line):
                products.store(value, at + i * step + j * self.lanes, self.lanes)

    # outputs

    def _outputs(self, products: Flat, first: Expr, panel: Expr, count: Expr) -> None:
        """The outputs of a block and a part."""
        layout, columns = self.layout, self.layout.columns
        vectors = len(columns.vector_starts)
        kind = "uint32" if self.codes else None  # TVM's signed sums must not overflow
        scratch = self._allocate(self.size * self.schedule.outputs * self.lanes, kind)
        line = self._allocate(self.schedule.outputs * self.lanes)
        with T.serial(self.schedule.block) as index:
            place = self._place(first + index)
            with loop(count) as offset, loop(vectors) as vector:
                at = index * (layout.positions * layout.row_size)
                at = at + offset * columns.packed_width + vector * self.lanes
                self._down(products, bind(at), scratch)
                start = bind(_back(panel + offset, columns.width, self.spec.out_channels))
                channel = bind(start + _back(vector, self.lanes, columns.width))
                self._across(scratch, line, place, channel)

    def _down(self, products: Flat, at: Expr, to: Flat) -> None:
        """Columns of a tile of products, transformed: [output row, column] of vectors."""
        step = self.layout.row_size
        with T.serial(self.size) as j:
            places = [at + (i * self.size + j) * step for i in range(self.size)]
            values = [T.bind(self._product(products, place)) for place in places]
            for i, value in enumerate(self.layout.transform.of_products(values)):
                to.store(value, (i * self.size + j) * self.lanes, self.lanes)

    def _product(self, products: Flat, place: Expr) -> Expr:
        value = products.load(place, self.lanes)
        return as_bits(value, "uint32") if self.codes else value

    def _across(self, rows: Flat, line: Flat, place: Place, channel: Expr) -> None:
        """Rows of a tile, transformed; the pixels inside the image are stored."""
        (y, x), (height, width), outputs = place.output, self.spec.out_size, self.schedule.outputs
        transform = self.layout.transform
        with loop(_rest(height, y, outputs)) as i:
            places = [(i * self.size + j) * self.lanes for j in range(self.size)]
            values = [T.bind(rows.load(place, self.lanes)) for place in places]
            for j, value in enumerate(transform.of_products(values)):
                line.store(transform.finished(value), j * self.lanes, self.lanes)
            pixel = bind((place.image * height + y + i) * width + x)
            with loop(_rest(width, x, outputs)) as j:
                value = line.load(j * self.lanes, self.lanes)
                self._store(value, Position(place.image, bind(pixel + j), channel, self.lanes))

    def _store(self, value: Expr, at: Position) -> None:
        if self.epilogue is not None:
            value = self.epilogue(value, at)
        pixel = at.pixel if self.operands.place is None else self.operands.place(at.pixel)
        self.operands.output.store(value, pixel * self.spec.output_pitch + at.channel, at.lanes)


def _back(index: Expr, size: int, total: int) -> Expr:
    """Where piece `index` of `total` begins; the last one is moved back to end at the end."""
    if total % size == 0:
        return index * size
    return tirx.min(index * size, total - size)


def _rest(total: int, start: Expr, size: int) -> Expr:
    """How many of `size` from `start` on there are."""
    return size if total % size == 0 else bind(tirx.min(total - start, size))
