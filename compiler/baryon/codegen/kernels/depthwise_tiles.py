"""How a depthwise convolution is cut into tasks and register tiles: geometry without code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from baryon.codegen.expr import Expr
from baryon.codegen.group import Group
from baryon.codegen.kernels.quantized import (
    MAX_PRODUCT,
    Codes,
    QuantizedFactors,
    filters_of,
)
from baryon.codegen.targets import Target
from baryon.codegen.tvm import tirx
from baryon.ir import Array, DType, Value, f32, i8
from baryon.ops import TABLE
from baryon.ops.nn_conv import conv_window

MIN_TASKS = 32
"""Channels are split among tasks until an image makes so many."""

PART = 8
"""Vectors of channels of a task, where there are rows enough: three input rows stay in level 1."""

EXACT_FLOATS = 1 << 24
"""Whole numbers up to here are exact in float32."""

TILE = 8
"""Output pixels of a tile at most: more save no loads worth their code."""

Taps = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
"""Input columns, from a tile's first on; for each the (output pixel, kernel column) it meets."""


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

    @cached_property
    def codes(self) -> QuantizedFactors | None:
        """The factors, where codes are multiplied: as float32, in which their sums are exact."""
        found = QuantizedFactors.of(self.group)
        taps = self.kernel[0] * self.kernel[1]
        return found if taps * MAX_PRODUCT < EXACT_FLOATS else None

    @property
    def packed_dtype(self) -> DType:
        """The element type of packed constants."""
        weight = filters_of(self.group).type.dtype
        if self.codes is not None:
            return i8
        return f32 if weight.bits == 8 else weight

    @property
    def dtype(self) -> DType:
        """The element type of sums."""
        dtype = self.group.main.result.type.dtype
        return f32 if dtype.bits == 16 else dtype

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
        most = max(4, min(TILE, self.target.registers - self.kernel[1] - 3))
        tiles = -(-columns // most)
        return -(-columns // tiles)

    def rows(self, y: Expr) -> tuple[Expr, Expr, Expr]:
        """For output row y: the input row of its first tap; first and end of the taps inside."""
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
        written = Codes.of(self.group.main.operands[1])
        if self.codes is not None:
            weight = self.codes.signed(weight)
        elif written is not None:
            weight = written.real(weight)
        starts = [min(v * self.lanes, self.channels - self.lanes) for v in range(self.vectors)]
        picks = np.array(starts)[:, None] + np.arange(self.lanes)
        taps = weight.reshape(self.channels, -1)[picks]  # vector, lane, tap
        return np.ascontiguousarray(taps.transpose(0, 2, 1))


def _plane(values: Sequence[Any], line: int) -> tuple[int, int]:
    """(vertical, horizontal) of one or two numbers; `line` for the height of a line."""
    numbers = [line, *(int(str(v)) for v in values)]
    return numbers[-2], numbers[-1]
