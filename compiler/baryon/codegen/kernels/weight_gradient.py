"""The gradient of a convolution for its weights: products of channels, summed over pixels.

The register tile is that of implicit GEMM; rows are taps times input channels, columns filters, and
the depth is all output pixels of the batch. A task copies, for each block of pixels, the gradients
of its panels of filters and the padded data of a chunk of channels to scratch memory, adds the
products to sums that live there too, and a last loop adds up the shares of the pixels and writes
(filters, channels, *taps). The order of a sum depends on shapes and target alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from baryon.codegen.expr import Expr, Math, lane_const, tvm_name
from baryon.codegen.expr import bind as named
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels import depthwise_gradient
from baryon.codegen.kernels.microkernel import Loop, Multiply, bind, fuse
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.kernels.weight_gradient_plan import WeightGradient
from baryon.codegen.pointwise import Domain, Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import TensorType
from baryon.ir.memory import strides


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a weight gradient with its epilogue."""
    plan = WeightGradient(group.main, target)
    if depthwise_gradient.is_depthwise(plan):
        return depthwise_gradient.build(group, plan)
    builder = KernelBuilder()
    with builder.function():
        _Emitter(plan, Frame(builder, group)).emit()
    return builder.finish(plan.flops, tile=str(plan.tile), parts=str(plan.parts))


@dataclass(frozen=True)
class Pixels:
    """Where the pixels of a value lie: elements from one image, row, pixel, channel to the next."""

    memory: Memory
    steps: tuple[int, int, int, int]

    @staticmethod
    def of(memory: Memory, type: TensorType) -> Pixels:
        """Those of a value (N, C, *spatial) with one or two spatial axes."""
        step = strides(type)
        return Pixels(memory, (step[0], step[-2] if len(step) > 3 else 0, step[-1], step[1]))

    def at(self, image: Expr, row: Expr, pixel: Expr, channel: Expr) -> Expr:
        """The offset of an element."""
        indices = (image, row, pixel, channel)
        return sum(i * s for i, s in zip(indices, self.steps, strict=True))


@dataclass(frozen=True)
class Block:
    """Output pixels: `images` images from `image` on, and of each `lines` rows from `line` on."""

    image: Expr
    images: Expr
    line: Expr
    lines: Expr


@dataclass(frozen=True)
class Share:
    """What a task computes: from a first one on, so many blocks, chunks and panels of a group."""

    group: Expr
    part: Expr
    blocks: tuple[Expr, Expr]
    chunks: tuple[Expr, Expr]
    panels: tuple[Expr, Expr]


class _Emitter:
    def __init__(self, plan: WeightGradient, frame: Frame) -> None:
        self.plan, self.frame = plan, frame
        data, gradient = frame.group.main.operands
        self.data = Pixels.of(frame.inputs[data], data.type)
        self.gradient = Pixels.of(frame.inputs[gradient], gradient.type)
        self.batch = frame.builder.symbols.dim(plan.batch)

    def emit(self) -> None:
        """The sums of all tasks, then the result."""
        plan = self.plan
        sums = Memory.local(plan.groups * plan.parts[0] * plan.sums, plan.dtype)
        with self.frame.builder.tasks([plan.groups, *plan.parts], 1 << 16) as [group, *parts]:
            sizes = [self._blocks(), plan.chunks, plan.panels]
            ranges = [_share(i, n, p) for i, n, p in zip(parts, sizes, plan.parts, strict=True)]
            self._task(sums, Share(group, parts[0], *ranges))
        self._write(sums)

    def _blocks(self) -> Expr:
        """The number of blocks of the whole batch."""
        if self.plan.images > 1:
            return (self.batch + (self.plan.images - 1)) // self.plan.images
        return self.batch * self.plan.blocks_of_image

    def _task(self, sums: Memory, share: Share) -> None:
        plan, (first, count) = self.plan, share.blocks
        panel_size = plan.images * plan.lines * plan.out_size[1] * plan.panel_width
        most = ceil_div(plan.panels, plan.parts[2])
        gradients = Memory.local(most * panel_size, plan.dtype)
        strip = Memory.local(plan.images * plan.lines_in * plan.width_in * plan.chunk, plan.dtype)
        self._clear(sums, share)
        with T.serial(0, count) as index:
            block = self._block(bind(first + index))
            with grid([share.panels[1]]) as [p]:
                self._copy_gradients(gradients, p * panel_size, block, share, p)
            with grid([share.chunks[1]]) as [c]:
                chunk = bind(share.chunks[0] + c)
                self._copy_data(strip, block, share, chunk)
                with grid([share.panels[1], plan.tiles]) as [p, tile]:
                    start = self._start(share, share.panels[0] + p, chunk)
                    start = bind(start + tile * (plan.height * plan.panel_width))
                    row = bind(_back(tile, plan.height, plan.rows))
                    self._tile(sums, start, row, strip, (gradients, p * panel_size), block)

    def _start(self, share: Share, panel: Expr, chunk: Expr) -> Expr:
        """Where the sums of a panel and a chunk begin."""
        plan = self.plan
        number = share.group * plan.parts[0] + share.part
        return bind(number * plan.sums + (panel * plan.chunks + chunk) * plan.piece)

    def _clear(self, sums: Memory, share: Share) -> None:
        plan, lanes = self.plan, self.plan.lanes
        zero = lane_const(0, plan.dtype, lanes)
        with grid([share.panels[1], share.chunks[1]]) as [p, c]:
            start = self._start(share, share.panels[0] + p, share.chunks[0] + c)
            with T.serial(0, plan.piece // lanes) as i:
                sums.store(zero, start + i * lanes, lanes)

    def _block(self, index: Expr) -> Block:
        plan, height = self.plan, self.plan.out_size[0]
        if plan.images > 1:
            image = bind(index * plan.images)
            whole = isinstance(self.batch, int) and self.batch % plan.images == 0
            count = plan.images if whole else bind(tirx.min(self.batch - image, plan.images))
            return Block(image, count, 0, height)
        line = bind(index % plan.blocks_of_image * plan.lines)
        even = height % plan.lines == 0
        lines = plan.lines if even else bind(tirx.min(height - line, plan.lines))
        return Block(bind(index // plan.blocks_of_image), 1, line, lines)

    def _copy_gradients(
        self, to: Memory, at: Expr, block: Block, share: Share, panel: Expr
    ) -> None:
        """The gradients of a panel of filters as [pixel, vector, lane]."""
        plan, (height, width) = self.plan, self.plan.out_size
        column = _back(share.panels[0] + panel, plan.width, plan.filters)
        channel = bind(share.group * plan.filters + column)
        pixel, each = self.gradient.steps[2], block.lines * width
        dense = self.gradient.steps[0] == height * width * pixel
        # long loops: LLVM unrolls short ones, which takes it seconds
        images, pixels = (1, block.images * each) if dense else (block.images, each)
        with grid([images, pixels]) as [image, index]:
            first = self.gradient.at(block.image + image, block.line, 0, channel)
            target = bind(at + (image * each + index) * plan.panel_width)
            source = bind(first + index * pixel)
            for j, start in enumerate(plan.starts):
                self._move(self.gradient, source, start, to, target + j * plan.lanes, plan.lanes)

    def _copy_data(self, to: Memory, block: Block, share: Share, chunk: Expr) -> None:
        """The data of a chunk of channels with its padding, as [image, row, pixel, channel]."""
        plan = self.plan
        first = _back(chunk, plan.chunk, plan.channels)
        channel = bind(share.group * plan.channels + first)
        rows = (block.lines - 1) * plan.stride[0] + (plan.kernel[0] - 1) * plan.dilate[0] + 1
        with grid([block.images, rows]) as [image, row]:
            y = bind(block.line * plan.stride[0] + row - plan.before[0])
            target = bind((image * plan.lines_in + row) * (plan.width_in * plan.chunk))
            with T.If(tirx.all(y >= 0, y < plan.size[0])):
                with T.Then():
                    self._copy_row(to, target, self.data.at(block.image + image, y, 0, channel))
                with T.Else():
                    self._zero(to, target, plan.width_in)

    def _copy_row(self, to: Memory, target: Expr, source: Expr) -> None:
        plan = self.plan
        left = min(plan.before[1], plan.width_in)
        count = max(0, min(plan.size[1], plan.width_in - left))
        self._zero(to, target, left)
        source, pixel = bind(source), self.data.steps[2]
        start = bind(target + left * plan.chunk)
        if pixel == plan.chunk and self.data.steps[3] == 1:
            self._line(source, to, start, count * plan.chunk)
        elif count:
            with T.serial(0, count) as x:
                at = bind(source + x * pixel)
                self._line(at, to, start + x * plan.chunk, plan.chunk)
        self._zero(to, start + count * plan.chunk, plan.width_in - left - count)

    def _line(self, source: Expr, to: Memory, target: Expr, count: int) -> None:
        """Neighbouring channels."""
        lanes = min(self.plan.target.lanes(self.plan.dtype.itemsize), count)
        whole, tail = divmod(count, lanes) if count else (0, 0)
        with grid([whole]) as [v]:
            self._move(self.data, source, v * lanes, to, target + v * lanes, lanes)
        if tail:
            start = count - tail
            self._move(self.data, source, start, to, target + start, tail)

    def _move(
        self, pixels: Pixels, source: Expr, channel: Expr, to: Memory, target: Expr, lanes: int
    ) -> None:
        step = pixels.steps[3]
        value = pixels.memory.load(source + channel * step, lanes, step if lanes > 1 else 1)
        to.store(Math.cast(value, self.plan.dtype), target, lanes)

    def _zero(self, to: Memory, target: Expr, pixels: int) -> None:
        count = pixels * self.plan.chunk
        lanes = min(self.plan.target.lanes(self.plan.dtype.itemsize), max(count, 1))
        whole, tail = divmod(count, lanes)
        if whole:
            with grid([whole]) as [v]:
                to.store(lane_const(0, self.plan.dtype, lanes), target + v * lanes, lanes)
        if tail:
            to.store(lane_const(0, self.plan.dtype, tail), target + count - tail, tail)

    def _tile(
        self,
        sums: Memory,
        start: Expr,
        row: Expr,
        strip: Memory,
        gradients: tuple[Memory, Expr],
        block: Block,
    ) -> None:
        """The products of a block of pixels for some rows and a panel, added to their sums."""
        plan, lanes = self.plan, self.plan.lanes
        depth, memory = self._depth(block), gradients[0]
        multiply = Multiply(
            strip, memory, depth, plan.panel_width, lanes, plan.vectors, tvm_name(plan.dtype)
        )
        offsets = [bind(self._offset(row + i)) for i in range(plan.height)]
        for i, line in enumerate(multiply.emit(offsets, bind(gradients[1]))):
            at = bind(start + i * plan.panel_width)
            for j, value in enumerate(line):
                sums.store(sums.load(at + j * lanes, lanes) + value, at + j * lanes, lanes)

    def _depth(self, block: Block) -> list[Loop]:
        """The walk through the strip from one output pixel of a block to the next."""
        plan = self.plan
        line = plan.width_in * plan.chunk
        loops = [
            Loop(block.images, plan.lines_in * line),
            Loop(block.lines, plan.stride[0] * line),
            Loop(plan.out_size[1], plan.stride[1] * plan.chunk),
        ]
        if all(isinstance(loop.extent, int) for loop in loops):
            return fuse(loops)
        return [loop for loop in loops if not isinstance(loop.extent, int) or loop.extent > 1] + (
            [] if plan.out_size[1] > 1 else [Loop(1, 1)]
        )

    def _offset(self, row: Expr) -> Expr:
        """Where the strip has what row number `row` of a chunk sees of the first pixel."""
        plan, s = self.plan, self.plan.kernel[1]
        tap, channel = row // plan.chunk, row % plan.chunk
        y, x = tap // s * plan.dilate[0], tap % s * plan.dilate[1]
        return (y * plan.width_in + x) * plan.chunk + channel

    def _write(self, sums: Memory) -> None:
        """Add up the shares and write the result, a vector of filters at a time."""
        plan, result = self.plan, self.frame.group.main.result
        axes = range(2, result.type.rank)
        domain = Domain(self.frame, result.type.shape, [(1,), tuple(axes), (0,)])
        counts = [plan.groups, plan.panels, plan.chunks]
        with self.frame.builder.tasks(counts, plan.rows * plan.width) as [group, panel, chunk]:
            first = bind(group * plan.filters + _back(panel, plan.width, plan.filters))
            channel = bind(_back(chunk, plan.chunk, plan.channels))
            start = group * (plan.parts[0] * plan.sums)
            start = bind(start + (panel * plan.chunks + chunk) * plan.piece)
            with grid([plan.chunk, plan.taps]) as [c, tap]:
                at = bind(start + plan.slot(tap * plan.chunk + c) * plan.panel_width)
                for j, column in enumerate(plan.starts):
                    total = self._total(sums, at + j * plan.lanes)
                    place = domain.place([channel + c, tap, first + column], plan.lanes)
                    place.known[result] = named(Math.cast(total, result.type.dtype))
                    place.store()

    def _total(self, sums: Memory, at: Expr) -> Expr:
        lanes = self.plan.lanes
        total = sums.load(at, lanes)
        for part in range(1, self.plan.parts[0]):
            total = total + sums.load(at + part * self.plan.sums, lanes)
        return total


def _share(index: Expr, total: Expr, parts: int) -> tuple[Expr, Expr]:
    """The first and the number of what share `index` of `parts` has."""
    if parts == 1:
        return 0, total
    each = (total + (parts - 1)) // parts
    first = bind(index * each)
    even = isinstance(total, int) and total % parts == 0
    return first, each if even else bind(tirx.max(tirx.min(total - first, each), 0))


def _back(index: Expr, size: int, total: int) -> Expr:
    """Where part `index` of `total` begins; the last one is moved back to end at the end."""
    return index * size if total % size == 0 else tirx.min(index * size, total - size)
