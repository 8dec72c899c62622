"""Element-wise groups: one pass over the output, any number of broadcast operands.

The innermost merged loop is a vector loop; the outer ones, and blocks of a long inner one, are the
parallel tasks. A group may have several outputs of one shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from tvm.script.ir_builder import tirx as T

from baryon.codegen.expr import Expr, const
from baryon.codegen.group import Group, evaluate
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, flat, tvm_dtype
from baryon.codegen.space import Space, iteration_space
from baryon.codegen.targets import Target
from baryon.ir import Sym, Value
from tvm import tirx

BLOCK = 4096
"""Elements per parallel task of one long loop: small enough to share, large enough to pay."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of an element-wise group."""
    leaves = group.leaves()
    results = [r.type for r in group.op.results]
    space = iteration_space(results[0], [*(v.type for v in leaves), *results[1:]])
    builder = KernelBuilder()
    with builder.function():
        inputs = {v: _param(builder, group, v) for v in leaves}
        outputs = [builder.param(("result", i), t) for i, t in enumerate(results)]
        # `steps` has the leaves, the further results, then the first result
        steps = dict(zip([*inputs.values(), *outputs[1:], outputs[0]], space.steps, strict=True))
        _loops(builder, space, target, _Element(group, inputs, outputs, steps))
    elements = prod(d.factor if isinstance(d, Sym) else d for d in results[0].shape)
    return builder.finish(flops=elements * len(group.body))


def _param(builder: KernelBuilder, group: Group, arg: Value) -> Memory:
    return builder.param(("operand", list(group.args).index(arg)), arg.type)


class _Element:
    """Writes the results at one position of the loops, for one or several lanes."""

    def __init__(
        self,
        group: Group,
        inputs: dict[Value, Memory],
        outputs: Sequence[Memory],
        steps: dict[Memory, tuple[int, ...]],
    ) -> None:
        self.group, self.inputs, self.outputs, self.steps = group, inputs, outputs, steps

    def emit(self, indices: Sequence[Any], lanes: int) -> None:
        def leaf(value: Value) -> Expr:
            scalar = self.group.scalar(value)
            if scalar is not None:
                one = tirx.const(scalar, tvm_dtype(value.type))
                return tirx.Broadcast(one, lanes) if lanes > 1 else one
            memory = self.inputs[value]
            step = self.steps[memory]
            return memory.load(flat(indices, step), lanes, step[-1])

        values = evaluate(self.group.body, {}, leaf)
        for memory, value in zip(self.outputs, self.group.outputs, strict=True):
            step = self.steps[memory]
            expr = values[value] if value in values else leaf(value)
            memory.store(expr, flat(indices, step), lanes, step[-1])


def _loops(builder: KernelBuilder, space: Space, target: Target, element: _Element) -> None:
    *outer, inner = space.extents
    if isinstance(inner, Sym):
        with T.parallel(0, builder.symbols.dim(inner)) as i:
            element.emit([*_zeros(outer), i], 1)
        return
    lanes = target.lanes(4)
    block = inner if inner < 2 * BLOCK else BLOCK
    counts = [builder.symbols.dim(d) for d in outer]
    tasks = -(-inner // block)
    with T.parallel(0, prod(counts, start=tasks)) as task:
        *indices, part = unravel(task, [*counts, tasks])
        _vector_loop(element, indices, part * block, block, inner, lanes)


def _vector_loop(
    element: _Element, outer: Sequence[Any], start: Any, block: int, inner: int, lanes: int
) -> None:
    """`block` elements from `start` on, those at `inner` and beyond left out."""
    whole = block // lanes
    ragged = inner % block != 0 and inner > block
    if whole:
        with T.serial(0, whole) as v:
            at = start + v * lanes
            if not ragged:
                element.emit([*outer, at], lanes)
            else:
                with T.If(at + lanes <= inner), T.Then():
                    element.emit([*outer, at], lanes)
    tail = inner % lanes
    if tail:
        last = (inner // lanes) * lanes
        with T.serial(0, tail) as v:
            with T.If(tirx.all(start <= last, last < start + block)), T.Then():
                element.emit([*outer, last + v], 1)


def unravel(flat_index: Any, counts: Sequence[Any]) -> list[Any]:
    """Loop indices from one flat index, the last fastest; the first is not bounded."""
    indices: list[Any] = []
    rest = flat_index
    for count in reversed(counts[1:]):
        indices.append(tirx.floormod(rest, count) if _more_than_one(count) else 0)
        rest = tirx.floordiv(rest, count) if _more_than_one(count) else rest
    return [rest, *reversed(indices)]


def _more_than_one(count: Any) -> bool:
    return not (isinstance(count, int) and count == 1)


def _zeros(axes: Sequence[Any]) -> list[int]:
    return [0] * len(axes)


__all__ = ["build", "const", "unravel"]
