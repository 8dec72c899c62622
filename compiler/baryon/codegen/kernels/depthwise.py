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
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script.ir_builder import tirx as T

from baryon.codegen.expr import Expr, Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.microkernel import wide
from baryon.codegen.pointwise import Domain, Frame
from baryon.codegen.targets import Target
from baryon.ir import Array, DType, Op, Sym, TensorType, Value, f32
from baryon.ir.memory import memory_order, strides
from baryon.ops import TABLE
from baryon.ops.nn_conv import CONVOLUTION, conv_window

MIN_TASKS = 32
"""Channels are split among tasks until an image makes so many."""

PART = 8
"""Vectors of channels of a task, where there are rows enough: three input rows stay in level 1."""

Taps = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
"""Input columns of a tile, from its first one on, and the (output pixel, kernel column) they meet."""


def is_depthwise(op: Op) -> bool:
    """True for channels-last convolutions over one or two axes with one filter for each channel."""
    if op.name != CONVOLUTION:
        return False
    data, weight, result = op.operands[0].type, op.operands[1].type, op.result.type
    groups = op.attrs.get("num_group", 1)
    one_each = data.shape[1] == groups == weight.shape[0] != 1
    return one_each and data.rank < 5 and None not in (data.layout, result.layout)


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a group whose anchor `is_depthwise`; its weights are constants."""
    problem = Depthwise(group, target)
    weight = group.main.operands[1]
    taps, lanes = problem.kernel[0] * problem.kernel[1], problem.lanes
    packed = TensorType((problem.vectors * taps * lanes,), weight.type.dtype)
    builder = KernelBuilder()
    with builder.function():
        frame = Frame(builder, group, {weight: (problem.pack, packed)})
        _Emitter(problem, frame).emit()
    batch = group.main.operands[0].type.shape[0]
    images = batch.factor if isinstance(batch, Sym) else batch
    pixels = problem.out_size[0] * problem.out_size[1]
    tile = f"{problem.width} pixels x {lanes} channels"
    return builder.finish(2 * images * pixels * problem.channels * taps, tile=tile)


@dataclass(frozen=True)
class Run:
    """`count` equal tiles of an output row: the first starts at `first`, the next `step` on."""

    first: int
    step: int
    count: int
    taps: Taps


@dataclass(frozen=True)
class Depthwise:
    """A group's anchor in numbers; planes are (vertical, horizontal), a line has height 1."""

    group: Group
    target: Target

    @cached_property
    def data(self) -> Value:
        """The region argument that the kernel convolves, behind the prologue."""
        value = self.group.main.operands[0]
        while value.op is not None:  # through the prologue: the operand of the same shape
            value = next(v for v in value.op.operands if v.type.shape == value.type.shape)
        return value

    @cached_property
    def _window(self) -> dict[str, tuple[int, int]]:
        op = self.group.main
        rank = self.data.type.rank
        window = conv_window(op.name, rank, TABLE[op.name].normalize(op.attrs))
        parts = {"kernel": window.kernel, "stride": window.stride, "dilate": window.dilate}
        plane = {name: _plane(values, 1) for name, values in parts.items()}
        return plane | {"before": _plane(window.before, 0)}

    @property
    def kernel(self) -> tuple[int, int]:
        """Taps of the window."""
        return self._window["kernel"]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Input pixels."""
        return _plane(self.data.type.shape[2:], 1)

    @cached_property
    def out_size(self) -> tuple[int, int]:
        """Output pixels."""
        return _plane(self.group.main.result.type.shape[2:], 1)

    @cached_property
    def channels(self) -> int:
        """Channels, which are as many as filters."""
        return int(str(self.data.type.shape[1]))

    @property
    def dtype(self) -> DType:
        """The element type of sums."""
        return f32 if self.data.type.dtype.bits == 16 else self.data.type.dtype

    @cached_property
    def lanes(self) -> int:
        """Channels per vector."""
        return min(self.target.lanes(self.dtype.itemsize), self.channels)

    @property
    def vectors(self) -> int:
        """Vectors of channels."""
        return -(-self.channels // self.lanes)

    @cached_property
    def parts(self) -> int:
        """Runs of vectors that tasks share."""
        wanted = max(-(-MIN_TASKS // self.out_size[0]), -(-self.vectors // PART))
        return max(1, min(wanted, self.vectors // 2))

    @cached_property
    def width(self) -> int:
        """Output pixels of a tile: as many as leave registers for a kernel row and an input."""
        columns = self.out_size[1]
        most = max(4, self.target.registers - self.kernel[1] - 3)
        tiles = -(-columns // most)
        return -(-columns // tiles)

    def rows(self, y: Expr) -> tuple[Expr, Expr, Expr]:
        """Input row of the first tap of output row y; first and end of the taps inside the image."""
        (taps, _), (step, _), (apart, _) = (self._window[n] for n in ("kernel", "stride", "dilate"))
        above = self._window["before"][0]
        first = y * step - above
        begin = tirx.max((-first + (apart - 1)) // apart, 0) if above else 0
        last = (self.out_size[0] - 1) * step - above + (taps - 1) * apart
        inside = last < self.size[0]
        end = taps if inside else tirx.min((self.size[0] - 1 - first) // apart + 1, taps)
        return first, begin, end

    @property
    def row_step(self) -> int:
        """Input rows from tap to tap."""
        return self._window["dilate"][0]

    def runs(self) -> list[Run]:
        """The tiles of a row; neighbours that lose the same taps to the padding are one run."""
        runs: list[Run] = []
        for x in range(0, self.out_size[1], self.width):
            start = min(x, self.out_size[1] - self.width)
            taps = self._taps(start)
            last = runs[-1] if runs else None
            if last and last.taps == taps and start == last.first + last.count * last.step:
                runs[-1] = replace(last, count=last.count + 1)
            else:
                runs.append(Run(start, self.width, 1, taps))
        return runs

    def _taps(self, start: int) -> Taps:
        step, apart = self._window["stride"][1], self._window["dilate"][1]
        first = self.column(start)
        met: dict[int, list[tuple[int, int]]] = {}
        for pixel in range(self.width):
            for tap in range(self.kernel[1]):
                met.setdefault(pixel * step + tap * apart, []).append((pixel, tap))
        inside = (j for j in sorted(met) if 0 <= first + j < self.size[1])
        return tuple((j, tuple(met[j])) for j in inside)

    def column(self, x: Expr) -> Expr:
        """Input column of the first tap of output column x; negative in the padding."""
        return x * self._window["stride"][1] - self._window["before"][1]

    def channel(self, vector: Expr) -> Expr:
        """First channel of a vector."""
        start = vector * self.lanes
        if self.channels % self.lanes == 0:
            return start
        return tirx.min(start, self.channels - self.lanes)

    def pack(self, weight: Array) -> Array:
        """Weights (C, 1, R, S) as [vector, R, S, lane]: what a tile reads is one stream."""
        starts = [min(v * self.lanes, self.channels - self.lanes) for v in range(self.vectors)]
        picks = np.array(starts)[:, None] + np.arange(self.lanes)
        taps = weight.reshape(self.channels, -1)[picks]  # vector, lane, tap
        return np.ascontiguousarray(taps.transpose(0, 2, 1))


class _Emitter:
    def __init__(self, problem: Depthwise, frame: Frame) -> None:
        self.problem, self.frame, self.main = problem, frame, problem.group.main
        self.source = frame.inputs[problem.data]
        self.weights = frame.inputs[self.main.operands[1]]
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
        work = p.out_size[1] * part * p.lanes * p.kernel[0] * p.kernel[1] // 4
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
        start = self._bias()
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
            value = self._cast(self.emitter.source, origin + j * column, channel)
            value = self._input(value, y, left + j)
            for pixel, s in meets:
                total = self.sums[pixel]
                total.store(total.load(0, p.lanes) + value * weights[s], 0, p.lanes)

    def _steps(self) -> tuple[int, ...]:
        steps = self.emitter.steps
        return tuple(steps[a] for a in (0, *range(2, len(steps)), 1))

    def _cast(self, memory: Memory, offset: Expr, step: int = 1) -> Expr:
        return bind(Math.cast(memory.load(offset, self.problem.lanes, step), self.problem.dtype))

    def _input(self, value: Expr, y: Expr, x: Expr) -> Expr:
        """An input vector after the prologue."""
        operand, data = self.emitter.main.operands[0], self.problem.data
        if operand is data:
            return value
        indices = self.emitter.at(self.image, y, x, self.channel)
        known = {data: Math.cast(value, data.type.dtype)}
        place = self.emitter.before.place(indices, self.problem.lanes, known)
        return bind(Math.cast(place.value(operand), self.problem.dtype))

    def _store(self, value: Expr, x: Expr) -> None:
        main, lanes = self.emitter.main, self.problem.lanes
        indices = self.emitter.at(self.image, self.y, x, self.channel)
        place = self.emitter.after.place(indices, lanes)
        place.known[main.result] = bind(Math.cast(value, main.result.type.dtype))
        place.store()

    def _bias(self) -> Expr:
        lanes, dtype, biases = (
            self.problem.lanes,
            self.problem.dtype,
            self.emitter.main.operands[2:],
        )
        scalar = self.problem.group.scalar(biases[0]) if biases else 0.0
        if scalar is not None:
            return lane_const(scalar, dtype, lanes)
        loaded = self.emitter.frame.inputs[biases[0]].load(self.channel, lanes)
        return bind(Math.cast(loaded, dtype))


def _plane(values: Sequence[Any], line: int) -> tuple[int, int]:
    """(vertical, horizontal) of one or two numbers; `line` for the height of a line."""
    numbers = [line, *(int(str(v)) for v in values)]
    return numbers[-2], numbers[-1]
