"""Branches and loops: `npx.cond`, `npx.foreach` and `npx.while_loop` over the graphs in a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp
from baryon.ir import IRTypeError, UnsupportedError

_MOST_ITERATIONS = 1 << 20
"""Of any loop: files without a limit of their own write the largest int64."""

_MOST_UNROLLED = 64
"""Iterations of a loop that is written out, where shapes differ from one to the next."""


def _if(node: Node, condition: ndarray) -> tuple[ndarray, ...]:
    then, other = node.graph("then_branch"), node.graph("else_branch")
    results = npx.cond(
        condition, lambda: node.scope.inner(then, []), lambda: node.scope.inner(other, [])
    )
    return tuple(results)


def _loop(
    node: Node, count: ndarray | None, condition: ndarray | None, *states: ndarray
) -> tuple[ndarray, ...]:
    body = node.graph("body")
    if count is None or count.is_traced:
        raise node.unsupported("the number of iterations must be a constant")
    most = int(count.item())
    if most > _MOST_ITERATIONS:
        raise node.unsupported(f"{most} iterations, {_MOST_ITERATIONS} at most")
    if condition is not None and (condition.is_traced or not _goes_on(body)):
        return _while(node, body, most, condition, states)
    if condition is not None and not condition.item():
        most = 0
    try:
        return _for(node, body, most, states)
    except (IRTypeError, UnsupportedError):
        if most > _MOST_UNROLLED:
            raise
        return _unrolled(node, body, most, states)


def _goes_on(body: Any) -> bool:
    """Whether the body's condition is the one that it gets: the loop runs to its last iteration."""
    made = {name: n for n in body.node for name in n.output}
    name = body.output[0].name
    while name in made and made[name].op_type == "Identity":
        name = made[name].input[0]
    return bool(name == body.input[1].name)


def _for(node: Node, body: Any, count: int, states: Sequence[ndarray]) -> tuple[ndarray, ...]:
    def step(number: ndarray, values: list[ndarray]) -> tuple[list[ndarray], list[ndarray]]:
        _, *results = node.scope.inner(body, [number, np.array(True, dtype="bool"), *values])
        return results[len(states) :], results[: len(states)]

    outputs, last = npx.foreach(step, np.arange(count, dtype="int64"), [*states])
    return (*last, *outputs)


def _unrolled(node: Node, body: Any, count: int, states: Sequence[ndarray]) -> tuple[ndarray, ...]:
    rows: list[list[ndarray]] = []
    for i in range(count):
        given = [np.array(i, dtype="int64"), np.array(True, dtype="bool"), *states]
        _, *results = node.scope.inner(body, given)
        states, row = results[: len(states)], results[len(states) :]
        rows.append(row)
    return (*states, *(np.stack(column) for column in zip(*rows, strict=True)))


def _while(
    node: Node, body: Any, most: int, condition: ndarray, states: Sequence[ndarray]
) -> tuple[ndarray, ...]:
    if len(body.output) > 1 + len(states):
        raise node.unsupported("outputs of a loop whose number of iterations is not known")

    def step(number: ndarray, go: ndarray, *values: ndarray) -> tuple[Any, Any]:
        again, *results = node.scope.inner(body, [number, go, *values])
        return [], [number + 1, again, *results]

    start = [np.array(0, dtype="int64"), condition, *states]
    _, (_, _, *last) = npx.while_loop(lambda number, go, *_: go, step, start, most)
    return tuple(last)


def _scan(node: Node, *inputs: ndarray) -> tuple[ndarray, ...]:
    body, count = node.graph("body"), node.attr("num_scan_inputs", 0)
    kept = len(inputs) - count
    axes = node.ints("scan_input_axes", (0,) * count)
    backward = node.ints("scan_input_directions", (0,) * count)
    columns = [
        _turned(np.moveaxis(x, axis, 0), back)
        for x, axis, back in zip(inputs[kept:], axes, backward, strict=True)
    ]

    def step(slices: list[ndarray], states: list[ndarray]) -> tuple[list[ndarray], list[ndarray]]:
        results = node.scope.inner(body, [*states, *slices])
        return results[kept:], results[:kept]

    outputs, last = npx.foreach(step, columns, [*inputs[:kept]])
    ways = node.ints("scan_output_directions", (0,) * len(outputs))
    places = node.ints("scan_output_axes", (0,) * len(outputs))
    stacked = (
        np.moveaxis(_turned(y, back), 0, axis)
        for y, axis, back in zip(outputs, places, ways, strict=True)
    )
    return (*last, *stacked)


def _turned(x: ndarray, backward: int) -> ndarray:
    return np.flip(x, axis=0) if backward else x


OPS = (
    OnnxOp("If", by_arrays(_if)),
    OnnxOp("Loop", by_arrays(_loop)),
    OnnxOp("Scan", by_arrays(_scan), since=9),
)
