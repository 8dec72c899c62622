"""Fused recurrent layers, their gradients, and the CTC loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case
from oracle.graded import graded, plain, randn

T, N, INPUT, H = 3, 2, 2, 3
GATES = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}


def _size(mode: str, layers: int, directions: int, projection: int = 0) -> int:
    rows, out, total = GATES[mode] * H, projection or H, 0
    for layer in range(layers):
        inputs = directions * out if layer else INPUT
        total += directions * (rows * (inputs + out + 2) + projection * H)
    return total


def _rnn(mode: str, layers: int = 1, directions: int = 1, projection: int = 0, **more: Any) -> Case:
    count = layers * directions

    def f(mx: Any, x: Any, w: Any, *states: Any) -> Any:
        return mx.npx.rnn(
            data=x, parameters=w, state=states[0],
            state_cell=states[1] if mode == "lstm" else None, mode=mode, state_size=H,
            num_layers=layers, bidirectional=directions == 2, state_outputs=True,
            projection_size=projection or None, **more,
        )  # fmt: skip

    states = [randn(2, count, N, projection or H), randn(3, count, N, H)][: 1 + (mode == "lstm")]
    weights = randn(1, _size(mode, layers, directions, projection)) * np.float32(0.5)
    made = plain if projection else graded  # MXNet has no gradient of a projection on the CPU
    return made(f, randn(0, T, N, INPUT), weights, *states)


def _output_only(mx: Any, x: Any, w: Any, h: Any, c: Any) -> Any:
    return mx.npx.rnn(data=x, parameters=w, state=h, state_cell=c, mode="lstm", state_size=H,
                      num_layers=1)  # fmt: skip


SCORES = randn(5, 6, 3, 4)
FIRST = np.array([[1, 2, 0], [3, 3, 1], [2, 0, 0]], "float32")
LAST = FIRST - 1

CASES: Mapping[str, Case] = {
    **{f"{mode}_{layers}_{sides}": _rnn(mode, layers, sides)
       for mode in GATES for layers, sides in ((1, 1), (2, 1), (2, 2))},
    "lstm_projection": _rnn("lstm", 2, 1, projection=2),
    "lstm_output": plain(_output_only, randn(0, T, N, INPUT), randn(1, _size("lstm", 1, 1)),
                         randn(2, 1, N, H), randn(3, 1, N, H)),
    "ctc_first": plain(lambda mx, x: mx.npx.ctc_loss(x, mx.np.array(FIRST)), SCORES),
    "ctc_last": plain(
        lambda mx, x: mx.npx.ctc_loss(x, mx.np.array(LAST), blank_label="last"), SCORES
    ),
    "ctc_gradient": graded(lambda mx, x: mx.npx.ctc_loss(x, mx.np.array(FIRST)), SCORES),
    "ctc_lengths": graded(
        lambda mx, x: mx.npx.ctc_loss(
            x, mx.np.array(FIRST), mx.np.array([6, 4, 5]), mx.np.array([1, 2, 1]),
            use_data_lengths=True, use_label_lengths=True,
        ),
        SCORES,
    ),
}  # fmt: skip
