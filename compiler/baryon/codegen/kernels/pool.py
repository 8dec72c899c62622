"""Pooling over any number of spatial axes; vectors run over channels where these are innermost.

A window is a loop with bounds, so padding costs nothing and never takes part. Where vectors do not
divide the channels, the last block is moved back to end where they end and computes some results
twice. Maxima pass over NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, lane_const, smallest, splat
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.pointwise import Domain, Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Array, DType, Op, TensorType, f32
from baryon.ir.memory import strides
from baryon.ops import TABLE
from baryon.ops.nn_pool import counted_spans, pool_counts, pool_window
from baryon.ops.windows import Window

MAX_VECTORS = 8
"""Accumulators side by side."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a pooling with element-wise neighbours."""
    builder = KernelBuilder()
    with builder.function():
        pool = _Pool(Frame(builder, group), target)
        pool.emit()
    return builder.finish(flops=pool.work)


@dataclass(frozen=True)
class Block:
    """Channels computed together, `vectors` of `lanes`; `count` blocks cover `channels`."""

    channels: int
    vectors: int
    lanes: int

    @property
    def width(self) -> int:
        """Channels of a block."""
        return self.vectors * self.lanes

    @property
    def count(self) -> int:
        """Blocks."""
        return -(-self.channels // self.width)

    def start(self, index: Any) -> Any:
        """First channel of a block."""
        start = index * self.width
        return tirx.min(start, self.channels - self.width) if self.channels % self.width else start


def channel_block(channels: int, lanes: int, most: int = MAX_VECTORS) -> Block:
    """The largest block that computes the fewest channels twice."""
    lanes = min(lanes, channels)
    sizes = range(1, min(most, channels // lanes) + 1)
    blocks = [Block(channels, n, lanes) for n in sizes]
    fewest = min(b.count * b.width for b in blocks)
    return max((b for b in blocks if b.count * b.width == fewest), key=lambda b: b.vectors)


@dataclass(frozen=True)
class Windows:
    """The windows of a pooling. op: its name. attrs: normalized. size: of the spatial axes."""

    op: str
    attrs: Mapping[str, Any]
    size: tuple[int, ...]

    @staticmethod
    def of(op: Op) -> Windows:
        """Those of an op whose first operand is pooled."""
        size = tuple(int(str(d)) for d in op.operands[0].type.shape[2:])
        return Windows(op.name, TABLE[op.name].normalize(op.attrs), size)

    @cached_property
    def shape(self) -> Window:
        """The window, its padding made to fit."""
        return pool_window(self.op, self.size, self.attrs)

    @property
    def kind(self) -> str:
        """max, avg or sum."""
        return str(self.attrs["pool_type"])

    def starts(self, at: Sequence[Any]) -> list[Any]:
        """Where the window at an output pixel begins; negative in the padding."""
        axes = zip(at, self.shape.stride, self.shape.before, strict=True)
        return [o * s - b for o, s, b in axes]

    def bounds(self, axis: int, start: Any) -> tuple[Any, Any]:
        """The taps of an axis that lie inside the data."""
        first, stop = self._taps(axis, start, (0, self.size[axis]))
        begin = first if self.shape.before[axis] else 0
        return begin, stop if self.shape.after[axis] > 0 else self.shape.kernel[axis]

    def _taps(self, axis: int, start: Any, span: tuple[int, int]) -> tuple[Any, Any]:
        """The taps of an axis that lie in [low, high)."""
        (low, high), step = span, self.shape.dilate[axis]
        first, stop = (_quotient_up(end - start, step) for end in (low, high))
        return tirx.max(first, 0), tirx.min(stop, self.shape.kernel[axis])

    def pixel(self, starts: Sequence[Any], taps: Sequence[Any]) -> list[Any]:
        """The element of the data that each axis' tap sees."""
        axes = zip(starts, taps, self.shape.dilate, strict=True)
        return [start + (tap if step == 1 else tap * step) for start, tap, step in axes]

    def divisor(self, starts: Sequence[Any], dtype: DType) -> Expr | None:
        """What an average is divided by at one position, or None."""
        if self.kind != "avg":
            return None
        counts = pool_counts(self.op, self.size, self.attrs)
        total: Any = 1
        for axis, start in enumerate(starts):
            total = total * self._count(axis, counts[axis], start)
        return bind(Math.cast(tirx.convert(total), dtype))

    def _count(self, axis: int, counts: Array, start: Any) -> Any:
        """Elements that a window counts along an axis: the formula behind the table `counts`."""
        if (counts == counts[0]).all():
            return int(counts[0])
        first, stop = self._taps(axis, start, self._spans[axis])
        return tirx.max(stop - first, 0) if self.shape.dilate[axis] > 1 else stop - first

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return counted_spans(self.op, self.size, self.attrs)


def _quotient_up(value: Any, divisor: int) -> Any:
    if isinstance(value, int):
        return -(-value // divisor)
    return value if divisor == 1 else tirx.floordiv(value + (divisor - 1), divisor)


def pixel_domain(frame: Frame, type: TensorType) -> Domain:
    """Positions of an image: loops over batch, each spatial axis, and channels."""
    return Domain(frame, type.shape, [(0,), *((a,) for a in range(2, type.rank)), (1,)])


class _Pool:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.source, self.result = self.op.operands[0], self.op.result
        self.windows = Windows.of(self.op)
        self.dtype = compute_dtype(self.source.type.dtype)
        self.out = tuple(int(str(d)) for d in self.result.type.shape[2:])
        self.block = channel_block(self._channels(), self._lanes(target))
        self.before, self.after = (pixel_domain(frame, v.type) for v in (self.source, self.result))

    def _channels(self) -> int:
        return int(str(self.source.type.shape[1]))

    def _lanes(self, target: Target) -> int:
        innermost = strides(self.source.type)[1] == strides(self.result.type)[1] == 1
        return target.lanes(self.dtype.itemsize) if innermost else 1

    @property
    def work(self) -> int:
        """Elements that one image visits."""
        return math.prod((*self.out, *self.windows.shape.kernel)) * self._channels()

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.result.type.shape:
            return
        batch, rows = self.result.type.shape[0], self.out[0]
        per_task = self.work // (rows * self.block.count)
        with self.frame.builder.tasks([batch, rows, self.block.count], per_task) as task:
            image, row, index = task
            channel = self.block.start(index)
            with grid(self.out[1:]) as columns:
                self._window(image, [row, *columns], channel)

    def _window(self, image: Any, at: Sequence[Any], channel: Any) -> None:
        """All channels of a block at one output pixel."""
        sums = [Memory.local(self.block.lanes, self.dtype) for _ in range(self.block.vectors)]
        for total in sums:
            total.store(
                lane_const(self._start(), self.dtype, self.block.lanes), 0, self.block.lanes
            )
        starts = self.windows.starts(at)
        with ExitStack() as stack:
            taps = [
                stack.enter_context(T.serial(*self.windows.bounds(axis, start)))
                for axis, start in enumerate(starts)
            ]
            self._add([image, *self.windows.pixel(starts, taps)], channel, sums)
        divisor = self.windows.divisor(starts, self.dtype)
        for number, total in enumerate(sums):
            self._store([image, *at], channel + number * self.block.lanes, total, divisor)

    def _start(self) -> float:
        return smallest(self.dtype) if self.windows.kind == "max" else 0

    def _add(self, pixel: Sequence[Any], channel: Any, sums: Sequence[Memory]) -> None:
        lanes = self.block.lanes
        for number, total in enumerate(sums):
            place = self.before.place([*pixel, channel + number * lanes], lanes)
            x = bind(Math.cast(place.value(self.source), self.dtype))
            now = bind(total.load(0, lanes))
            total.store(
                tirx.Select(x > now, x, now) if self.windows.kind == "max" else now + x, 0, lanes
            )

    def _store(self, pixel: Sequence[Any], channel: Any, total: Memory, divisor: Any) -> None:
        lanes = self.block.lanes
        value = total.load(0, lanes)
        if divisor is not None:
            value = value / splat(divisor, lanes)
        place = self.after.place([*pixel, channel], lanes)
        place.known[self.result] = bind(Math.cast(value, self.result.type.dtype))
        place.store()


def compute_dtype(dtype: DType) -> DType:
    """The element type that a pooling computes in."""
    return f32 if dtype.is_float and dtype.bits == 16 else dtype
