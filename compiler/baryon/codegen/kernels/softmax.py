"""Softmax and log_softmax along any axis: maximum, exponentials and their sum, scaling.

The exponentials wait in the output, where its element type can hold them, else in scratch memory,
where a line is one run of it that fits level 1; otherwise they are computed again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from baryon.codegen.expr import Expr, Math, bind, const
from baryon.codegen.group import Group, compute_dtype
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory
from baryon.codegen.kernels.fold import Fold, Line
from baryon.codegen.pointwise import Frame, Place
from baryon.codegen.targets import Target


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a softmax with element-wise neighbours."""
    builder = KernelBuilder()
    with builder.function():
        _Softmax(Frame(builder, group), target).emit()
    return builder.finish()


MOST_KEPT = 4096
"""Exponentials that wait in scratch memory."""


class _Softmax:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.source = self.op.operands[0]
        attrs = frame.group.attrs
        self.axis = attrs["axis"] % self.source.type.rank
        self.temperature = attrs["temperature"]
        self.dtype = compute_dtype([self.source.type.dtype], self.op.result.type.dtype)
        self.loops = Fold(frame, target, self.source, {self.axis})
        self.is_log = self.op.name == "npx.log_softmax"
        # the output keeps exponentials between two passes
        self.keeps = frame.outputs[0].dtype == self.dtype and not self.is_log
        self.scratch: Memory | None = None

    def emit(self) -> None:
        """Emit the loops."""
        if 0 not in self.source.type.shape:
            self.loops.emit(self._line)

    def _line(self, line: Line) -> None:
        self.scratch = self._scratch()
        largest = line.reduce(lambda p, _: self._scaled(p), Math.maximum, -math.inf, self.dtype)
        totals = self._totals(line, largest)
        if self.is_log:
            offsets = [bind(m + Math.log(s)) for m, s in zip(largest, totals, strict=True)]
            line.each(lambda p, n: self._store(p, self._scaled(p) - line.of(offsets, p, n)))
            return
        scales = [bind(const(1, s) / s) for s in totals]
        line.each(
            lambda p, n: self._store(p, self._kept(line, p, largest, n) * line.of(scales, p, n))
        )

    def _scratch(self) -> Memory | None:
        """Memory for the exponentials of one line, if the output cannot hold them."""
        loops = self.loops
        size = loops.length if loops.along and loops.sizes[-1] == loops.length else None
        if self.keeps or self.is_log or not isinstance(size, int) or size > MOST_KEPT:
            return None
        return Memory.local(size, self.dtype)

    def _room(self, place: Place) -> tuple[Memory, Expr, int] | None:
        """Where the exponential at a place waits: memory, offset, step from lane to lane."""
        if self.keeps:
            return self.frame.outputs[0], *place.address(self.frame.outputs[0])
        return None if self.scratch is None else (self.scratch, place.indices[-1], 1)

    def _totals(self, line: Line, largest: Sequence[Expr]) -> list[Expr]:
        """The sums of exponentials, which wait where there is room for them."""

        def term(place: Place, number: int) -> Expr:
            value = self._exp(line, place, largest, number)
            if room := self._room(place):
                memory, offset, step = room
                memory.store(value, offset, place.lanes, step)
            return value

        return line.reduce(term, lambda a, b: a + b, 0, self.dtype, vectors=1)

    def _exp(self, line: Line, place: Place, largest: Sequence[Expr], number: int) -> Expr:
        return bind(Math.exp_nonpositive(self._scaled(place) - line.of(largest, place, number)))

    def _kept(self, line: Line, place: Place, largest: Sequence[Expr], number: int) -> Expr:
        room = self._room(place)
        if room is None:
            return self._exp(line, place, largest, number)
        memory, offset, step = room
        return memory.load(offset, place.lanes, step)

    def _scaled(self, place: Place) -> Expr:
        x = Math.cast(place.value(self.source), self.dtype)
        return x if self.temperature is None else x / const(self.temperature, x)

    def _store(self, place: Place, value: Expr) -> None:
        place.known[self.op.result] = bind(Math.cast(value, self.op.result.type.dtype))
        place.store()
