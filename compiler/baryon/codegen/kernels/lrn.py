"""Local response normalization: each channel over a power of its neighbours' sum of squares.

Where channels are innermost, a row of squares with zeros at both ends is summed by unaligned
loads; otherwise vectors run over pixels and the sum is a loop over channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, const, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.pool import channel_block
from baryon.codegen.pointwise import Domain, Frame, Place
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import f32
from baryon.ir.memory import strides


def build(group: Group, target: Target) -> Kernel:
    """The kernel of an lrn with element-wise neighbours."""
    builder = KernelBuilder()
    with builder.function():
        _Lrn(Frame(builder, group), target).emit()
    return builder.finish()


class _Lrn:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.source, self.type = self.op.operands[0], self.op.result.type
        self.attrs = frame.group.attrs
        half = self.type.dtype.bits == 16
        self.dtype = f32 if half else self.type.dtype
        self.lanes = target.lanes(self.dtype.itemsize)
        self.channels = int(str(self.type.shape[1]))
        self.below = (self.attrs["nsize"] - 1) // 2

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.type.shape:
            return
        if strides(self.source.type)[1] == strides(self.type)[1] == 1:
            self._rows_of_channels()
        else:
            self._planes()

    def _rows_of_channels(self) -> None:
        spatial = tuple(range(2, self.type.rank))
        domain = Domain(self.frame, self.type.shape, [(0,), *((a,) for a in spatial), (1,)])
        sizes = [int(str(self.type.shape[a])) for a in spatial]
        work = prod(sizes[1:]) * self.channels * self.attrs["nsize"]
        with self.frame.builder.tasks([self.type.shape[0], *sizes[:1]], work) as at:
            padded = Memory.local(self.channels + self.attrs["nsize"] - 1, self.dtype)
            with T.serial(0, self.attrs["nsize"] - 1) as i:
                edge = tirx.Select(i < self.below, i, i + self.channels)
                padded.store(lane_const(0, self.dtype, 1), edge)
            with grid(sizes[1:]) as pixel:
                self._row(domain, [*at, *pixel], padded)

    def _row(self, domain: Domain, pixel: Sequence[Any], padded: Memory) -> None:
        """All channels of one pixel."""
        block = channel_block(self.channels, self.lanes, 1)
        with grid([block.count]) as [index]:
            channel = block.start(index)
            x = bind(self._x(domain.place([*pixel, channel], block.lanes)))
            padded.store(x * x, channel + self.below, block.lanes)
        with grid([block.count]) as [index]:
            channel = block.start(index)
            total = padded.load(channel, block.lanes)
            for shift in range(1, self.attrs["nsize"]):
                total = total + padded.load(channel + shift, block.lanes)
            self._store(domain.place([*pixel, channel], block.lanes), total)

    def _planes(self) -> None:
        """Vectors over pixels, for channels that are not innermost."""
        loops = [(0,), (1,), tuple(range(2, self.type.rank))]
        domain = Domain(self.frame, self.type.shape, loops)
        pixels = prod(int(str(d)) for d in self.type.shape[2:])
        flat = domain.is_flat(2)
        block = channel_block(pixels, self.lanes if flat else 1, 1)
        work = pixels * self.attrs["nsize"]
        with self.frame.builder.tasks([*self.type.shape[:2]], work) as [image, channel]:
            first = tirx.max(channel - self.below, 0)
            end = tirx.min(channel - self.below + self.attrs["nsize"], self.channels)
            with grid([block.count]) as [index]:
                pixel = block.start(index)
                total = Memory.local(block.lanes, self.dtype)
                total.store(lane_const(0, self.dtype, block.lanes), 0, block.lanes)
                with T.serial(first, end) as c:
                    x = bind(self._x(domain.place([image, c, pixel], block.lanes)))
                    total.store(total.load(0, block.lanes) + x * x, 0, block.lanes)
                place = domain.place([image, channel, pixel], block.lanes)
                self._store(place, total.load(0, block.lanes))

    def _x(self, place: Place) -> Expr:
        return Math.cast(place.value(self.source), self.dtype)

    def _store(self, place: Place, total: Expr) -> None:
        scale = self.attrs["alpha"] / self.attrs["nsize"]
        base = bind(total * const(scale, total) + const(self.attrs["knorm"], total))
        value = self._x(place) / self._power(base)
        place.known[self.op.result] = bind(Math.cast(value, self.type.dtype))
        place.store()

    def _power(self, base: Expr) -> Expr:
        """base ** beta; roots are quicker than logarithms for the exponents that networks have."""
        beta = self.attrs["beta"]
        if beta == 0.75:
            root = bind(Math.sqrt(base))
            return root * Math.sqrt(root)
        if beta == 0.5:
            return Math.sqrt(base)
        return base if beta == 1 else Math.pow(base, const(beta, base))
