"""Depthwise convolution: each channel has a filter of its own, and vectors run over channels.

A task computes one output row of some of the channels. A register tile is one vector of channels of
several neighbouring pixels: per kernel row, each input pixel is loaded once and multiplied into all
outputs that see it. Padding costs nothing: its columns are known when the kernel is written, and
its rows shorten the loop over kernel rows. An output's sum runs over the taps inside the image in
one order, whatever tile it belongs to; where tiles do not divide a row, or vectors the channels,
the last one is moved back to end where they end and computes some outputs twice, equally.
"""

from __future__ import annotations

from collections.abc import Sequence

from baryon.codegen.exact import multiply_add, whole_multiply_add
from baryon.codegen.expr import Expr, Math, bind, const, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.depthwise_tiles import Depthwise, Run
from baryon.codegen.kernels.microkernel import wide
from baryon.codegen.kernels.quantized import filters_of
from baryon.codegen.kernels.requantize import Requantization
from baryon.codegen.pointwise import Domain, Frame, Packs
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Op, Sym, TensorType, Value
from baryon.ir.memory import memory_order, strides
from baryon.ops.nn_conv import CONVOLUTION


def is_depthwise(op: Op) -> bool:
    """True for channels-last convolutions over one or two axes with one filter for each channel."""
    if op.name != CONVOLUTION:
        return False
    data, weight, result = op.operands[0].type, op.operands[1].type, op.result.type
    groups = op.attrs.get("num_group", 1)
    one_each = data.shape[1] == groups == weight.shape[0] != 1
    return one_each and data.rank < 5 and None not in (data.layout, result.layout)


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a group whose anchor `is_depthwise`."""
    problem = Depthwise(group, target)
    weight = filters_of(group)
    taps, lanes = problem.kernel[0] * problem.kernel[1], problem.lanes
    packed = TensorType((problem.vectors * taps * lanes,), problem.packed_dtype)
    builder = KernelBuilder()
    with builder.function():
        constant = group.payload(weight) is not None
        after = Requantization(group, problem.codes) if problem.codes else None
        packs: Packs = {weight: (problem.pack, packed)} if constant else {}
        frame = Frame(builder, group, {**packs, **(after.packs if after else {})})
        if after:
            after.bind(frame)
        weights = frame.inputs[weight] if constant else _packed(problem, frame.inputs[weight])
        _Emitter(problem, frame, weights, after).emit()
    batch = group.main.operands[0].type.shape[0]
    images = batch.factor if isinstance(batch, Sym) else batch
    pixels = problem.out_size[0] * problem.out_size[1]
    tile = f"{problem.width} pixels x {lanes} channels"
    return builder.finish(2 * images * pixels * problem.channels * taps, tile=tile)


def _packed(problem: Depthwise, source: Memory) -> Memory:
    """Weights in scratch memory, arranged as `Depthwise.pack` does it to constants."""
    (rows, columns), lanes = problem.kernel, problem.lanes
    taps = rows * columns
    packed = Memory.local(problem.vectors * taps * lanes, source.dtype)
    with grid([problem.vectors, taps]) as [vector, tap]:
        weight = source.load(bind(problem.channel(vector) * taps + tap), lanes, taps)
        packed.store(weight, (vector * taps + tap) * lanes, lanes)
    return packed


class _Emitter:
    def __init__(
        self, problem: Depthwise, frame: Frame, weights: Memory, sums: Requantization | None
    ) -> None:
        self.problem, self.frame, self.main = problem, frame, problem.group.main
        self.sums = sums
        self.source = frame.inputs[problem.data]
        self.weights = weights
        self.steps = strides(problem.data.type)
        self.before = self._domain(problem.data.type)
        self.after = self._domain(self.main.result.type)

    def _domain(self, type: TensorType) -> Domain:
        return Domain(self.frame, type.shape, [(a,) for a in memory_order(type)])

    def emit(self) -> None:
        """Tasks over images, parts of the channels, and rows."""
        p = self.problem
        batch, height = p.data.type.shape[0], p.out_size[0]
        part = -(-p.vectors // p.parts)
        work = p.out_size[1] * part * p.lanes * p.kernel[0] * p.kernel[1] // 8
        counts = [batch, -(-p.vectors // part), height]
        with self.frame.builder.tasks(counts, work) as [image, index, y]:
            first = index * part
            count = part if p.vectors % part == 0 else tirx.min(part, p.vectors - first)
            for run in p.runs():
                with grid([run.count, count]) as [tile, vector]:
                    x = run.first + tile * run.step
                    _Tile(self, run, image, y, x, first + vector).emit()

    def at(self, image: Expr, y: Expr, x: Expr, channel: Expr) -> Sequence[Expr]:
        """Indices of the loops of a domain."""
        return [image, *([y] if len(self.steps) == 4 else []), x, channel]


class _Tile:
    """One register tile: output pixels from (y, x) on of one vector of channels."""

    def __init__(
        self, emitter: _Emitter, run: Run, image: Expr, y: Expr, x: Expr, vector: Expr
    ) -> None:
        self.emitter, self.problem, self.run = emitter, emitter.problem, run
        self.image, self.y, self.x, self.vector = image, y, x, vector
        self.channel = emitter.problem.channel(vector)
        coded = emitter.problem.codes is not None
        start = lane_const(0, self.problem.dtype, self.problem.lanes) if coded else self._bias()
        self.sums = [self._accumulator(start) for _ in range(self.problem.width)]

    def _accumulator(self, start: Expr) -> Memory:
        memory = Memory.local(self.problem.lanes, self.problem.dtype)
        memory.store(start, 0, self.problem.lanes)
        return memory

    def emit(self) -> None:
        """Emit the loop over kernel rows and the stores."""
        first, begin, end = self.problem.rows(self.y)
        with T.serial(begin, end) as r:
            self._row(first + r * self.problem.row_step, r)
        for i, total in enumerate(self.sums):
            self._store(total.load(0, self.problem.lanes), self.x + i)

    def _row(self, y: Expr, r: Expr) -> None:
        """The products of one kernel row."""
        p, (image, *rows, column, channel) = self.problem, self._steps()
        taps = p.kernel[1]
        left = p.column(self.x)
        lines = y * rows[0] if rows else 0
        origin = wide(self.image * image + lines + left * column + self.channel * channel)
        at = wide(((self.vector * p.kernel[0] + r) * taps) * p.lanes)
        weights = [self._cast(self.emitter.weights, at + s * p.lanes) for s in range(taps)]
        for j, meets in self.run.taps:
            value = self._input(origin + j * column, channel, y, left + j)
            for pixel, s in meets:
                total = self.sums[pixel]
                total.store(self._add(total.load(0, p.lanes), value, weights[s]), 0, p.lanes)

    def _add(self, total: Expr, value: Expr, weight: Expr) -> Expr:
        if self.problem.codes is None:
            return multiply_add(total, value, weight)
        return whole_multiply_add(total, value, weight)

    def _steps(self) -> tuple[int, ...]:
        steps = self.emitter.steps
        return tuple(steps[a] for a in (0, *range(2, len(steps)), 1))

    def _cast(self, memory: Memory, offset: Expr, step: int = 1) -> Expr:
        return bind(Math.cast(memory.load(offset, self.problem.lanes, step), self.problem.dtype))

    def _input(self, offset: Expr, step: int, y: Expr, x: Expr) -> Expr:
        """An input vector after the prologue; of codes, without their zero point."""
        codes = self.problem.codes
        if codes is None:
            return self._value(self.emitter.main.operands[0], offset, step, y, x)
        value = self._value(codes.data.value, offset, step, y, x)
        zero = codes.data.quant.zero[0]
        return bind(value - const(zero, value)) if zero else value

    def _value(self, operand: Value, offset: Expr, step: int, y: Expr, x: Expr) -> Expr:
        data = self.problem.data
        if self.problem.group.source(operand) is data:
            return self._cast(self.emitter.source, offset, step)
        value = bind(self.emitter.source.load(offset, self.problem.lanes, step))
        indices = self.emitter.at(self.image, y, x, self.channel)
        known = {data: Math.cast(value, data.type.dtype)}
        place = self.emitter.before.place(indices, self.problem.lanes, known)
        return bind(Math.cast(place.value(operand), self.problem.dtype))

    def _store(self, value: Expr, x: Expr) -> None:
        main, lanes = self.emitter.main, self.problem.lanes
        indices = self.emitter.at(self.image, self.y, x, self.channel)
        place = self.emitter.after.place(indices, lanes)
        sums = self.emitter.sums
        if sums is not None:
            value = sums.real(value, self.channel, lanes)
            value = value if sums.bias else value + self._bias()
        place.known[main.result] = bind(Math.cast(value, main.result.type.dtype))
        place.store()

    def _bias(self) -> Expr:
        lanes, dtype, biases = (
            self.problem.lanes,
            self.problem.dtype,
            [self.problem.group.source(v) for v in self.emitter.main.operands[2:]],
        )
        scalar = self.problem.group.scalar(biases[0]) if biases else 0.0
        if scalar is not None:
            return lane_const(scalar, dtype, lanes)
        loaded = self.emitter.frame.inputs[biases[0]].load(self.channel, lanes)
        return bind(Math.cast(loaded, dtype))
