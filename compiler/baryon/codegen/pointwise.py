"""Element-wise ops around a kernel's main op: what to load, compute and store at one position.

A kernel family walks a domain (a logical shape) with loops of its own, each over one axis or over
several axes as one flat index. A `Domain` knows where every operand lies for an index of those
loops; a `Place` is one position, for one lane or several along the last loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from baryon.codegen.expr import Expr, lane_const
from baryon.codegen.group import Apply, Group, apply, evaluate
from baryon.codegen.kernel import Derived, KernelBuilder, Memory, Pack, flat, unravel
from baryon.codegen.space import View, coalesce
from baryon.ir import Array, Dim, TensorType, Value

Address = Callable[[Memory], tuple[Expr, int]]
"""The offset of a memory's first lane and the step from lane to lane, at one position."""


Packs = Mapping[Value, tuple[Callable[[Array], Array] | Derived, TensorType]]
"""Operands that a kernel takes in another form, with the form's type: made of the operand's
elements, or a constant of another kind."""


class Frame:
    """The buffer parameters of a kernel: first the operands, then the results.

    packs: operands that the kernel takes in another form. apply: how an element-wise op computes.
    """

    def __init__(
        self,
        builder: KernelBuilder,
        group: Group,
        packs: Packs | None = None,
    ) -> None:
        self.builder, self.group = builder, group
        self.apply: Apply = apply
        numbers = {arg: i for i, arg in enumerate(group.args)}
        self.inputs: dict[Value, Memory] = {}
        for arg in [a for a in group.args if a in (packs or {}) or group.scalar(a) is None]:
            if packs and arg in packs:
                transform, type = packs[arg]
                made = (
                    transform if isinstance(transform, Derived) else Pack(numbers[arg], transform)
                )
                self.inputs[arg] = builder.param(made, type)
            else:
                self.inputs[arg] = builder.param(("operand", numbers[arg]), arg.type)
        results = [group.room(r.type) for r in group.op.results]
        self.outputs = [builder.param(("result", i), type) for i, type in enumerate(results)]
        self.types = {m: v.type for v, m in self.inputs.items()}
        self.types |= dict(zip(self.outputs, results, strict=True))

    def views(self, domain: Sequence[Dim]) -> dict[Memory, View]:
        """Every parameter that broadcasts to `domain`, as seen from there."""
        return {m: View.of(t).broadcast(domain) for m, t in self.types.items()}


class Place:
    """One position. known: values that the kernel has there already."""

    def __init__(
        self,
        frame: Frame,
        address: Address,
        lanes: int,
        known: dict[Value, Expr] | None = None,
        ready: Mapping[Memory, Expr] | None = None,
        indices: Sequence[Any] = (),
    ) -> None:
        self.frame, self.address, self.lanes, self.indices = frame, address, lanes, indices
        self.known = {} if known is None else known
        self.ready = ready or {}

    def value(self, value: Value) -> Expr:
        """The value at this position, computed by the group's element-wise ops."""
        return evaluate(value, self.known, self._leaf, self.frame.apply)

    def store(self, only: Sequence[Value] | None = None) -> None:
        """Write the group's results, or those of them that are in `only`."""
        group = self.frame.group
        chosen = [v for v in group.outputs if only is None or v in only]
        exprs = {v: self.value(v) for v in chosen}
        for memory, value in zip(self.frame.outputs, group.outputs, strict=True):
            if value in exprs:
                offset, step = self.address(memory)
                memory.store(exprs[value], offset, self.lanes, step)

    def _leaf(self, value: Value) -> Expr:
        scalar = self.frame.group.scalar(value)
        if scalar is not None:
            return lane_const(scalar, value.type.dtype, self.lanes)
        memory = self.frame.inputs[value]
        if memory in self.ready:
            return self.ready[memory]
        offset, step = self.address(memory)
        return memory.load(offset, self.lanes, step)


class Domain:
    """Positions of a logical shape, walked by loops; each loop is one axis or several as one.

    The lanes of a `Place` run along the last loop. A symbolic axis must come first in its loop.
    """

    def __init__(self, frame: Frame, shape: Sequence[Dim], loops: Sequence[Sequence[int]]) -> None:
        self.frame, self.shape = frame, tuple(shape)
        self.loops = tuple(map(tuple, loops)) or ((),)
        self._views: dict[Memory, View] = {}
        self._walks: dict[Memory, list[Any]] = {}

    def see(self, value: Value, view: View) -> None:
        """Walk an operand by a view of its own instead of by NumPy's broadcasting."""
        if value in self.frame.inputs:
            self._views[self.frame.inputs[value]] = view

    def extents(self, loop: int) -> list[Dim]:
        """Sizes of the axes of a loop."""
        return [self.shape[a] for a in self.loops[loop]]

    def is_flat(self, loop: int) -> bool:
        """Whether every operand walks the loop in equal steps, so that vectors may run along it."""
        views = [View.of(t) for t in self.frame.types.values()]
        seen = [v.broadcast(self.shape) for v in views if self._fits(v)]
        return all(len(self._walk(v, self.loops[loop])[1]) == 1 for v in seen)

    def _fits(self, view: View) -> bool:
        missing = len(self.shape) - len(view.shape)
        own = zip(view.shape, self.shape[max(missing, 0) :], strict=False)
        return missing >= 0 and all(d in (1, n) for d, n in own)

    def place(
        self, indices: Sequence[Any], lanes: int = 1, known: dict[Value, Expr] | None = None
    ) -> Place:
        """The position at the loops' indices."""
        address = partial(self._address, indices=indices, lanes=lanes)
        return Place(self.frame, address, lanes, known, indices=indices)

    def _address(self, memory: Memory, indices: Sequence[Any], lanes: int) -> tuple[Expr, int]:
        if memory not in self._walks:
            view = self._views.get(memory) or View.of(self.frame.types[memory])
            view = view.broadcast(self.shape)
            self._walks[memory] = [self._walk(view, loop) for loop in self.loops]
        walks: list[Any] = self._walks[memory]
        offset: Any = 0
        for (sizes, steps), index in zip(walks, indices, strict=True):
            offset = offset + self._along(sizes, steps, index)
        sizes, steps = walks[-1]
        assert lanes == 1 or len(steps) == 1, "the lanes of a vector do not lie in equal steps"
        return offset, steps[-1]

    @staticmethod
    def _walk(view: View, loop: Sequence[int]) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        steps = tuple(view.steps[a] for a in loop)
        space = coalesce([view.shape[a] for a in loop], [steps], symbolic=True)
        return space.extents, space.steps[0]

    def _along(self, sizes: Sequence[Dim], steps: Sequence[Dim], index: Any) -> Any:
        symbols = self.frame.builder.symbols
        return flat(unravel(index, symbols.dims(sizes)), symbols.dims(steps))
