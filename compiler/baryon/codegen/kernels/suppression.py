"""Non-maximum suppression: boxes by falling score, each against those that are kept already.

A task has one class of one image. The boxes whose score is high enough make a heap, the best on
top; of equal scores the first is better. They are taken one by one until enough are kept, so that
of thousands mostly few are looked at. Each class writes where its results would begin if all of
them were kept; then they are moved together.
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
_LEVELS = 31
"""Of a heap whose size is not known."""

Corners = tuple[Expr, Expr, Expr, Expr]


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one `ir.non_max_suppression`."""
    builder = KernelBuilder(any_axis=True)
    with builder.function():
        _Suppression(Frame(builder, group)).emit()
    return builder.finish()


@dataclass(frozen=True)
class _Heap:
    """Boxes by number and their scores, `count` of them; none is better than the one above it.

    levels: as many as it has at most.
    """

    boxes: Memory
    scores: Memory
    count: Memory
    levels: int

    @staticmethod
    def room(size: Any, dtype: DType) -> _Heap:
        levels = size.bit_length() if isinstance(size, int) else _LEVELS
        numbers = (Memory.local(size, i32), Memory.local(size, dtype))
        return _Heap(*numbers, Memory.local(1, i64), levels)

    def add(self, box: Expr, score: Expr, keep: Expr) -> None:
        """Write a box behind the others, and count it if it is good enough."""
        place = bind(self.count.load(0))
        self.boxes.store(box, place)
        self.scores.store(score, place)
        self.count.store(place + Math.cast(keep, i64), 0)

    def order(self) -> None:
        """Make a heap of what was added."""
        half = bind(self.count.load(0) >> _index(1))
        with T.serial(0, half) as i:
            self._sink(half - 1 - Math.cast(tirx.convert(i), i64))

    def take(self) -> Expr:
        """The best box, which is taken off."""
        best = bind(self.boxes.load(0))
        last = bind(self.count.load(0) - 1)
        self.count.store(last, 0)
        self.boxes.store(self.boxes.load(last), 0)
        self.scores.store(self.scores.load(last), 0)
        self._sink(_index(0))
        return best

    def _sink(self, start: Expr) -> None:
        """Let the box at a place sink until those below it are no better."""
        place = Memory.local(1, i64)
        place.store(start, 0)
        with T.serial(0, self.levels):
            at, count = bind(place.load(0)), bind(self.count.load(0))
            left = bind(at * 2 + 1)
            with when(left < count):
                right = bind(tirx.min(left + 1, count - 1))
                better = self._is_better(right, left)
                below = bind(tirx.Select(better, right, left))
                with when(self._is_better(below, at)):
                    self._swap(at, below)
                    place.store(below, 0)

    def _is_better(self, a: Expr, b: Expr) -> Expr:
        first, second = bind(self.scores.load(a)), bind(self.scores.load(b))
        before = self.boxes.load(a) < self.boxes.load(b)
        return (first > second) | (Math.eq(first, second) & before)

    def _swap(self, a: Expr, b: Expr) -> None:
        for memory in (self.boxes, self.scores):
            first, second = bind(memory.load(a)), bind(memory.load(b))
            memory.store(second, a)
            memory.store(first, b)


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
        heap = _Heap.room(self.count, self.dtype)
        self._fill(heap, line * self.count)
        limit, overlap = bind(self._one(self.limit)), bind(self._wide(self._one(self.overlap)))
        kept, first = Memory.local(1, i64), bind(line * self.most)
        kept.store(_index(0), 0)
        with T.serial(0, self.most) as number:
            self.rows.store(_index(-1), (first + number) * _ROW + 2)
        candidates = bind(heap.count.load(0))
        with T.serial(0, candidates):
            count = bind(kept.load(0))
            with when((count < limit) & (count < self.most)):
                box = bind(Math.cast(heap.take(), i64))
                covered = self._covered(box, corners, first, count, overlap)
                row = bind((first + count) * _ROW)
                with when(Math.logical_not(covered)):
                    for at, value in enumerate((image, kind, box)):
                        self.rows.store(Math.cast(tirx.convert(value), i64), row + at)
                    kept.store(count + 1, 0)

    def _fill(self, heap: _Heap, start: Expr) -> None:
        """Gather the boxes whose score is high enough."""
        least = bind(self._wide(self._one(self.least)))
        heap.count.store(_index(0), 0)
        with T.serial(0, self.count) as i:
            score = bind(self._wide(self.frame.inputs[self.scores].load(start + i)))
            heap.add(Math.cast(tirx.convert(i), i32), score, score > least)
        heap.order()

    def _covered(self, box: Expr, corners: Expr, first: Expr, count: Expr, overlap: Expr) -> Expr:
        """Whether a box overlaps one of those that are kept too much."""
        own, hits = self._corners(corners + box * 4), Memory.local(1, i32)
        hits.store(tirx.const(0, "int32"), 0)
        with T.serial(0, count) as number:
            other = self._corners(corners + self.rows.load((first + number) * _ROW + 2) * 4)
            hit = Math.cast(intersection_over_union(other, own) > overlap, i32)
            hits.store(hits.load(0) | hit, 0)
        return bind(hits.load(0)) > 0

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
