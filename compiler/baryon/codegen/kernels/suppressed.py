"""Suppression of boxes that are in order: each that is kept takes out what overlaps it."""

from __future__ import annotations

from typing import Any

from baryon.codegen.expr import Expr, Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, when
from baryon.codegen.kernels.suppression import intersection_over_union
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import f32

Corners = tuple[Expr, Expr, Expr, Expr]


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one `ir.suppressed`: a task has one image."""
    builder = KernelBuilder()
    with builder.function():
        _Suppressed(Frame(builder, group)).emit()
    return builder.finish()


class _Suppressed:
    def __init__(self, frame: Frame) -> None:
        self.frame, self.op = frame, frame.group.main
        self.boxes, self.groups = (frame.inputs[v] for v in self.op.operands)
        (self.gone,) = frame.outputs
        self.batch, self.count = self.op.operands[1].type.shape
        dtype = self.op.operands[0].type.dtype
        self.dtype = f32 if dtype.bits == 16 else dtype
        self.overlap = lane_const(frame.group.attrs["overlap"], self.dtype, 1)
        self.equal = bool(frame.group.attrs["equal"])

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.op.operands[1].type.shape:
            T.evaluate(0)
            return
        size = int(str(self.count))
        with self.frame.builder.tasks([self.batch], size * size * 4) as [image]:
            start = bind(tirx.convert(image) * size)
            with T.serial(0, size) as i:
                self.gone.store(tirx.const(0, "bool"), start + i)
            with T.serial(0, size) as i, when(Math.logical_not(self.gone.load(start + i))):
                self._take_out(start, i, size)

    def _take_out(self, start: Expr, i: Any, size: int) -> None:
        """Take out the boxes behind a kept one that overlap it."""
        group, box = bind(self._group(start + i)), self._corners(start + i)
        with T.serial(0, size - 1 - i) as k:
            place = bind(start + i + 1 + k)
            found = bind(intersection_over_union(box, self._corners(place)))
            covered = found >= self.overlap if self.equal else found > self.overlap
            is_same = Math.eq(self._group(place), group)  # false for NaN, which is no group
            self.gone.store(self.gone.load(place) | (covered & is_same), place)

    def _group(self, place: Expr) -> Expr:
        return self.groups.load(place)

    def _corners(self, place: Expr) -> Corners:
        a, b, c, d = (bind(Math.cast(self.boxes.load(place * 4 + i), self.dtype)) for i in range(4))
        return a, b, c, d
