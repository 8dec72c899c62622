"""Sorting lines: a stable merge sort of keys and positions, without a branch on what is compared.

Elements become whole numbers that sort like them: a float's bits, turned so that negative ones come
first, NaN last. In descending order the bits are inverted. The sorted elements are read again at
their positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, flat, when
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import DType, TensorType, f32, i32, i64
from baryon.ir.memory import steps as element_steps


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one sort, whose results are the sorted elements and their positions."""
    builder = KernelBuilder(any_axis=True)
    with builder.function():
        _Sort(Frame(builder, group)).emit()
    return builder.finish()


_PASSES = 31
"""Merges of a line whose length is not known: it has fewer than 2^31 elements."""

_LONG = 256
"""Elements that such a line is taken to have where work is shared."""


@dataclass(frozen=True)
class _Items:
    """A line in scratch memory."""

    keys: Memory
    positions: Memory

    @staticmethod
    def local(size: Any, key: DType) -> _Items:
        return _Items(Memory.local(size, key), Memory.local(size, i32))

    def copy_from(self, other: _Items, source: Any, to: Any) -> None:
        self.keys.store(other.keys.load(source), to)
        self.positions.store(other.positions.load(source), to)


class _Sort:
    def __init__(self, frame: Frame) -> None:
        self.frame, self.op = frame, frame.group.main
        self.type: TensorType = self.op.operands[0].type
        self.axis = frame.group.attrs["axis"] % self.type.rank
        self.descending = frame.group.attrs["descending"]
        self.size = frame.builder.symbols.dim(self.type.shape[self.axis])
        wide = self.type.dtype.bits == 64 or self.type.dtype.name == "u32"
        self.key = i64 if wide else i32

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.type.shape:
            T.evaluate(0)
            return
        others = [d for a, d in enumerate(self.type.shape) if a != self.axis]
        steps = self.frame.builder.symbols.dims(element_steps(self.type))
        outer = [s for a, s in enumerate(steps) if a != self.axis]
        known = self.size if isinstance(self.size, int) else _LONG
        work = known * max(known - 1, 1).bit_length() * 4
        with self.frame.builder.tasks(others or [1], work) as indices:
            self._line(bind(tirx.convert(flat(indices, outer or [0]))), steps[self.axis])

    def _line(self, start: Expr, step: Any) -> None:
        items, spare = (_Items.local(self.size, self.key) for _ in range(2))
        source, (values, positions) = self.frame.inputs[self.op.operands[0]], self.frame.outputs
        with T.serial(0, self.size) as i:
            items.keys.store(self._key_of(source.load(start + i * step)), i)
            items.positions.store(Math.cast(i, i32), i)
        items = self._sorted(items, spare)
        with T.serial(0, self.size) as i:
            position = bind(items.positions.load(i))
            values.store(source.load(start + position * step), start + i * step)
            positions.store(Math.cast(position, i64), start + i * step)

    def _sorted(self, items: _Items, spare: _Items) -> _Items:
        """Where the items are once they are in order: runs of them become longer and longer."""
        if isinstance(self.size, int):
            width = 1
            while width < self.size:
                self._merge_all(items, spare, width)
                items, spare, width = spare, items, 2 * width
            return items
        with T.serial(0, _PASSES) as step:  # the code is the same for all of them
            width = bind(tirx.shift_left(tirx.const(1, "int64"), Math.cast(step, i64)))
            with when(width < self.size):
                self._merge_all(items, spare, width)
                with T.serial(0, self.size) as i:
                    items.copy_from(spare, i, i)
        return items

    def _merge_all(self, items: _Items, into: _Items, width: Any) -> None:
        """Sorted runs of `width` become runs twice as long."""
        size = self.size
        with T.serial(0, -(-size // (2 * width))) as pair:
            begin = bind(pair * (2 * width))
            middle = bind(tirx.min(begin + width, size))
            end = bind(tirx.min(begin + 2 * width, size))
            place = i32 if isinstance(size, int) else i64
            left, right = (Memory.local(1, place) for _ in range(2))
            left.store(begin, 0)
            right.store(middle, 0)
            with T.serial(0, end - begin) as k:
                i, j = bind(left.load(0)), bind(right.load(0))
                first = items.keys.load(tirx.min(i, size - 1))
                second = items.keys.load(tirx.min(j, size - 1))
                smaller = (second < first) | (i >= middle)
                takes_right = Math.cast((j < end) & smaller, place)
                chosen = bind(i + takes_right * (j - i))
                into.copy_from(items, chosen, begin + k)
                left.store(i + 1 - takes_right, 0)
                right.store(j + takes_right, 0)

    def _key_of(self, x: Expr) -> Expr:
        key = self._ordered(x)
        return ~key if self.descending else key

    def _ordered(self, x: Expr) -> Expr:
        """A whole number that sorts like the element."""
        dtype = self.type.dtype
        if dtype.name == "u64":
            return Math.cast(x, i64) ^ tirx.const(-(1 << 63), "int64")
        if not dtype.is_float:
            return Math.cast(x, self.key)
        wide = bind(x if dtype.bits == 64 else Math.cast(x, f32))
        positive = bind(tirx.Select(Math.eq(wide, const(0, wide)), const(0, wide), wide))
        bits = bind(tirx.reinterpret(f"int{self.key.bits}", positive))
        rest = tirx.const((1 << self.key.bits - 1) - 1, f"int{self.key.bits}")
        turned = bits ^ ((bits >> const(self.key.bits - 1, bits)) & rest)
        return tirx.Select(Math.is_nan(wide), rest, turned)
