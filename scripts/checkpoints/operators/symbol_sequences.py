"""MXNet 1: sequences, recurrent layers, attention, loops and branches."""

from __future__ import annotations

from typing import Any

import mxnet as mx

from checkpoints.operators.case import Case, Inputs, Namespace, floats

s = mx.sym
call = Namespace(s)

PADDED: Inputs = {"x": (4, 2, 3), "n": floats(2, 3)}
"""Sequences with their lengths: (time, batch, channels)."""
STEPS: Inputs = {"x": (3, 2, 5)}
HIDDEN = 4


def weights(gates: int, directions: int = 1) -> tuple[int]:
    """How many a recurrent layer of HIDDEN has over STEPS, biases among them."""
    return (directions * gates * HIDDEN * (5 + HIDDEN + 2),)


def grouped(results: Any) -> Any:
    """The outputs and the last states of a loop as one symbol."""
    outputs, states = results
    listed = outputs if isinstance(outputs, list) else [outputs]
    return s.Group([*listed, *states])


def scan(x: Any, h: Any, w: Any) -> Any:
    """Sums along the first axis."""
    return grouped(s.contrib.foreach(lambda d, h: (d * 2 + h[0], [h[0] + d * w]), x, [h]))


def repeat(x: Any, i: Any) -> Any:
    """Three of at most five iterations."""
    return grouped(s.contrib.while_loop(
        lambda x, i: i < 3, lambda x, i: (s.broadcast_add(x, i), [x * 2, i + 1]), [x, i],
        max_iterations=5,
    ))  # fmt: skip


def branch(p: Any, x: Any, y: Any) -> Any:
    """One or the other."""
    return s.contrib.cond(p > 0, lambda: x * 2, lambda: y + 1)


def stateless(x: Any, p: Any) -> Any:
    """A layer whose states are of any batch."""
    return s.RNN(x, p, s.zeros((1, 0, HIDDEN)), mode="rnn_relu", state_size=HIDDEN, num_layers=1)


CASES = (
    call("SequenceMask", PADDED, use_sequence_length=True, value=-1.0),
    call("SequenceLast", PADDED, use_sequence_length=True),
    call("SequenceReverse", PADDED, use_sequence_length=True),
    *(call(f"RNN-{mode}", {**STEPS, "p": weights(gates), "h": (1, 2, HIDDEN)}, output=0, mode=mode,
           state_size=HIDDEN, num_layers=1, state_outputs=True)
      for mode, gates in (("rnn_tanh", 1), ("gru", 3))),
    call("RNN-lstm", {**STEPS, "p": weights(4, 2), "h": (2, 2, HIDDEN), "c": (2, 2, HIDDEN)},
         mode="lstm", state_size=HIDDEN, num_layers=1, bidirectional=True, state_outputs=True),
    Case("RNN-states-of-any-batch", stateless, {**STEPS, "p": weights(1)}),
    call("contrib.interleaved_matmul_selfatt_qk", {"x": (3, 2, 24)}, heads=2),
    call("contrib.interleaved_matmul_selfatt_valatt", {"x": (3, 2, 24), "a": (4, 3, 3)}, heads=2),
    call("contrib.interleaved_matmul_encdec_qk", {"x": (3, 2, 8), "y": (4, 2, 16)}, heads=2),
    call("contrib.interleaved_matmul_encdec_valatt", {"y": (4, 2, 16), "a": (4, 3, 4)}, heads=2),
    Case("foreach", scan, {"x": (4, 3), "h": (3,), "w": (3,)}),
    Case("while_loop", repeat, {"x": (3,), "i": floats(0)}),
    *(Case(f"cond-{k}", branch, {"p": floats(k), "x": (3,), "y": (3,)}) for k in (0, 1)),
)  # fmt: skip
