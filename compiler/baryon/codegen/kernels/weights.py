"""Weights that arrive at run time: a kernel packs them before its parallel part.

The packed order is that of `packing.py`, which does the same to constants when compiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from baryon.codegen.expr import Math, splat
from baryon.codegen.kernel import Memory, allocate, grid
from baryon.codegen.kernels.microkernel import Expr, Flat, bind
from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm
from baryon.codegen.tvm import T, tirx
from baryon.ir import DType


@dataclass(frozen=True)
class Filters:
    """Where the weight of an output, an input channel and a tap lies; all numbers count elements.

    offset: of the first one. group, output, channel, row, column: steps from one group to the next,
    within it from an output and a channel to the next, and from tap to tap (negative ones flip).
    """

    group: int
    output: int
    channel: int
    row: int
    column: int
    offset: int = 0

    @staticmethod
    def of(spec: ImplicitGemm) -> Filters:
        """Those of a convolution: (outputs, channels of a group, rows, columns), dense."""
        r, s = spec.kernel
        filter_size = spec.group_channels * r * s
        return Filters(spec.group_outputs * filter_size, filter_size, r * s, s, 1)

    def at(self, group: Expr, output: Expr, channel: Expr, row: Expr, column: Expr) -> Expr:
        """The offset of one weight; output and channel count within the group."""
        steps = (self.group, self.output, self.channel, self.row, self.column)
        pairs = zip((group, output, channel, row, column), steps, strict=True)
        return sum((i * step for i, step in pairs), start=self.offset)


def pack_at_run_time(
    spec: ImplicitGemm, schedule: Schedule, source: Memory, filters: Filters, dtype: DType
) -> Flat:
    """Scratch memory with the weights as the microkernel wants them, and the loops that fill it.

    dtype: the element type of the sums. Call it before the kernel's parallel loop: all its threads
    read this one copy.
    """
    return _Packer(spec, schedule, source, filters, dtype).emit()


@dataclass(frozen=True)
class _Packer:
    spec: ImplicitGemm
    schedule: Schedule
    source: Memory
    filters: Filters
    dtype: DType

    def emit(self) -> Flat:
        columns = Columns(self.spec, self.schedule)
        packed = Flat(allocate(prod(columns.packed_shape), self.spec.dtype, layout=None))
        channels, width = columns.depth_channels, columns.packed_width
        with T.parallel(columns.count * channels) as task:
            panel, channel = bind(task // channels), bind(task % channels)
            merged = panel // columns.panels_per_group
            merge = self.schedule.merge
            group = bind(_last_fits(merged * merge, self.spec.groups, merge))
            first = panel % columns.panels_per_group * columns.width
            first = bind(_last_fits(first, columns.group_width, columns.width))
            with grid(self.spec.kernel) as [r, s]:
                depth = (r * self.spec.kernel[1] + s) * channels + channel
                start = bind(panel * (columns.depth * width) + depth * width)
                for j, vector in enumerate(columns.vector_starts):
                    tap = [group, first + vector, channel, r, s]
                    self._vector(packed, start + j * self.schedule.lanes, tap)
        return packed

    def _vector(self, packed: Flat, start: Expr, tap: Sequence[Expr]) -> None:
        """The weights of neighbouring outputs."""
        lanes = self.schedule.lanes
        if self.schedule.merge == 1:
            at = bind(self.filters.at(*tap))
            value = Math.cast(self.source.load(at, lanes, self.filters.output), self.dtype)
            packed.store(splat(value, lanes), start, lanes)
            return
        with T.serial(lanes) as i:
            packed.store(self._merged(tap, i), start + i)

    def _merged(self, tap: Sequence[Expr], lane: Expr) -> Expr:
        """A weight of several groups computed as one: zero between two groups."""
        group, output, channel, r, s = tap
        outputs, channels = self.spec.group_outputs, self.spec.group_channels
        home = bind((output + lane) // outputs)
        at = self.filters.at(group + home, (output + lane) % outputs, channel % channels, r, s)
        value = Math.cast(self.source.load(at), self.dtype)
        return tirx.if_then_else(home == channel // channels, value, tirx.const(0, self.spec.dtype))


def _last_fits(start: Expr, total: int, size: int) -> Expr:
    """`start`, moved back where `size` from there on would pass `total`."""
    return start if total % size == 0 else tirx.min(start, total - size)
