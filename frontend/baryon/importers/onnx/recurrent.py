"""Recurrent layers: LSTM, GRU and RNN.

One fully connected layer projects the input of all steps; the steps of a direction are one op, to
whose order the gates of the standard are brought. What there is no such op for is written out
(`recurrent_steps.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.importers.onnx.node import Node, OnnxOp, Operand, numpy_dtype, shape_of
from baryon.importers.onnx.recurrent_steps import (
    MOST_STEPS,
    Cell,
    Nonlinear,
    elman_step,
    gru_step,
    lstm_step,
    read_nonlinear,
)
from baryon.ops import Calls
from baryon.ops.shapes import write_shape

REVERSED = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""For each value of `direction`, which of its directions walk from the end."""


@dataclass(frozen=True)
class _Layer:
    """A node and its inputs. gates: where the standard has each of our gates."""

    o: Calls[Operand]
    node: Node
    gates: tuple[int, ...]
    x: Operand
    weight: Operand
    feedback: Operand
    bias: Operand | None
    length: Operand | None
    initial: Sequence[Operand | None]
    sides: tuple[bool, ...]
    batch_first: bool

    def run(self, steps: Callable[[_Direction], Any]) -> tuple[Any, ...]:
        """Y, Y_h and, for an LSTM, Y_c. steps: the states of a direction, (T, N, H) each."""
        o, outputs, last = self.o, [], []
        for number, reverse in enumerate(self.sides):
            found = steps(_Direction(self, number, reverse))
            states = found if isinstance(found, tuple) else (found,)
            outputs.append(self._silenced(states[0]))
            end = 0 if reverse else self.time - 1
            last.append([o.np.squeeze(o.npx.slice(s, (end,), (end + 1,)), axis=0) for s in states])
        y = self._joined(outputs, 1)
        if self.batch_first:
            y = o.np.transpose(y, axes=(2, 0, 1, 3))
        axis = int(self.batch_first)
        return (y, *(self._joined(state, axis) for state in zip(*last, strict=True)))

    @property
    def time(self) -> int:
        """The number of steps."""
        return self.node.number(shape_of(self.x)[self.batch_first], "the number of steps")

    @property
    def batch(self) -> Any:
        """The number of sequences."""
        return shape_of(self.x)[not self.batch_first]

    @property
    def size(self) -> int:
        """The hidden size."""
        return self.node.number(shape_of(self.feedback)[-1], "the hidden size")

    def _joined(self, sides: Sequence[Any], axis: int) -> Any:
        """Both directions along a new axis; a single one is not copied."""
        if len(sides) == 1:
            return self.o.np.expand_dims(sides[0], axis=(axis,))
        return self.o.np.stack(sides, axis=axis)

    def _silenced(self, y: Operand) -> Any:
        """Outputs that are zero behind the end of a sequence."""
        if self.length is None:
            return y
        places = np.arange(self.time).astype(numpy_dtype(self.length))[:, None]
        inside = self.o.np.less(places, self.length)
        return self.o.np.where(self.o.np.expand_dims(inside, axis=(2,)), y, 0.0)


@dataclass(frozen=True)
class _Direction:
    """One direction of a layer: its operands, with the gates in our order."""

    layer: _Layer
    number: int
    reverse: bool

    @property
    def feedback(self) -> Any:
        """(gates * H, H)."""
        return self._ordered(self._part(self.layer.feedback))

    @property
    def biases(self) -> list[Operand]:
        """(gates * H) of the input and of the feedback."""
        layer = self.layer
        rows = len(layer.gates) * layer.size
        if layer.bias is None:
            return [np.zeros(rows, numpy_dtype(layer.feedback))] * 2
        halves = layer.o.np.split(self._part(layer.bias), indices_or_sections=2)
        return [self._ordered(half) for half in halves]

    @property
    def starts(self) -> list[Operand]:
        """The first states, (N, H) each."""
        return [self._start(x) for x in self.layer.initial]

    def parts(self, x: Operand | None, count: int) -> Any:
        """What belongs to this direction, in so many parts; None where nothing is given."""
        if x is None:
            return None
        return self.layer.o.np.split(self._part(x), indices_or_sections=count)

    def projected(self, bias: Operand) -> Any:
        """The input's part of the gates in all steps, (T, N, gates * H)."""
        o, layer = self.layer.o, self.layer
        x = o.np.transpose(layer.x, axes=(1, 0, 2)) if layer.batch_first else layer.x
        weight = self._ordered(self._part(layer.weight))
        rows = shape_of(weight)[0]
        return o.npx.fully_connected(x, weight, bias, num_hidden=rows, flatten=False)

    def _part(self, x: Operand, axis: int = 0) -> Any:
        """What belongs to this direction, of an operand with an axis for it."""
        begin = (*[0] * axis, self.number)
        end = (*[2**63 - 1] * axis, self.number + 1)
        return self.layer.o.np.squeeze(self.layer.o.npx.slice(x, begin, end), axis=axis)

    def _ordered(self, x: Operand) -> Any:
        if len(self.layer.gates) == 1:
            return x
        parts = self.layer.o.np.split(x, indices_or_sections=len(self.layer.gates))
        return self.layer.o.np.concatenate([parts[g] for g in self.layer.gates], axis=0)

    def _start(self, given: Operand | None) -> Any:
        if given is not None:
            return self._part(given, int(self.layer.batch_first))
        dtype, shape = numpy_dtype(self.layer.feedback), (self.layer.batch, self.layer.size)
        return self.layer.o.np.full(shape=write_shape(shape), fill_value=0.0, dtype=dtype)


_INNER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where the standard has each gate of our kernels."""

_USUAL = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}
"""The activations of a direction that our kernels compute."""


def _layer(
    o: Calls[Operand], node: Node, inputs: Sequence[Operand | None],
    states: Sequence[Operand | None], others: Sequence[tuple[str, ...]] = (),
    special: bool = False,
) -> tuple[_Layer, Nonlinear, bool]:  # fmt: skip
    """The layer, its activations, and whether there is a kernel for it.

    others: further activations that the kernel knows. special: whether there surely is none.
    """
    node.ignore("hidden_size", "output_sequence")
    sides = REVERSED[node.attr("direction", "forward")]
    nonlinear = read_nonlinear(node, _USUAL[node.op], len(sides))
    has_kernel = not special and nonlinear.is_one_of((_USUAL[node.op], *others))
    gates = _INNER[node.op] if has_kernel else tuple(range(len(_INNER[node.op])))
    x, weight, feedback, bias, length = inputs
    if x is None or weight is None or feedback is None:
        raise node.file.error(f"{node.op} needs the inputs X, W and R", at=node.title)
    layout = bool(node.attr("layout", 0))
    layer = _Layer(o, node, gates, x, weight, feedback, bias, length, states, sides, layout)
    return layer, nonlinear, has_kernel


def _written_out(
    side: _Direction, given: Operand, nonlinear: Nonlinear, step: Callable[..., list[Any]]
) -> tuple[Any, ...]:
    """The states of all steps, each step in ops of its own. given: the input's part."""
    layer = side.layer
    o, length = layer.o, layer.length
    if layer.time > MOST_STEPS:
        raise layer.node.unsupported(f"{layer.time} steps of a layer that has no kernel")

    def gate(number: int, x: Any) -> Any:
        return nonlinear.of(side.number, number, o, x)

    cell = Cell(o, gate, side.feedback, len(layer.gates))
    states, rows = [*side.starts], {}
    for t in reversed(range(layer.time)) if side.reverse else range(layer.time):
        x = o.np.squeeze(o.npx.slice(given, (t,), (t + 1,)), axis=0)
        new = step(cell, x, states)
        if length is not None:  # behind its end a sequence keeps its states
            inside = o.np.less(np.array(t, numpy_dtype(length)), length)
            kept = o.np.expand_dims(inside, axis=(1,))
            new = [o.np.where(kept, n, s) for n, s in zip(new, states, strict=True)]
        rows[t] = states = new
    steps = [rows[t] for t in range(layer.time)]
    return tuple(o.np.stack(state, axis=0) for state in zip(*steps, strict=True))


def _lstm(
    o: Calls[Operand], node: Node, x: Operand, w: Operand, r: Operand, b: Operand | None = None,
    length: Operand | None = None, hidden: Operand | None = None, cell: Operand | None = None,
    peepholes: Operand | None = None,
) -> Any:  # fmt: skip
    if isinstance(peepholes, np.ndarray) and not peepholes.any():
        peepholes = None
    coupled = bool(node.attr("input_forget", 0))
    inputs, special = (x, w, r, b, length), coupled or peepholes is not None
    layer, nonlinear, has_kernel = _layer(o, node, inputs, (hidden, cell), special=special)

    def steps(side: _Direction) -> Any:
        given = side.projected(o.np.add(*side.biases))
        if has_kernel:
            return o.npx.lstm(given, side.feedback, *side.starts, length, reverse=side.reverse)
        step = lstm_step(side.parts(peepholes, 3), coupled=coupled)
        return _written_out(side, given, nonlinear, step)

    return layer.run(steps)


def _gru(
    o: Calls[Operand], node: Node, x: Operand, w: Operand, r: Operand, b: Operand | None = None,
    length: Operand | None = None, hidden: Operand | None = None,
) -> Any:  # fmt: skip
    after = bool(node.attr("linear_before_reset", 0))
    layer, nonlinear, has_kernel = _layer(o, node, (x, w, r, b, length), (hidden,))

    def steps(side: _Direction) -> Any:
        own, back = side.biases
        *firsts, new = o.np.split(back, indices_or_sections=3)
        bias = o.np.add(own, o.np.concatenate([*firsts, o.np.zeros_like(new)], axis=0))
        given = side.projected(bias)
        if not has_kernel:
            return _written_out(side, given, nonlinear, gru_step(new, after=after))
        return o.npx.gru(
            given, side.feedback, new, *side.starts, length, reset_after=after,
            reverse=side.reverse,
        )  # fmt: skip

    return layer.run(steps)


def _rnn(
    o: Calls[Operand], node: Node, x: Operand, w: Operand, r: Operand, b: Operand | None = None,
    length: Operand | None = None, hidden: Operand | None = None,
) -> Any:  # fmt: skip
    inputs = (x, w, r, b, length)
    layer, nonlinear, has_kernel = _layer(o, node, inputs, (hidden,), [("relu",)])

    def steps(side: _Direction) -> Any:
        given = side.projected(o.np.add(*side.biases))
        if not has_kernel:
            return _written_out(side, given, nonlinear, elman_step)
        return o.npx.elman(
            given, side.feedback, *side.starts, length, activation=nonlinear.names[0][0],
            reverse=side.reverse,
        )  # fmt: skip

    return layer.run(steps)


OPS = (
    OnnxOp("GRU", _gru),
    OnnxOp("LSTM", _lstm),
    OnnxOp("RNN", _rnn),
)
