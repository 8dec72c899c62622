"""Loops and branches: `npx.foreach`, `npx.while_loop` and `npx.cond` over the graphs in a node.

A node says by `*_locs` which of its inputs, or of a graph's variables, are data, states and others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import integer, whole
from baryon.importers.mxnet.node import Node, op
from baryon.importers.mxnet.reader import Symbol

_MOST_ITERATIONS = 1 << 12
"""A damaged file can ask for billions."""


def _foreach(node: Node, *inputs: ndarray) -> list[ndarray]:
    data_at, states_at, rest_at = (
        node.get(whole(f"{name}_locs", ())) for name in ("in_data", "in_state", "remain")
    )
    outputs = node.get(integer("num_out_data"))
    node.ignore("num_outputs")
    first, second = len(data_at), len(data_at) + len(states_at)
    rest = inputs[second:]

    def step(slices: list[ndarray], states: list[ndarray]) -> tuple[list[ndarray], list[ndarray]]:
        places = (*data_at, *states_at, *rest_at)
        found = _run(node, 0, dict(zip(places, (*slices, *states, *rest), strict=True)))
        return found[:outputs], found[outputs:]

    stacked, last = npx.foreach(step, [*inputs[:first]], [*inputs[first:second]])
    return [*stacked, *last]


def _while_loop(node: Node, *inputs: ndarray) -> list[ndarray]:
    most, outputs = node.get(integer("max_iterations")), node.get(integer("num_out_data"))
    node.ignore("num_outputs")
    if not 0 < most <= _MOST_ITERATIONS:
        raise node.unsupported(f"{most} iterations, {_MOST_ITERATIONS} at most")
    cond_at, func_at, vars_at = (
        node.get(whole(f"{name}_locs", ())) for name in ("cond_input", "func_input", "func_var")
    )
    own = [func_at[i] for i in vars_at]  # which inputs of the node are the loop's variables

    def given(values: Sequence[ndarray], places: Sequence[int]) -> dict[int, ndarray]:
        now = dict(enumerate(inputs)) | dict(zip(own, values, strict=True))
        return {i: now[place] for i, place in enumerate(places)}

    def goes_on(*values: ndarray) -> ndarray:
        return _run(node, 0, given(values, cond_at))[0]

    def step(*values: ndarray) -> tuple[list[ndarray], list[ndarray]]:
        found = _run(node, 1, given(values, func_at))
        return found[:outputs], found[outputs:]

    stacked, last = npx.while_loop(goes_on, step, [inputs[i] for i in own], most)
    return [*stacked, *last]


def _cond(node: Node, *inputs: ndarray) -> list[ndarray]:
    node.ignore("num_outputs")
    places = [node.get(whole(f"{name}_input_locs", ())) for name in ("cond", "then", "else")]
    given = [{i: inputs[at] for i, at in enumerate(each)} for each in places]
    (chosen,) = _run(node, 0, given[0])
    found: Any = npx.cond(chosen, lambda: _run(node, 1, given[1]), lambda: _run(node, 2, given[2]))
    return [*found]


def _run(node: Node, number: int, given: dict[int, ndarray]) -> list[ndarray]:
    """A graph of the node, whose variables are given by their numbers."""
    inner = node.inner[number]
    names = _names(inner.symbol)
    values = {names[i]: x for i, x in given.items()}
    return inner.run(values)


def _names(symbol: Symbol) -> list[str]:
    return [variable.name for variable in symbol.variables]


OPS = (
    op("_foreach _npx_foreach", _foreach),
    op("_while_loop _npx_while_loop", _while_loop),
    op("_cond _npx_cond", _cond),
)
