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


def _if(node: Node, condition: ndarray) -> tuple[Any, ...]:
    then, other = node.graph("then_branch"), node.graph("else_branch")
    if not condition.is_traced:
        return tuple(node.scope.inner(then if condition.item() else other, []))

    def run(branch: Any) -> list[Any]:
        results = node.scope.inner(branch, [])
        if not all(isinstance(x, ndarray) for x in results):
            node.number_in(condition, "the condition of a branch with a sequence")
        return results

    return tuple(npx.cond(condition, lambda: run(then), lambda: run(other)))


def _loop(
    node: Node, count: ndarray | None, condition: ndarray | None, *states: Any
) -> tuple[Any, ...]:
    body = node.graph("body")
    if count is None:
        return _until(node, body, condition, states)
    most = int(node.number_in(count, "the number of iterations"))
    if most > _MOST_ITERATIONS:
        raise node.unsupported(f"{most} iterations, {_MOST_ITERATIONS} at most")
    if condition is not None and not condition.is_traced and not condition.item():
        most = 0
    if not all(isinstance(x, ndarray) for x in states):
        return _unrolled(node, body, most, states)
    if condition is not None and (condition.is_traced or not _goes_on(body)):
        if len(body.output) > 1 + len(states):  # how many they are, only the conditions say
            node.number_in(condition, "the condition of a loop with outputs")
            return _unrolled(node, body, most, states)
        return _while(node, body, most, condition, states)
    try:
        return _for(node, body, most, states)
    except (IRTypeError, UnsupportedError):
        if most > _MOST_UNROLLED:
            raise
        return _unrolled(node, body, most, states)


def _until(
    node: Node, body: Any, condition: ndarray | None, states: Sequence[Any]
) -> tuple[Any, ...]:
    """A loop without a limit: its conditions have to be known, as where they count sizes."""
    what = "the condition of a loop without a limit"
    runs = condition is None or node.number_in(condition, what)
    return _unrolled(node, body, _MOST_ITERATIONS if runs else 0, states)


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


def _unrolled(node: Node, body: Any, count: int, states: Sequence[Any]) -> tuple[Any, ...]:
    """The iterations one after the other, while they say themselves that there are more."""
    rows: list[list[ndarray]] = []
    go: Any = np.array(True, dtype="bool")
    while len(rows) < count and node.number_in(go, "the condition of the loop"):
        if len(rows) == _MOST_UNROLLED:
            raise node.unsupported(f"more than {_MOST_UNROLLED} iterations that differ in shapes")
        go, *results = node.scope.inner(body, [np.array(len(rows), dtype="int64"), go, *states])
        states, row = results[: len(states)], results[len(states) :]
        rows.append(row)
    return (*states, *(np.stack(column) for column in zip(*rows, strict=True)))


def _while(
    node: Node, body: Any, most: int, condition: ndarray, states: Sequence[ndarray]
) -> tuple[ndarray, ...]:
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


def _scan_8(node: Node, lengths: ndarray | None, *inputs: ndarray) -> tuple[ndarray, ...]:
    """Before opset 9 all inputs have the batch in front, and each sequence is walked by itself."""
    if lengths is not None:
        raise node.unsupported("sequences of different lengths (the input sequence_lens)")
    body, count = node.graph("body"), node.attr("num_scan_inputs", 0)
    backward = node.ints("directions", (0,) * count)
    batch = node.number(inputs[0].shape[0], "the batch")
    kept = len(inputs) - count

    def step(slices: list[ndarray], states: list[ndarray]) -> tuple[list[ndarray], list[ndarray]]:
        results = node.scope.inner(body, [*states, *slices])
        return results[kept:], results[:kept]

    rows = []
    for i in range(batch):
        columns = [_turned(x[i], back) for x, back in zip(inputs[kept:], backward, strict=True)]
        outputs, last = npx.foreach(step, columns, [x[i] for x in inputs[:kept]])
        rows.append([*last, *outputs])
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def _turned(x: ndarray, backward: int) -> ndarray:
    return np.flip(x, axis=0) if backward else x


def _sequence_map(node: Node, first: list[ndarray], *more: Any) -> tuple[list[ndarray], ...]:
    body = node.graph("body")
    rows = [
        node.scope.inner(body, [x[i] if isinstance(x, list) else x for x in (first, *more)])
        for i in range(len(first))
    ]
    columns = [[row[k] for row in rows] for k in range(len(body.output))]
    return tuple(columns)


OPS = (
    OnnxOp("If", by_arrays(_if)),
    OnnxOp("Loop", by_arrays(_loop), takes_sequences=True),
    OnnxOp("SequenceMap", by_arrays(_sequence_map), since=17, takes_sequences=True),
    OnnxOp("Scan", by_arrays(_scan_8), since=8),
    OnnxOp("Scan", by_arrays(_scan), since=9),
)
