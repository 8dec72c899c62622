"""Transposed convolution (also the data gradient of convolution), by the phases of its stride.

Output pixels whose position leaves the same rest when divided by the stride see the same taps, and
each of them the next input pixel: such a phase is a convolution of stride 1 with some of the taps,
flipped, that writes every `stride`-th pixel. With stride 1 there is one phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd, prod
from typing import Any

import numpy as np

from baryon.codegen.expr import Expr, lane_const, tvm_name
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.contraction import Contraction, Fused, int_of, pitch_of, plane
from baryon.codegen.kernels.implicit_gemm import (
    Buffer,
    Columns,
    ImplicitGemm,
    Operands,
    Position,
    Schedule,
    choose,
    emit,
    pack_weights,
)
from baryon.codegen.kernels.microkernel import bind
from baryon.codegen.kernels.pool import channel_block
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.kernels.weights import Filters, pack_at_run_time
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import tirx
from baryon.ir import Array, Sym, TensorType
from baryon.ir.memory import strides
from baryon.ops import TABLE
from baryon.ops.nn_conv import conv_window


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a transposed convolution with its epilogue; weights may be constant or not."""
    return _Deconvolution(Contraction(group), target).build()


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a phase.

    taps: how many the phase sees. first: the tap that meets the first input pixel it sees. step:
    from tap to tap, in taps; they meet input pixels `dilation` apart, the highest tap first.
    start: the input pixel that the first output pixel's first tap meets. offset: the first output
    pixel. count: output pixels.
    """

    taps: int
    first: int
    step: int
    dilation: int
    start: int
    offset: int
    count: int


def axis_phases(size: int, kernel: int, stride: int, dilate: int, before: int) -> list[Axis]:
    """The phases of an axis with `size` output pixels.

    Output pixel y meets input pixel (y + before - tap * dilate) / stride where that is whole.
    """
    common = gcd(stride, dilate)
    step, dilation = stride // common, dilate // common
    found = []
    for offset in range(min(stride, size)):
        count = (size - offset - 1) // stride + 1
        taps = [t for t in range(kernel) if (offset + before - t * dilate) % stride == 0]
        last = taps[-1] if taps else 0
        start = (offset + before - last * dilate) // stride
        found.append(Axis(len(taps), last, step, dilation, start, offset, count))
    return found


@dataclass(frozen=True)
class Shifted:
    """A buffer from one of its elements on."""

    buffer: Buffer
    by: Expr

    def load(self, offset: Expr, lanes: int = 1) -> Expr:
        """`lanes` neighbouring elements as a vector."""
        return self.buffer.load(offset + self.by, lanes)

    def store(self, value: Expr, offset: Expr, lanes: int = 1) -> None:
        """Write `lanes` neighbouring elements."""
        self.buffer.store(value, offset + self.by, lanes)


@dataclass(frozen=True)
class Phase:
    """A phase along both axes, in the terms of `ImplicitGemm`. skip: input elements before it."""

    axes: tuple[Axis, Axis]
    spec: ImplicitGemm
    skip: int
    filters: Filters


class _Deconvolution:
    def __init__(self, problem: Contraction, target: Target) -> None:
        self.problem, self.target = problem, target
        op, self.data = problem.anchor, problem.anchor.operands[0].type
        attrs: Any = TABLE[op.name].normalize(op.attrs)
        window = conv_window(op.name, self.data.rank, attrs)
        self.kernel, self.stride = plane(window.kernel), plane(window.stride)
        self.dilate, self.groups = plane(window.dilate), int(attrs["num_group"])
        self.before = plane(window.before, line=0)
        self.out_size = plane(problem.anchor.result.type.shape[2:])
        self.outputs = int_of(problem.weight.type.shape[1])
        self.constant = problem.group.payload(problem.weight) is not None

    @cached_property
    def all_axes(self) -> list[tuple[Axis, Axis]]:
        """The phases of both axes, combined."""
        parts = zip(self.out_size, self.kernel, self.stride, self.dilate, self.before, strict=True)
        rows, columns = (axis_phases(*part) for part in parts)
        return list(product(rows, columns))

    @cached_property
    def phases(self) -> list[Phase]:
        """Those that see any input."""
        return [self._phase(pair) for pair in self.all_axes if not self._is_empty(pair)]

    def _is_empty(self, axes: tuple[Axis, Axis]) -> bool:
        size = plane(self.data.shape[2:])
        return any(a.taps == 0 or a.start >= n for a, n in zip(axes, size, strict=True))

    def _phase(self, axes: tuple[Axis, Axis]) -> Phase:
        size = plane(self.data.shape[2:])
        step = strides(self.data)
        image, row, pixel, channel = step[0], step[-2] if len(step) > 3 else 0, step[-1], step[1]
        # pixels before the first one that any tap meets are not part of the phase's image
        cut = [max(a.start, 0) for a in axes]
        spans = [(a.taps - 1) * a.dilation + a.count for a in axes]
        pad = [max(-a.start, 0) for a in axes]
        rest = [n - c for n, c in zip(size, cut, strict=True)]
        after = [span - p - n for span, p, n in zip(spans, pad, rest, strict=True)]
        spec = ImplicitGemm(
            channels=int_of(self.data.shape[1]),
            out_channels=self.outputs * self.groups,
            batch=None if isinstance(self.data.shape[0], Sym) else self.data.shape[0],
            size=(rest[0], rest[1]),
            kernel=(axes[0].taps, axes[1].taps),
            dilation=(axes[0].dilation, axes[1].dilation),
            pad=(pad[0], pad[1], after[0], after[1]),
            groups=self.groups,
            out_pitch=pitch_of(self.problem.output),
            input_strides=(image, row, pixel, channel),
            dtype=tvm_name(self.problem.output.dtype),
        )
        return Phase(axes, spec, cut[0] * row + cut[1] * pixel, self._filters(axes))

    def _filters(self, axes: tuple[Axis, Axis]) -> Filters:
        """Where the phase's taps lie in weights (channels, outputs of a group, rows, columns)."""
        r, s = self.kernel
        channels = int_of(self.data.shape[1]) // self.groups
        rows, columns = axes
        return Filters(
            group=channels * self.outputs * r * s,
            output=r * s,
            channel=self.outputs * r * s,
            row=-rows.step * s,
            column=-columns.step,
            offset=rows.first * s + columns.first,
        )

    def _take(self, weight: Array, phase: Phase) -> Array:
        """A phase's weights as a convolution has them: (outputs, channels of a group, taps)."""
        rows, columns = ([a.first - i * a.step for i in range(a.taps)] for a in phase.axes)
        by_group = weight.reshape(self.groups, -1, self.outputs, *self.kernel)
        taken = by_group[:, :, :, rows][..., columns]
        return taken.swapaxes(1, 2).reshape(-1, taken.shape[1], len(rows), len(columns))

    def build(self) -> Kernel:
        """The kernel: all phases one after the other."""
        schedules = [choose(phase.spec, self.target) for phase in self.phases]
        shapes = [
            Columns(p.spec, s).packed_shape for p, s in zip(self.phases, schedules, strict=True)
        ]
        starts = [0, *np.cumsum([prod(shape) for shape in shapes]).tolist()]
        problem, builder = self.problem, KernelBuilder()

        def pack(weight: Array) -> Array:
            pairs = zip(self.phases, schedules, strict=True)
            packed = [pack_weights(self._take(weight, p), p.spec, s).reshape(-1) for p, s in pairs]
            return np.concatenate(packed)

        packs = {problem.weight: (pack, TensorType((starts[-1],), problem.output.dtype))}
        with builder.function():
            frame = Frame(builder, problem.group, packs if self.constant else None)
            fused = Fused(problem, frame)
            self._empty_phases(frame, fused)
            for phase, schedule, start in zip(self.phases, schedules, starts, strict=False):
                weights = self._weights(frame, phase, schedule, start)
                self._emit(frame, fused, phase, schedule, weights)
        images = problem.batch.factor if isinstance(problem.batch, Sym) else problem.batch
        flops = 2 * images * sum(phase.spec.macs for phase in self.phases)
        return builder.finish(flops, plan="; ".join(map(str, schedules)))

    def _weights(self, frame: Frame, phase: Phase, schedule: Schedule, start: int) -> Buffer:
        memory = frame.inputs[self.problem.weight]
        if self.constant:
            return Shifted(memory, start)
        dtype = self.problem.output.dtype
        return pack_at_run_time(phase.spec, schedule, memory, phase.filters, dtype)

    def _emit(
        self, frame: Frame, fused: Fused, phase: Phase, schedule: Schedule, weights: Buffer
    ) -> None:
        source = Shifted(frame.inputs[self.problem.data], phase.skip)
        batch = frame.builder.symbols.dim(self.problem.batch)

        def place(pixel: Expr) -> Expr:
            return self._place(phase.axes, pixel)

        whole = max(self.stride) == 1
        operands = Operands(source, weights, frame.outputs[0], batch, None if whole else place)
        emit(phase.spec, schedule, operands, fused.epilogue)

    def _place(self, axes: Sequence[Axis], pixel: Expr) -> Expr:
        """The output pixel that is the given one of a phase, counted over all images."""
        rows, columns = axes
        height, width = self.out_size
        image, rest = pixel // (rows.count * columns.count), pixel % (rows.count * columns.count)
        y = rest // columns.count * self.stride[0] + rows.offset
        x = rest % columns.count * self.stride[1] + columns.offset
        return image * (height * width) + y * width + x

    def _empty_phases(self, frame: Frame, fused: Fused) -> None:
        """Output pixels that meet no tap: what the epilogue makes of 0."""
        dtype = self.problem.output.dtype
        block = channel_block(self.outputs * self.groups, self.target.lanes(dtype.itemsize))
        batch = self.problem.anchor.result.type.shape[0]
        for axes in filter(self._is_empty, self.all_axes):
            counts = [batch, axes[0].count * axes[1].count]
            with frame.builder.tasks(counts, block.channels) as [image, index]:
                pixel = bind(self._place(axes, image * counts[1] + index))
                with grid([ceil_div(block.channels, block.lanes)]) as [vector]:
                    start, last = vector * block.lanes, block.channels - block.lanes
                    channel = start if last % block.lanes == 0 else bind(tirx.min(start, last))
                    self._store(frame, fused, Position(image, pixel, channel, block.lanes))

    def _store(self, frame: Frame, fused: Fused, at: Position) -> None:
        output = self.problem.output
        value = fused.epilogue(lane_const(0, output.dtype, at.lanes), at)
        pitch = pitch_of(output) or self.outputs * self.groups
        memory: Memory = frame.outputs[0]
        memory.store(value, at.pixel * pitch + at.channel, at.lanes)
