"""Unrolling by a loop of the graph, instead of a copy of the cell per step."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.rnn.base import States
from baryon.gluon.rnn.sequences import masked, time_axis


def dynamic_unroll(
    cell: Any,
    inputs: ndarray,
    begin_state: States,
    drop_inputs: float = 0,
    drop_outputs: float = 0,
    layout: str = "TNC",
    valid_length: ndarray | None = None,
) -> tuple[ndarray, States]:
    """The outputs of all steps as one array of this layout, and the last states.

    drop_inputs, drop_outputs: rates of dropout with one mask for all steps. valid_length (N,):
    outputs after it are zero, states are those after the last valid step. One `npx.foreach` does
    it, so that a hybridized program does not grow with the length.
    """
    axis = time_axis(layout)
    inputs = _dropped(inputs, drop_inputs, axis)
    states = list(begin_state) if isinstance(begin_state, list | tuple) else [begin_state]

    def step(x: ndarray, carried: Any) -> tuple[ndarray, Any]:
        count, *own = carried
        output, new = cell(x, own)
        if valid_length is not None:
            alive = valid_length > count
            new = [_chosen(alive, n, o) for n, o in zip(new, own, strict=True)]
        return output, [count + 1, *new]

    start = np.zeros((1,), dtype="float32")
    outputs, (_, *last) = npx.foreach(step, np.swapaxes(inputs, 0, axis), [start, *states])
    outputs = _dropped(np.swapaxes(outputs, 0, axis), drop_outputs, axis)
    return outputs if valid_length is None else masked(outputs, layout, valid_length), last


def _chosen(alive: ndarray, new: ndarray, old: ndarray) -> ndarray:
    kept: ndarray = np.where(alive.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
    return kept


def _dropped(x: ndarray, rate: float, axis: int) -> ndarray:
    return npx.dropout(x, p=rate, axes=(axis,)) if rate else x
