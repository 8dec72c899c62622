"""Non-maximum suppression: the best box again and again, those that overlap it taken out.

A task has one class of one image. It keeps a list of the boxes that are left, with their scores, in
their order. A pass over the list takes out what overlaps the box that was kept last, moves the
others together, and finds the best of them: so the list shrinks, nothing is sorted, and of equal
scores the first wins. Each class writes where its results would begin if all of them were kept;
then they are moved together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, const, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, when
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import DType, Value, f32, i32, i64
from baryon.ops.boxes_selected import per_line

_ROW = 3
Corners = tuple[Expr, Expr, Expr, Expr]


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one `ir.non_max_suppression`."""
    builder = KernelBuilder(any_axis=True)
    with builder.function():
        _Suppression(Frame(builder, group)).emit()
    return builder.finish()


@dataclass(frozen=True)
class _Left:
    """The list of the boxes that are left of one class, and their scores; how many there are, the
    place of the best and its score."""

    boxes: Memory
    scores: Memory
    count: Memory
    best: Memory
    score: Memory

    @staticmethod
    def room(size: Any, dtype: DType) -> _Left:
        numbers = (Memory.local(size, i32), Memory.local(size, dtype))
        return _Left(*numbers, Memory.local(1, i64), Memory.local(1, i64), Memory.local(1, dtype))

    def clear(self) -> None:
        self.count.store(_index(0), 0)
        self.best.store(_index(0), 0)
        self.score.store(lane_const(float("-inf"), self.score.dtype, 1), 0)

    def add(self, box: Expr, score: Expr, keep: Expr) -> None:
        """Write a box behind the list, and count it if it is kept."""
        place = bind(self.count.load(0))
        self.boxes.store(box, place)
        self.scores.store(score, place)
        better = bind(Math.cast(keep & (score > self.score.load(0)), i32))
        yes = better == const(1, better)
        self.best.store(tirx.Select(yes, place, self.best.load(0)), 0)
        self.score.store(tirx.Select(yes, score, self.score.load(0)), 0)
        self.count.store(place + Math.cast(keep, i64), 0)


def _index(number: int) -> Expr:
    return tirx.const(number, "int64")


class _Suppression:
    def __init__(self, frame: Frame) -> None:
        self.frame, self.op = frame, frame.group.main
        self.boxes, self.scores, self.limit, self.overlap, self.least = self.op.operands
        self.rows, self.size = frame.outputs
        symbols, type = frame.builder.symbols, self.scores.type
        self.dtype = f32 if type.dtype.bits == 16 else type.dtype
        self.batch, self.classes, _ = type.shape
        self.count = symbols.dim(type.shape[2])
        self.most = symbols.dim(per_line(type, int(frame.group.attrs["per_class"])))

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.scores.type.shape:
            self.size.store(_index(0), 0)
            return
        with self.frame.builder.tasks([self.batch, self.classes], 1 << 12) as [image, kind]:
            self._line(image, kind)
        self._join()

    def _line(self, image: Any, kind: Any) -> None:
        """The boxes of one class of one image that are kept, and a mark behind them."""
        line = bind(Math.cast(tirx.convert(image * self.classes + kind), i64))
        corners = bind(Math.cast(tirx.convert(image), i64) * (self.count * 4))
        left = _Left.room(self.count, self.dtype)
        self._fill(left, line * self.count)
        limit, overlap = bind(self._one(self.limit)), bind(self._wide(self._one(self.overlap)))
        with T.serial(0, self.most) as number:
            row = bind((line * self.most + number) * _ROW)
            self.rows.store(_index(-1), row + 2)
            with when((left.count.load(0) > 0) & (Math.cast(tirx.convert(number), i64) < limit)):
                best = bind(left.best.load(0))
                box = bind(Math.cast(left.boxes.load(best), i64))
                for at, value in enumerate((image, kind, box)):
                    self.rows.store(Math.cast(tirx.convert(value), i64), row + at)
                self._thin(left, corners, (best, box), overlap)

    def _fill(self, left: _Left, start: Expr) -> None:
        """List the boxes whose score is high enough."""
        least = bind(self._wide(self._one(self.least)))
        left.clear()
        with T.serial(0, self.count) as i:
            score = bind(self._wide(self.frame.inputs[self.scores].load(start + i)))
            left.add(Math.cast(tirx.convert(i), i32), score, score > least)

    def _thin(self, left: _Left, corners: Expr, kept: tuple[Expr, Expr], overlap: Expr) -> None:
        """Take the box that was kept, and what overlaps it, out of the list."""
        best, box = kept
        first = self._corners(corners + box * 4)
        before = bind(left.count.load(0))
        left.clear()
        with T.serial(0, before) as q:
            number, score = bind(left.boxes.load(q)), bind(left.scores.load(q))
            other = self._corners(corners + Math.cast(number, i64) * 4)
            covered = intersection_over_union(first, other) > overlap
            is_other = Math.cast(tirx.convert(q), i64) != best
            left.add(number, score, is_other & Math.logical_not(covered))

    def _corners(self, offset: Expr) -> Corners:
        """A box by its lower and its upper corner."""
        a, b, c, d = (
            bind(self._wide(self.frame.inputs[self.boxes].load(offset + i))) for i in range(4)
        )
        if self.frame.group.attrs["centers"]:
            x, y = bind(c / const(2, c)), bind(d / const(2, d))
            return bind(a - x), bind(b - y), bind(a + x), bind(b + y)
        low, high = Math.minimum, Math.maximum
        return bind(low(a, c)), bind(low(b, d)), bind(high(a, c)), bind(high(b, d))

    def _join(self) -> None:
        """Move the rows of all classes together."""
        total = Memory.local(1, i64)
        total.store(_index(0), 0)
        lines = self.frame.builder.symbols.dim(self.batch) * self.classes
        with T.serial(0, lines * self.most) as number:
            row, to = bind(Math.cast(tirx.convert(number), i64) * _ROW), bind(total.load(0))
            box = bind(self.rows.load(row + 2))
            for at in range(_ROW):
                self.rows.store(self.rows.load(row + at), to * _ROW + at)
            total.store(to + Math.cast(box >= 0, i64), 0)
        self.size.store(total.load(0), 0)

    def _one(self, value: Value) -> Expr:
        scalar = self.frame.group.scalar(value)
        if scalar is not None:
            return lane_const(scalar, value.type.dtype, 1)
        return self.frame.inputs[value].load(0)

    def _wide(self, x: Expr) -> Expr:
        return Math.cast(x, self.dtype)


def intersection_over_union(a: Corners, b: Corners) -> Expr:
    """Intersection over union; 0 where they do not meet."""
    zero = const(0, a[0])
    width = Math.maximum(Math.minimum(a[2], b[2]) - Math.maximum(a[0], b[0]), zero)
    height = Math.maximum(Math.minimum(a[3], b[3]) - Math.maximum(a[1], b[1]), zero)
    inter = bind(width * height)
    union = bind(_area(a) + _area(b) - inter)
    meets = (inter > zero) & (union > zero)
    return bind(tirx.Select(meets, inter / tirx.Select(meets, union, const(1, zero)), zero))


def _area(box: Corners) -> Expr:
    return (box[2] - box[0]) * (box[3] - box[1])
