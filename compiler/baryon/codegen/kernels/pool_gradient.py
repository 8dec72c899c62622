"""The gradient of pooling: every window sends its gradient to the elements that it saw.

A task has all windows of some channels of an image, one after the other, so windows that overlap
add up in one order; vectors run over channels where these are innermost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, lane_const, splat
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.pool import Windows, channel_block, compute_dtype, pixel_domain
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir.memory import strides

MAX_VECTORS = 4
"""Vectors of channels of a task."""
UNROLL = 9
"""Taps up to which the loop over a window is written out."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a pooling's gradient."""
    builder = KernelBuilder()
    with builder.function():
        gradient = _Gradient(Frame(builder, group), target)
        gradient.emit()
    return builder.finish(flops=gradient.work)


class _Gradient:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame = frame
        self.data, self.out, self.grad = frame.group.main.operands
        self.windows = Windows.of(frame.group.main)
        self.dtype = compute_dtype(self.data.type.dtype)
        self.size = self.windows.size
        self.positions = tuple(int(str(d)) for d in self.out.type.shape[2:])
        types = (self.data.type, self.out.type, self.grad.type, frame.group.main.result.type)
        innermost = all(strides(t)[1] == 1 for t in types)
        lanes = target.lanes(self.dtype.itemsize) if innermost else 1
        self.block = channel_block(int(str(self.data.type.shape[1])), lanes, MAX_VECTORS)
        self.before, self.after = (pixel_domain(frame, v.type) for v in (self.data, self.out))
        self.result = frame.outputs[0]

    @property
    def work(self) -> int:
        """Elements that the windows of one image visit."""
        taps = math.prod((*self.positions, *self.windows.shape.kernel))
        return taps * self.block.channels

    @property
    def _overlaps(self) -> bool:
        """Whether an element may be in two windows."""
        shape = self.windows.shape
        return any(e > s for e, s in zip(shape.extent, shape.stride, strict=True))

    @property
    def _covers(self) -> bool:
        """Whether each element is in one window."""
        shape = self.windows.shape
        inside = zip(self.positions, shape.kernel, self.size, strict=True)
        whole = all(n * k == d for n, k, d in inside) and not any(shape.before)
        return whole and not self._overlaps

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.data.type.shape:
            return
        work = math.prod(self.size) * self.block.width
        counts = [self.data.type.shape[0], self.block.count]
        with self.frame.builder.tasks(counts, work) as [image, index]:
            channel = bind(self.block.start(index))
            if not self._covers:
                self._clear(image, channel)
            with grid(self.positions) as at:
                self._window(image, at, channel)

    def _clear(self, image: Expr, channel: Expr) -> None:
        zero = lane_const(0, self.data.type.dtype, self.block.lanes)
        with grid(self.size) as pixel:
            for number in range(self.block.vectors):
                self._store([image, *pixel, channel + number * self.block.lanes], zero)

    def _window(self, image: Expr, at: Sequence[Expr], channel: Expr) -> None:
        """Send the gradients at one position to the window's elements."""
        lanes, starts = self.block.lanes, self.windows.starts(at)
        divisor = self.windows.divisor(starts, self.dtype)
        rests, largest = [], []
        for number in range(self.block.vectors):
            place = self.after.place([image, *at, channel + number * lanes], lanes)
            value = Math.cast(place.value(self.grad), self.dtype)
            rest = Memory.local(lanes, self.dtype)
            rest.store(value if divisor is None else value / splat(divisor, lanes), 0, lanes)
            rests.append(rest)
            largest.append(place.value(self.out) if self.windows.kind == "max" else None)
        bounds = [self.windows.bounds(axis, start) for axis, start in enumerate(starts)]
        fixed = all(isinstance(b, int) for pair in bounds for b in pair)
        small = fixed and math.prod(self.windows.shape.kernel) <= UNROLL
        with ExitStack() as stack:
            loop = T.unroll if small else T.serial
            taps = [stack.enter_context(loop(*pair)) for pair in bounds]
            pixel = [bind(at) for at in self.windows.pixel(starts, taps)]
            for number, (rest, top) in enumerate(zip(rests, largest, strict=True)):
                self._send([image, *pixel, channel + number * lanes], rest, top)

    def _send(self, at: Sequence[Any], rest: Memory, top: Expr | None) -> None:
        """Give an element its gradient: all of it, or what is left if it is the maximum."""
        lanes = self.block.lanes
        place = self.before.place(at, lanes)
        given = bind(rest.load(0, lanes))
        if top is not None:
            hit = Math.eq(place.value(self.data), top)
            zero = lane_const(0, self.dtype, lanes)
            rest.store(tirx.Select(hit, zero, given), 0, lanes)
            given = bind(tirx.Select(hit, given, zero))
        value = Math.cast(given, self.data.type.dtype)
        if self._overlaps:
            offset, step = place.address(self.result)
            value = self.result.load(offset, lanes, step) + value
        self._store(at, value)

    def _store(self, at: Sequence[Any], value: Expr) -> None:
        lanes = self.block.lanes
        offset, step = self.before.place(at, lanes).address(self.result)
        self.result.store(value, offset, lanes, step)
