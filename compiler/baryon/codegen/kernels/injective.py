"""Ops that move elements: transposes, relayouts, slices, joins, splits, padding, look-ups.

Most are strided copies, made by the loop nest of element-wise kernels. The others evaluate the
op's index map for every element, or for every vector where the innermost axis maps to itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, flat, grid
from baryon.codegen.kernels.moves import Move, moves
from baryon.codegen.nest import Nest
from baryon.codegen.pointwise import Address, Domain, Frame, Place
from baryon.codegen.space import View
from baryon.codegen.targets import Target
from baryon.codegen.tvm import tirx
from baryon.ir import Sym, TensorType, Value, i64
from baryon.ir.memory import memory_order
from baryon.ir.memory import steps as element_steps
from baryon.ops import TABLE


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a group whose anchor is an injective op."""
    builder = KernelBuilder(any_axis=True)
    copies = moves(group)
    with builder.function():
        frame = Frame(builder, group)
        if copies is None:
            _Mapped(frame, target).emit()
        for move in copies or ():
            _copy(frame, target, move)
    return builder.finish()


def _copy(frame: Frame, target: Target, move: Move) -> None:
    """One strided copy and the element-wise ops that follow it."""
    group = frame.group
    result = group.main.results[move.result]
    source, value = _source(frame, move)
    position = move.result if len(group.main.results) > 1 else 0
    out = frame.outputs[position]
    others = [frame.inputs[v] for v in _leaves(group, group.outputs[position], result)]
    views = {m: View.of(frame.types[m]).broadcast(result.type.shape) for m in (*others, out)}
    parts = {m: move.region(v) for m, v in views.items()}
    parts = parts if source is None else {source: move.view} | parts

    def element(address: Address, lanes: int, ready: Mapping[Memory, Expr]) -> None:
        if source is None:
            moved = lane_const(value, result.type.dtype, lanes)
        elif source in ready:
            moved = ready[source]
        else:
            offset, step = address(source)
            moved = source.load(offset, lanes, step)
        place = Place(frame, address, lanes, {result: moved}, ready)
        place.store(only=[group.outputs[position]])

    Nest(frame.builder, target, parts, out, element).emit()


def _source(frame: Frame, move: Move) -> tuple[Memory | None, float]:
    """What a copy reads: memory, which an epilogue may read as well, or None and a constant."""
    if move.source is None:
        return None, move.fill
    scalar = frame.group.scalar(move.source)
    if scalar is not None:
        return None, scalar
    return copy(frame.inputs[move.source]), 0


def _leaves(group: Group, value: Value, known: Value) -> list[Value]:
    """Region arguments in memory that `value` is computed from, beside `known`."""
    if value is known:
        return []
    if value.op is None:
        return [value] if group.scalar(value) is None else []
    found = (leaf for v in value.op.operands for leaf in _leaves(group, v, known))
    return list(dict.fromkeys(found))


class _Guarded(Math):
    """Index maps may compute places outside of an operand for the branch that is not taken."""

    @staticmethod
    def select(condition: Expr, a: Expr, b: Expr) -> Expr:
        """`a` where the scalar condition holds, else `b`; only that one is evaluated."""
        return tirx.if_then_else(condition, a, b)


class _Mapped:
    """A kernel that evaluates the index map of an op."""

    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.type = self.op.result.type
        self.order = memory_order(self.type)
        self.attrs = frame.group.attrs
        self.inner = self._inner_axis()
        self.lanes = 1 if self.inner is None else target.lanes(self.type.dtype.itemsize)
        self.domain = Domain(frame, self.type.shape, [(a,) for a in self.order])

    def _inner_axis(self) -> int | None:
        """The operand's axis that the output's innermost one maps to as it is, if known."""
        if not self.order or isinstance(self.type.shape[self.order[-1]], Sym):
            return None
        data, last = self.op.operands[0].type, self.order[-1]
        if self.op.name == "np.take" and self.attrs["axis"] is not None:
            axis = data.rank - self.type.rank + last
            return axis if axis > self.attrs["axis"] % data.rank else None
        if self.op.name == "np.pad" and not any(self.attrs["pad_width"][2 * last : 2 * last + 2]):
            return last  # modes that copy elements
        return None

    def emit(self) -> None:
        """Emit the loops."""
        *outer, inner = (self.type.shape[a] for a in self.order) if self.order else (1,)
        if 0 in self.type.shape:
            return
        width = inner if isinstance(inner, int) else 1
        with self.frame.builder.tasks(outer, 4 * width) as indices:
            whole = self.frame.builder.symbols.dim(inner) // self.lanes
            with grid([whole]) as [v]:
                self._element([*indices, v * self.lanes], self.lanes)
            if width % self.lanes:
                start = width // self.lanes * self.lanes
                with grid([1 if self.lanes > 1 else width - start]) as [v]:
                    self._element([*indices, start + v], width - start if self.lanes > 1 else 1)

    def _element(self, indices: Sequence[Any], lanes: int) -> None:
        logical = dict(zip(self.order, indices, strict=False))
        index = tuple(logical[a] for a in range(self.type.rank))
        shapes = [self._shape(v.type) for v in self.op.operands]
        loads = [self._loader(i, v, lanes) for i, v in enumerate(self.op.operands)]
        lowering: Any = TABLE[self.op.name].lowering
        value = lowering.expr(_Guarded, loads, index, shapes, **self.attrs)
        place = self.domain.place(indices, lanes, {self.op.result: value})
        place.store()

    def _shape(self, type: TensorType) -> tuple[Any, ...]:
        return tuple(self.frame.builder.symbols.dim(d) for d in type.shape)

    def _loader(self, number: int, value: Value, lanes: int) -> Any:
        steps = self.frame.builder.symbols.dims(element_steps(value.type))

        def load(*index: Any) -> Expr:
            scalar = self.frame.group.scalar(value)
            if scalar is not None:
                return lane_const(scalar, i64 if number else value.type.dtype, 1)
            memory, offset = self.frame.inputs[value], flat(index, steps)
            if number:  # indices of a look-up
                return bind(Math.cast(memory.load(offset), i64))
            step = steps[self.inner] if self.inner is not None else 1
            return memory.load(offset, lanes, step)

        return load
