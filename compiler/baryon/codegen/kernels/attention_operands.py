"""The operands of attention as its kernel reads them: heads of a projection, and masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from baryon.codegen.expr import Expr, Math, bind, const
from baryon.codegen.group import Group, apply
from baryon.codegen.kernel import Memory
from baryon.codegen.kernels.attention_plan import Plan
from baryon.codegen.kernels.microkernel import bind as named
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.maths import half
from baryon.codegen.pointwise import Domain, Frame
from baryon.codegen.space import View
from baryon.codegen.tvm import T, tirx
from baryon.ir import Array, DType, Op, TensorType, Value, bf16, boolean
from baryon.ir.memory import strides
from baryon.ops.attention import HeadLayout


@dataclass(frozen=True)
class Lines:
    """The positions of one head, read in the element type of the sums.

    start: offset of the first element. line, step: elements from one position, and element of a
    position to the next. decode: what the elements mean, if they are codes.
    """

    memory: Memory
    start: Expr
    line: int
    step: int
    dtype: DType
    decode: Op | None = None

    def load(self, offset: Expr, lanes: int = 1, step: int = 1) -> Expr:
        """Elements from an offset on, `step` apart."""
        loaded = self.memory.load(offset, lanes, step)
        if self.memory.dtype == bf16:
            loaded = half.widened(loaded)
        real = loaded if self.decode is None else apply(self.decode, [loaded])
        return Math.cast(real, self.dtype)

    def store(self, value: Expr, offset: Expr, lanes: int = 1, step: int = 1) -> None:
        """Write elements, `step` apart."""
        self.memory.store(Math.cast(value, self.memory.dtype), offset, lanes, step)

    def is_dense(self, size: int) -> bool:
        """Whether positions of so many elements lie one after the other, as the sums want them."""
        return (self.line, self.step, self.memory.dtype) == (size, 1, self.dtype)

    def copied(self, count: int, size: int, lanes: int) -> Lines:
        """The same, dense in scratch memory."""
        scratch, lanes = Memory.local(count * size, self.dtype), min(lanes, size)
        with T.serial(0, count) as i, T.serial(0, ceil_div(size, lanes)) as v:
            d = named(back(v, lanes, size))
            at = named(self.start + i * self.line + d * self.step)
            scratch.store(self.load(at, lanes, self.step), i * size + d, lanes)
        return Lines(scratch, 0, size, 1, self.dtype)


@dataclass(frozen=True)
class Heads:
    """Where the heads of an operand or the result lie: elements from image to image and so on."""

    memory: Memory
    first: int
    image: int
    head: int
    line: int
    step: int
    decode: Op | None = None

    @staticmethod
    def of(memory: Memory, type: TensorType, layout: HeadLayout, decode: Op | None = None) -> Heads:
        """The heads that a layout names."""
        steps = strides(type)
        image, head, line, step = (steps[a] for a in layout.order)
        return Heads(memory, head * layout.first, image, head * layout.step, line, step, decode)

    @staticmethod
    def read(frame: Frame, operand: Value, layout: HeadLayout) -> Heads:
        """The heads of an operand of the anchor, which may be what codes mean."""
        decode = operand.op
        source = operand if decode is None else decode.operands[0]
        return Heads.of(frame.inputs[source], source.type, layout, decode)

    def lines(self, image: Expr, head: Expr, dtype: DType) -> Lines:
        """One head, to be read as `dtype`."""
        start = named(self.first + image * self.image + head * self.head)
        return Lines(self.memory, start, self.line, self.step, dtype, self.decode)


def back(index: Expr, size: int, total: int) -> Expr:
    """Where part `index` of `total` begins; the last one is moved back to end at the end."""
    if total % size == 0:
        return index * size
    return tirx.min(index * size, total - size)


def packed_masks(group: Group) -> dict[Value, tuple[Callable[[Array], Array], TensorType]]:
    """Constant masks with a row for each query, turned so that queries lie side by side."""
    masks = [m for m in group.main.operands[3:] if group.payload(m) is not None]
    return {
        m: (_turn, _turned(m.type)) for m in masks if m.type.rank > 1 and group.scalar(m) is None
    }


def _turn(mask: Array) -> Array:
    return np.ascontiguousarray(mask.swapaxes(-1, -2))


def _turned(type: TensorType) -> TensorType:
    return type.with_shape((*type.shape[:-2], type.shape[-1], type.shape[-2]))


class Masks:
    """Applies masks to vectors of scores along queries."""

    def __init__(self, frame: Frame, plan: Plan) -> None:
        self.frame, self.plan = frame, plan
        self.masks = frame.group.main.operands[3:]
        self.fill = frame.group.attrs["fill"]
        shape = (plan.batch, plan.heads, plan.queries, plan.keys)
        self.domain = Domain(frame, shape, [[0], [1], [3], [2]])
        for mask in packed_masks(frame.group):
            rank = mask.type.rank
            axes = (*range(rank - 2), rank - 1, rank - 2)
            self.domain.see(mask, View.of(_turned(mask.type)).transpose(axes))

    def apply(self, score: Expr, position: Sequence[Expr]) -> Expr:
        """Scores of neighbouring queries with one key, masked. position: image to key."""
        image, head, query, key = position
        for mask in self.masks:
            place = self.domain.place([image, head, key, query], self.plan.lanes)
            given = place.value(mask)
            if mask.type.dtype == boolean:
                score = bind(tirx.Select(given, score, const(self.fill, score)))
            else:
                score = bind(score + Math.cast(given, self.plan.dtype))
        return score
