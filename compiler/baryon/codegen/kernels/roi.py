"""Pooling over regions of interest, whose bins have bounds that are data.

A task has some channels of one region; what a bin sees is computed once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

from baryon.codegen.expr import Expr, Math, bind, const, lane_const, smallest
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, flat, grid
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import DType, Value, f32, f64, i32, i64
from baryon.ir.memory import strides
from baryon.ops.roi import MOST_SAMPLES

CHANNELS = 32
"""Channels of a task: enough behind the places that they share, and tasks enough."""

FARTHEST = float(1 << 40)
"""Where boxes end at the latest, so that their bounds are whole numbers."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one pooling over regions."""
    builder = KernelBuilder()
    kind = _Align if group.main.name == "ir.roi_align" else _Pool
    with builder.function():
        kind(Frame(builder, group)).emit()
    return builder.finish()


class _Regions:
    """What both kinds share: the loops over regions, channels and bins."""

    def __init__(self, frame: Frame) -> None:
        self.frame, self.attrs = frame, frame.group.attrs
        self.data, self.rois, *_ = frame.group.main.operands
        self.images, self.channels, *size = (int(str(d)) for d in self.data.type.shape)
        self.size = (size[0], size[1])
        self.steps = strides(self.data.type)
        self.bins: tuple[int, int] = self.attrs["pooled_size"]

    def emit(self) -> None:
        """Emit the loops."""
        shape = self.frame.group.main.results[0].type.shape
        if 0 in shape or 0 in self.data.type.shape:
            self._clear(shape)
            return
        blocks = -(-self.channels // CHANNELS)
        work = prod(self.size) * min(CHANNELS, self.channels)
        with self.frame.builder.tasks([shape[0], blocks], work) as [region, block]:
            self._region(region, bind(block * CHANNELS))

    def _clear(self, shape: Sequence[Any]) -> None:
        with grid([1 if 0 in shape else prod(int(str(d)) for d in shape)]) as [at]:
            for memory in self.frame.outputs if 0 not in shape else ():
                memory.store(lane_const(0, memory.dtype, 1), at)
            T.evaluate(0)

    def _region(self, region: Any, first: Any) -> None:
        raise NotImplementedError

    @contextmanager
    def _block(self, first: Any) -> Iterator[Any]:
        """A loop over the channels of a task."""
        count = min(CHANNELS, self.channels)
        with T.serial(0, tirx.min(count, self.channels - first)) as c:
            yield c

    def _read(self, value: Value, at: Any) -> Expr:
        scalar = self.frame.group.scalar(value)
        if scalar is not None:
            return lane_const(scalar, value.type.dtype, 1)
        return self.frame.inputs[value].load(at)

    def _image(self, number: Expr) -> Expr:
        """The first element of an image."""
        known = tirx.max(tirx.min(Math.cast(number, i64), self.images - 1), 0)
        return bind(Math.cast(known, i32) * self.steps[0])

    def _out(self, region: Any, channel: Any, at: Sequence[Any]) -> Any:
        rows, columns = self.bins
        return flat([region, channel, *at], [self.channels * rows * columns, rows * columns,
                                             columns, 1])  # fmt: skip


class _Pool(_Regions):
    """Maxima of the pixels of bins, and their places."""

    def _region(self, region: Any, first: Any) -> None:
        box = [bind(Math.cast(self._read(self.rois, region * 5 + i), f64)) for i in range(5)]
        image = self._image(box[0])
        axes = [self._spans(box[2 - a], box[4 - a], a) for a in range(2)]
        with grid(self.bins) as at:
            bounds = [self._bounds(axis, index, a) for a, (axis, index) in
                      enumerate(zip(axes, at, strict=True))]  # fmt: skip
            with self._block(first) as c:
                self._maximum(image, first + c, bounds, self._out(region, first + c, at))

    def _spans(self, low: Expr, high: Expr, axis: int) -> tuple[Expr, Expr]:
        """Where a box begins along an axis, and how long its bins are."""
        begin, end = (self._rounded(v) for v in (low, high))
        length = tirx.max(end - begin + const(1, end), const(1, end))
        return begin, bind(length / const(self.bins[axis], length))

    def _rounded(self, value: Expr) -> Expr:
        """The next whole number, halves away from zero."""
        scaled = bind(value * const(self.attrs["spatial_scale"], value))
        size = tirx.floor(tirx.min(tirx.abs(scaled), const(FARTHEST, scaled)) + const(0.5, scaled))
        return bind(Math.copysign(size, scaled))

    def _bounds(self, axis: tuple[Expr, Expr], index: Any, number: int) -> tuple[Expr, Expr]:
        """The pixels of a bin along an axis: [first, stop)."""
        begin, length = axis
        place = Math.cast(tirx.convert(index), f64)
        first = tirx.floor(place * length) + begin
        stop = tirx.ceil((place + const(1, length)) * length) + begin
        size = const(self.size[number], length)
        kept = (tirx.max(tirx.min(v, size), const(0, size)) for v in (first, stop))
        first, stop = (bind(Math.cast(v, i32)) for v in kept)
        return first, stop

    def _maximum(self, image: Expr, channel: Any, bounds: Any, out: Any) -> None:
        dtype = self.data.type.dtype
        best, place = Memory.local(1, dtype), Memory.local(1, i32)
        best.store(lane_const(smallest(dtype), dtype, 1), 0)
        place.store(lane_const(-1, i32, 1), 0)
        rows, columns = bounds
        with T.serial(*rows) as row, T.serial(*columns) as column:
            at = bind(image + flat([channel, row, column], self.steps[1:]))
            value = bind(self._read(self.data, at))
            better = tirx.Or(value > best.load(0), place.load(0) < 0)
            place.store(tirx.Select(better, at, place.load(0)), 0)
            best.store(tirx.Select(better, value, best.load(0)), 0)
        some = place.load(0) >= 0
        pooled, places = self.frame.outputs
        pooled.store(tirx.Select(some, best.load(0), lane_const(0, dtype, 1)), out)
        places.store(place.load(0), out)


class _Tap(NamedTuple):
    """Two neighbouring pixels of an axis, as offsets, with their weights."""

    places: tuple[Expr, Expr]
    weights: tuple[Expr, Expr]


class _Samples(NamedTuple):
    """An axis of a region: where it starts, the length of a bin, and how many samples it has."""

    start: Expr
    length: Expr
    count: Expr


class _Align(_Regions):
    """Averages, or maxima, of samples between the pixels."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self.dtype: DType = f64 if self.data.type.dtype == f64 else f32
        self.largest = self.attrs["mode"] == "max"

    def _region(self, region: Any, first: Any) -> None:
        box = [bind(Math.cast(self._read(self.rois, region * 4 + i), self.dtype)) for i in range(4)]
        image = self._image(self._read(self.frame.group.main.operands[2], region))
        axes = [self._samples(box[1 - a], box[3 - a], a) for a in range(2)]
        sums = Memory.local(min(CHANNELS, self.channels), self.dtype)
        start = smallest(self.dtype) if self.largest else 0
        with grid(self.bins) as at:
            with self._block(first) as c:
                sums.store(lane_const(start, self.dtype, 1), c)
            with T.serial(0, axes[0].count) as i:
                row = self._tap(axes[0], at[0], i, 0)
                with T.serial(0, axes[1].count) as j:
                    column = self._tap(axes[1], at[1], j, 1)
                    self._sample(sums, image, first, row, column)
            self._store(sums, axes, region, first, at)

    def _samples(self, low: Expr, high: Expr, axis: int) -> _Samples:
        scale, one = self._const(self.attrs["spatial_scale"]), self._const(1)
        length = (high - low) * scale
        if not self.attrs["aligned"]:
            length = tirx.max(length, one)
        start = bind(low * scale - self._const(0.5 if self.attrs["aligned"] else 0.0))
        width = bind(length / self._const(self.bins[axis]))
        ratio = self.attrs["sampling_ratio"]
        if ratio:
            return _Samples(start, width, tirx.convert(ratio))
        most = self._const(MOST_SAMPLES * self.size[axis])
        count = tirx.max(tirx.min(tirx.ceil(width), most), self._const(0))
        return _Samples(start, width, bind(Math.cast(count, i32)))

    def _tap(self, samples: _Samples, index: Any, number: Any, axis: int) -> _Tap:
        """The pixels around a sample of a bin."""
        count = self._float(tirx.max(samples.count, 1))
        inner = (self._float(number) + self._const(0.5)) * (samples.length / count)
        at = bind(samples.start + self._float(index) * samples.length + inner)
        size, step = self.size[axis], self.steps[2 + axis]
        inside = tirx.And(at >= self._const(-1), at <= self._const(size))
        kept = bind(tirx.max(tirx.min(at, self._const(size - 1)), self._const(0)))
        low = bind(tirx.floor(kept))
        part = bind(kept - low)
        before = bind(Math.cast(low, i32))
        after = bind(tirx.min(before + 1, size - 1))
        weights = (
            bind(tirx.Select(inside, w, self._const(0))) for w in (self._const(1) - part, part)
        )
        return _Tap((bind(before * step), bind(after * step)), tuple(weights))

    def _sample(self, sums: Memory, image: Expr, first: Any, row: _Tap, column: _Tap) -> None:
        """Join a sample with the sums of all channels of a task."""
        corners = [
            (bind(image + y + x), bind(by * along))
            for y, by in zip(*row, strict=True) for x, along in zip(*column, strict=True)
        ]  # fmt: skip
        with self._block(first) as c:
            base = bind((first + c) * self.steps[1])
            parts = [
                bind(Math.cast(self._read(self.data, base + at), self.dtype) * weight)
                for at, weight in corners
            ]
            total = sums.load(c)
            for part in parts:
                total = tirx.max(total, part) if self.largest else total + part
            sums.store(total, c)

    def _store(
        self, sums: Memory, axes: Sequence[_Samples], region: Any, first: Any, at: Sequence[Any]
    ) -> None:
        count = bind(axes[0].count * axes[1].count)
        with self._block(first) as c:
            value = sums.load(c)
            if not self.largest:
                value = value / self._float(tirx.max(count, 1))
            value = tirx.Select(count > 0, value, self._const(0))
            value = bind(Math.cast(value, self.data.type.dtype))
            self.frame.outputs[0].store(value, self._out(region, first + c, at))

    def _const(self, value: float) -> Expr:
        return lane_const(value, self.dtype, 1)

    def _float(self, value: Any) -> Expr:
        return Math.cast(tirx.convert(value), self.dtype)
