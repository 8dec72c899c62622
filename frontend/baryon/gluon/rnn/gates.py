"""The equations of LSTM and GRU, from the sums that enter their gates."""

from __future__ import annotations

from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.gluon.rnn.base import activated


def lstm(
    gates: ndarray, memory: ndarray, axis: int, activation: Any, recurrent: Any
) -> tuple[ndarray, ndarray]:
    """Output and new memory. gates: input, forget, candidate and output along the axis."""
    i, f, c, o = np.split(gates, 4, axis=axis)
    memory = activated(f, recurrent) * memory + activated(i, recurrent) * activated(c, activation)
    return activated(o, recurrent) * activated(memory, activation), memory


def gru(
    i2h: ndarray, h2h: ndarray, hidden: ndarray, axis: int, activation: Any, recurrent: Any
) -> ndarray:
    """The new hidden state. i2h, h2h: reset, update and candidate along the axis."""
    i_reset, i_update, i_new = np.split(i2h, 3, axis=axis)
    h_reset, h_update, h_new = np.split(h2h, 3, axis=axis)
    reset = activated(i_reset + h_reset, recurrent)
    update = activated(i_update + h_update, recurrent)
    new = activated(i_new + reset * h_new, activation)
    return (1 - update) * new + update * hidden
