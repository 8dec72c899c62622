"""Strips: the input of a block of rows, copied to scratch memory with its padding.

A strip is channels-last and dense, so the channels of one kernel row are one contiguous run. It
absorbs a prologue (any element-wise function of the input), which thus runs once per element and
not once per product; padding is added after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from baryon.codegen.kernel import allocate
from baryon.codegen.kernels.border import Border
from baryon.codegen.kernels.microkernel import Buffer, Expr, Flat, bind, splat
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.maths import half
from baryon.codegen.maths.lanes import as_bits, const, convert
from baryon.codegen.tvm import T, tirx


@dataclass(frozen=True)
class Position:
    """Where a vector of elements lies.

    image: number of the image. pixel: number of the pixel, counted over all images. channel: first
    channel. lanes: number of neighbouring channels.
    """

    image: Expr
    pixel: Expr
    channel: Expr
    lanes: int


Elementwise = Callable[[Expr, Position], Expr]
"""Maps a vector (a scalar for one lane) at a position to one of the same lanes."""


@dataclass(frozen=True)
class Strip:
    """Fills strips of one problem.

    source: the whole input. lanes: elements per vector.
    """

    spec: ImplicitGemm
    source: Buffer
    lanes: int
    prologue: Elementwise | None = None

    @property
    def width(self) -> int:
        """Pixels per row of a window strip, padding included."""
        return (self.spec.out_size[1] - 1) * self.spec.stride[1] + self.spec.window[1]

    @property
    def row(self) -> int:
        """Elements per row of a window strip."""
        return self.width * self.spec.channels

    def lines(self, image: Expr, first: Expr, count: Expr, most: int) -> Flat:
        """A strip of `count` (at most `most`) pixels from pixel `first` of an image on."""
        strip = self._allocate(most * self.spec.channels)
        pixels, start = self.spec.pixels, self.spec.strides[0]
        with T.serial(count) as x:
            pixel = bind(first + x)
            at = Position(image, image * pixels + pixel, 0, 1)
            self._pixel(strip, x, image * start + pixel * self.spec.strides[2], at)
        return strip

    def window(self, image: Expr, first: Expr, height: int, border: Border | None = None) -> Flat:
        """A strip of input rows with their padding. first: negative within the top padding. border:
        if given, only what it needs is put into the strip."""
        strip = self._allocate(height * self.row)
        with T.serial(height) as y:
            row = bind(first + y)
            start = bind(y * self.row)
            with T.If(tirx.all(row >= 0, row < self.spec.size[0])):
                with T.Then():
                    self._part_of_row(strip, start, image, row, border)
                with T.Else():
                    self._zero(strip, start, self.row)
        return strip

    def _part_of_row(
        self, strip: Flat, start: Expr, image: Expr, row: Expr, border: Border | None
    ) -> None:
        whole = (0, self.width)
        if border is None or border.columns == [whole]:
            self._row(strip, start, image, row, whole)
            return
        with T.If(tirx.all(row >= border.rows.start, row < border.rows.stop)):
            with T.Then():
                for run in border.columns:
                    self._row(strip, start, image, row, run)
            with T.Else():
                self._row(strip, start, image, row, whole)

    def _allocate(self, elements: int) -> Flat:
        """Scratch memory, and as much more as the last word of a run may reach beyond it."""
        return Flat(allocate(elements + self.spec.depths - 1, self.dtype, layout=None))

    @property
    def dtype(self) -> str:
        """TVM's type of the elements: bfloat16 is kept as bits, of which kernels read pairs."""
        return "uint16" if self.spec.halves else self.spec.source or self.spec.dtype

    def _put(self, strip: Flat, value: Expr, offset: Expr, lanes: int) -> None:
        if self.spec.codes is not None:
            value = converted(value, self.spec)
        strip.store(half.bits(value) if self.spec.halves else value, offset, lanes)

    def _row(self, strip: Flat, start: Expr, image: Expr, row: Expr, run: tuple[int, int]) -> None:
        """Fill a row of the strip from one column to before another."""
        channels, left = self.spec.channels, self.spec.pad[1]
        first, end = (min(max(x, run[0]), run[1]) for x in (left, left + self.spec.size[1]))
        self._zero(strip, start + run[0] * channels, (first - run[0]) * channels)
        height, width = self.spec.size
        at = Position(image, (image * height + row) * width + (first - left), 0, 1)
        _, down, right, _ = self.spec.strides
        origin = bind(image * self.spec.strides[0] + row * down + (first - left) * right)
        self._copy(strip, start + first * channels, origin, at, end - first)
        self._zero(strip, start + end * channels, (run[1] - end) * channels)

    def _copy(self, strip: Flat, start: Expr, origin: Expr, at: Position, pixels: int) -> None:
        """Copy neighbouring pixels of the input, from one at `origin` and `at` on."""
        if self._is_line():
            self._cover(
                pixels * self.spec.channels,
                lambda i, n: self._put(strip, self.source.load(origin + i, n), start + i, n),
            )
            return
        with T.serial(pixels) as x:
            moved = Position(at.image, at.pixel + x, 0, 1)
            self._pixel(strip, x, origin + x * self.spec.strides[2], moved, start)

    def _is_line(self) -> bool:
        """Whether pixels lie densely and are copied as they are."""
        _, _, pixel, channel = self.spec.strides
        return self.prologue is None and channel == 1 and pixel == self.spec.channels

    def _pixel(self, strip: Flat, x: Expr, origin: Expr, at: Position, start: Expr = 0) -> None:
        """Copy pixel number x of a line that starts at `start` in the strip."""
        step = self.spec.strides[3]
        origin, target = bind(origin), bind(start + x * self.spec.channels)

        def move(channel: Expr, lanes: int) -> None:
            value = self.source.load(origin + channel * step, lanes)
            if self.prologue is not None:
                value = self.prologue(value, Position(at.image, at.pixel, channel, lanes))
            self._put(strip, value, target + channel, lanes)

        self._cover(self.spec.channels, move, self.lanes if step == 1 else 1)

    def _zero(self, strip: Flat, start: Expr, count: int) -> None:
        def clear(offset: Expr, lanes: int) -> None:
            strip.store(
                splat(tirx.const(self.spec.zero_code, self.dtype), lanes), start + offset, lanes
            )

        self._cover(count, clear)

    def _cover(
        self, count: int, move: Callable[[Expr, int], None], lanes: int | None = None
    ) -> None:
        """Call `move(offset, lanes)` so as to cover `count` elements; the last two may overlap."""
        if count == 0:
            return
        lanes = min(lanes or self.lanes, count)
        with T.serial(ceil_div(count, lanes)) as i:
            step = i * lanes
            move(step if count % lanes == 0 else bind(tirx.min(step, count - lanes)), lanes)


def converted(codes: Expr, spec: ImplicitGemm) -> Expr:
    """Codes as they are multiplied: widened without their zero point, or unsigned."""
    if spec.depths == 2:
        wide = convert(codes, "int16")
        return wide - const(spec.zero, wide) if spec.zero else wide
    if spec.codes == spec.source:
        return codes
    bits = as_bits(codes, "uint8")
    return bits ^ const(1 << 7, bits)
