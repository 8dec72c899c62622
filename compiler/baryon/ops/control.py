"""Control flow: loops and branches whose bodies are regions.

A region sees its own arguments alone; what it uses of the outside is passed to it as an operand.
The pass `unroll` writes these ops as straight-line code, which is how they get gradients and
kernels; docs/spec/ir.md says what they mean, and the interpreter computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from baryon.ir import Array, IRTypeError, Op, Region, TensorType, boolean
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.opdef import STRUCTURE, OpDef, absent
from baryon.ops.random import mixed
from baryon.ops.shapes import fail, text

FOREACH: Final = "ir.foreach"
WHILE_LOOP: Final = "ir.while_loop"
COND: Final = "ir.cond"

Run = Callable[[Region, Sequence[Array], int | None], Sequence[Array]]
"""Evaluates a region on arrays; the number of the iteration, or None in a branch."""

_STREAMS = 1 << 31


def stream_of(stream: int, iteration: int) -> int:
    """The stream of random numbers that an op of a loop's body draws from in one iteration.

    A hash, so that iterations of nested loops (inner ones first) share none but by chance.
    """
    return mixed(mixed(stream + 1) + iteration + 1) % _STREAMS


def attrs_in(opdef: OpDef, attrs: Mapping[str, Any], iteration: int) -> Mapping[str, Any]:
    """The attributes of an op of a loop's body in one iteration: random ones have other streams."""
    if not opdef.random:
        return attrs
    stream = opdef.normalize(attrs)["stream"]
    assert isinstance(stream, int)
    return {**attrs, "stream": stream_of(stream, iteration)}


def foreach_counts(op: Op) -> tuple[int, int]:
    """How many operands are iterated over, and how many are states; the rest is passed as it is."""
    data, states = op.attrs["data"], op.attrs["states"]
    assert isinstance(data, int)
    assert isinstance(states, int)
    return data, states


def _types(values: Sequence[Any]) -> list[TensorType]:
    return [v.type.with_layout(None) for v in values]


def _need_types(op: Op, what: str, found: Sequence[TensorType], wanted: Any) -> None:
    if [*found] != [*wanted]:
        fail(op.name, f"{what} {_listed(found)}, but must be {_listed(wanted)}")


def _listed(types: Sequence[TensorType]) -> str:
    return f"({', '.join(map(str, types))})"


class _Foreach(OpDef):
    """Its region takes a slice of each of `data`, the states, and the rest of the operands."""

    def result_types(self, op: Op) -> tuple[TensorType, ...]:
        self.normalize(op.attrs)
        data, states = foreach_counts(op)
        if not 1 <= data <= len(op.operands) - states or states < 0:
            fail(op.name, f"{len(op.operands)} operands for {data} arrays and {states} states")
        given, (body,) = _types(op.operands), op.regions
        slices = [t.with_shape(t.shape[1:]) for t in given[:data]]
        _same_length(op.name, given[:data])
        _need_types(op, "the body takes", _types(body.args), [*slices, *given[data:]])
        results = _types(body.outputs)
        count = len(results) - states
        _need_types(op, "new states are", results[count:], given[data : data + states])
        length = given[0].shape[0]
        stacked = [t.with_shape((length, *t.shape)) for t in results[:count]]
        return (*stacked, *results[count:])


def _same_length(op: str, data: Sequence[TensorType]) -> None:
    if any(not t.shape for t in data):
        fail(op, "an array without axes cannot be iterated over")
    if len({t.shape[0] for t in data}) > 1:
        fail(op, f"arrays of different lengths: {', '.join(text(t.shape) for t in data)}")


class _WhileLoop(OpDef):
    """Its regions, condition and body, take all operands: loop variables first."""

    def result_types(self, op: Op) -> tuple[TensorType, ...]:
        attrs = self.normalize(op.attrs)
        most, count = int(str(attrs["max_iterations"])), int(str(attrs["variables"]))
        if most < 0 or not 1 <= count <= len(op.operands):
            fail(op.name, f"max_iterations={most}, variables={count}: too few or too many")
        given, (condition, body) = _types(op.operands), op.regions
        for region in (condition, body):
            _need_types(op, "a region takes", _types(region.args), given)
        _need_types(op, "the condition is", _types(condition.outputs), [TensorType((), boolean)])
        results = _types(body.outputs)
        steps = results[: len(results) - count]
        _need_types(op, "new variables are", results[len(steps) :], given[:count])
        return (*(t.with_shape((most, *t.shape)) for t in steps), *results[len(steps) :])


class _Cond(OpDef):
    """Its regions take all operands but the first, which chooses."""

    def result_types(self, op: Op) -> tuple[TensorType, ...]:
        self.normalize(op.attrs)
        if not op.operands:
            fail(op.name, "needs a condition")
        (pred, *given), (then, other) = _types(op.operands), op.regions
        _need_types(op, "the condition is", [pred], [TensorType((), boolean)])
        for region in (then, other):
            _need_types(op, "a branch takes", _types(region.args), given)
        _need_types(op, "the other branch gives", _types(other.outputs), _types(then.outputs))
        return tuple(_types(then.outputs))


def run_foreach(op: Op, arrays: Sequence[Array], run: Run) -> list[Array]:
    """The results of `ir.foreach` on arrays."""
    data, count = foreach_counts(op)
    states, rest = [*arrays[data : data + count]], arrays[data + count :]
    outputs = len(op.results) - count
    steps: list[Sequence[Array]] = []
    for i, slices in enumerate(zip(*arrays[:data], strict=True)):
        results = run(op.regions[0], [*map(np.asarray, slices), *states, *rest], i)
        steps.append(results[:outputs])
        states = [*results[outputs:]]
    return [*_stacked(op.regions[0], steps, outputs, arrays[0].shape[0]), *states]


def run_while_loop(op: Op, arrays: Sequence[Array], run: Run) -> list[Array]:
    """The results of `ir.while_loop` on arrays; rows of iterations that did not run are zeros."""
    most, count = int(str(op.attrs["max_iterations"])), int(str(op.attrs["variables"]))
    variables, rest = [*arrays[:count]], arrays[count:]
    condition, body = op.regions
    outputs = len(op.results) - count
    steps: list[Sequence[Array]] = []
    while len(steps) < most and run(condition, [*variables, *rest], len(steps))[0]:
        results = run(body, [*variables, *rest], len(steps))
        steps.append(results[:outputs])
        variables = [*results[outputs:]]
    return [*_stacked(body, steps, outputs, most), *variables]


def _stacked(
    body: Region, steps: Sequence[Sequence[Array]], outputs: int, length: int
) -> Iterator[Array]:
    """The rows of each of a body's first outputs, filled up with zeros to a length."""
    for n, value in enumerate(body.outputs[:outputs]):
        rows = [step[n] for step in steps]
        if len(rows) == length and rows:
            yield np.stack(rows)
            continue
        sizes = rows[0].shape if rows else value.type.static_shape
        padded = np.zeros((length, *sizes), rows[0].dtype if rows else value.type.dtype.numpy)
        for row, target in zip(rows, padded, strict=False):
            target[...] = row
        yield padded


def run_cond(op: Op, arrays: Sequence[Array], run: Run) -> list[Array]:
    """The results of `ir.cond` on arrays."""
    then, other = op.regions
    return [*run(then if arrays[0] else other, arrays[1:], None)]


RUN: Mapping[str, Callable[[Op, Sequence[Array], Run], list[Array]]] = {
    FOREACH: run_foreach,
    WHILE_LOOP: run_while_loop,
    COND: run_cond,
}
"""How the interpreter computes these ops."""


def _no_types(*operands: Any, **attrs: Any) -> tuple[TensorType, ...]:
    raise IRTypeError("the types of this op come from its regions")


def _no_meaning(*operands: Any, **attrs: Any) -> Array:
    raise NotImplementedError("the interpreter runs the regions itself")


def _declare(cls: type[OpDef], name: str, doc: str, *params: Param) -> OpDef:
    return cls(
        name=name,
        doc=doc,
        operands=("*operands",),
        params=params,
        infer=_no_types,
        reference=_no_meaning,
        gradient=absent("the pass unroll must run before gradients are taken"),
        lowering=STRUCTURE,
        samples=absent("its meaning is that of its regions"),
        source=f"MXNet 2 npx.{name.removeprefix('ir.')}",
    )


foreach = _declare(
    _Foreach,
    FOREACH,
    "Runs its region on each slice along axis 0 of the first `data` operands.\n\n"
    "The region takes the slices, the states, and the operands that are left; it returns outputs "
    "and new states. Results: the outputs of all iterations stacked along a new axis 0, then the "
    "last states. IRTypeError for types that do not fit.",
    Param("data", "int", REQUIRED, "how many operands are iterated over"),
    Param("states", "int", REQUIRED, "how many operands after those are the first states"),
)
while_loop = _declare(
    _WhileLoop,
    WHILE_LOOP,
    "Runs its second region as long as its first gives true, and max_iterations times at most.\n\n"
    "Both regions take all operands, of which the first are the loop variables. The first returns "
    "one bool; the second outputs and new variables. Results: the outputs stacked along a new axis "
    "0 of length max_iterations, zeros where no iteration was, then the last variables. "
    "IRTypeError for types that do not fit.",
    Param("variables", "int", REQUIRED, "how many operands are loop variables"),
    Param("max_iterations", "int", REQUIRED, "the most iterations"),
)
cond = _declare(
    _Cond,
    COND,
    "The results of its first region if the first operand is true, else those of its second.\n\n"
    "Both regions take the other operands. IRTypeError for types that do not fit.",
)

OPS = (foreach, while_loop, cond)
