"""The fused recurrent networks: layers, directions and time steps of one call.

All parameters lie in one vector: for each layer and direction the weights i2h (gates * H, input)
and h2h (gates * H, H), for an LSTM with a projection also h2r (P, H); behind all weights, in the
same order, the biases of i2h and h2h (gates * H). The gates of an LSTM are input, forget, cell and
output; those of a GRU reset, update and new, of which the reset gate acts on the product with h2h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

from baryon.array import ndarray
from baryon.array.types import ArrayLike
from baryon.npx.common import array, cast, expanded, fail, np, npx, places
from baryon.npx.control import foreach
from baryon.npx.norms import dropout
from baryon.npx.sequence import sequence_mask, sequence_reverse

GATES: Mapping[str, int] = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}

States = tuple[ndarray, ...]
Step = Callable[[ndarray, States], States]
"""(what the input gives to the gates, states) -> new states, of which the first is the output."""


@dataclass(frozen=True)
class Cell:
    """What a layer of one direction does in a step.

    hidden, output: the sizes of the state and of what the layer gives (and feeds back).
    clip: limits of an LSTM's cell state. clip_nan: NaNs in it become the lower limit.
    """

    mode: str
    hidden: int
    output: int
    clip: tuple[float, float] | None = None
    clip_nan: bool = False

    @property
    def gates(self) -> int:
        """How many vectors of the hidden size a step computes."""
        return GATES[self.mode]

    def weight_shapes(self, inputs: int) -> list[tuple[int, int]]:
        """The shapes of i2h, h2h and, with a projection, h2r."""
        rows = self.gates * self.hidden
        shapes = [(rows, inputs), (rows, self.output)]
        return [*shapes, (self.output, self.hidden)] if self.output != self.hidden else shapes

    @property
    def is_plain(self) -> bool:
        """Whether an op computes all steps; a projection and limits take a loop."""
        return self.output == self.hidden and self.clip is None

    def biases(self, own: ndarray, back: ndarray) -> tuple[ndarray, ndarray | None]:
        """What is added to the projected input, and what a GRU adds inside of its reset gate."""
        if self.mode != "gru":
            return np.add(own, back), None
        gates, new = np.split(back, (2 * self.hidden,), axis=0)
        return np.add(own, np.pad(gates, pad_width=(0, self.hidden))), new

    def walk(
        self, given: ndarray, weight: ndarray, bias: ndarray | None, first: States,
        length: ndarray | None, backward: bool,
    ) -> States:  # fmt: skip
        """The states after every step. given: what enters the gates besides the feedback."""
        if self.mode == "lstm":
            both: Any = npx.lstm(given, weight, *first, length, reverse=backward)
            return tuple(both)
        if self.mode == "gru":
            return (npx.gru(given, weight, bias, *first, length, reverse=backward),)
        activation = self.mode.removeprefix("rnn_")
        return (npx.elman(given, weight, *first, length, activation=activation, reverse=backward),)

    def step(self, weights: Sequence[ndarray]) -> Step:
        """A step of an LSTM with the weights h2h and, with a projection, h2r."""

        def step(given: ndarray, states: States) -> States:
            total = np.add(given, npx.fully_connected(states[0], weights[0], flatten=False))
            into, forget, new, out = _parts(total, 4)
            kept = np.multiply(npx.sigmoid(forget), states[1])
            cell = self._clipped(np.add(kept, np.multiply(npx.sigmoid(into), np.tanh(new))))
            hidden = np.multiply(npx.sigmoid(out), np.tanh(cell))
            if len(weights) > 1:
                hidden = npx.fully_connected(hidden, weights[1], flatten=False)
            return hidden, cell

        return step

    def _clipped(self, cell: ndarray) -> ndarray:
        if self.clip is None:
            return cell
        limited = np.clip(cell, *self.clip)
        return np.where(np.equal(cell, cell), limited, self.clip[0]) if self.clip_nan else limited


def _parts(x: ndarray, count: int) -> Sequence[ndarray]:
    parts: Any = np.split(x, count, axis=-1)
    return parts  # type: ignore[no-any-return]


def rnn(
    data: ArrayLike, parameters: ArrayLike, state: ArrayLike,
    state_cell: ArrayLike | None = None, sequence_length: ArrayLike | None = None,
    mode: str | None = None, state_size: int | None = None, num_layers: int | None = None,
    bidirectional: bool = False, state_outputs: bool = False, p: float = 0.0,
    use_sequence_length: bool = False, projection_size: int | None = None,
    lstm_state_clip_min: float | None = None, lstm_state_clip_max: float | None = None,
    lstm_state_clip_nan: bool = False,
) -> Any:  # fmt: skip
    """Recurrent layers over (T, N, input) data; mode is rnn_relu, rnn_tanh, gru or lstm.

    parameters: one vector, laid out as the module says. state: (num_layers * directions, N, H), H
    being state_size, or projection_size for an LSTM with a projection; state_cell, for lstm:
    (num_layers * directions, N, state_size). p: dropout between layers, in training.
    sequence_length, with use_sequence_length: (N,) numbers of steps; behind them outputs are 0 and
    states do not change, and the backward direction starts at the last of them. lstm_state_clip_*:
    limits of the cell state, after every step; with lstm_state_clip_nan a NaN becomes the minimum.

    Returns (T, N, directions * H), or with state_outputs a list: that, the last states, and for
    lstm the last cell states. IRTypeError for an unknown mode and for sizes that do not fit.
    """
    if mode is None or mode not in GATES or state_size is None or num_layers is None:
        fail("rnn", f"mode={mode!r}, state_size={state_size}, num_layers={num_layers}",
             f"give all three; mode is one of {', '.join(GATES)}")  # fmt: skip
    if projection_size and mode != "lstm":
        fail("rnn", f"projection_size with mode {mode!r}", "only an LSTM has a projection")
    limits = _limits(mode, lstm_state_clip_min, lstm_state_clip_max)
    cell = Cell(mode, state_size, projection_size or state_size, limits, lstm_state_clip_nan)
    if use_sequence_length is not (sequence_length is not None):
        fail("rnn", f"use_sequence_length={use_sequence_length} does not suit sequence_length")
    x, starts = array(data), [array(state)]
    if mode == "lstm":
        starts.append(_needed(state_cell))
    length = None if sequence_length is None else array(sequence_length)
    network = _Network(cell, num_layers, 2 if bidirectional else 1, p, length)
    network.check(x, starts)
    y, last = network.run(x, array(parameters), starts)
    return [y, *last] if state_outputs else y


def _limits(mode: str, low: float | None, high: float | None) -> tuple[float, float] | None:
    if low is None and high is None:
        return None
    if low is None or high is None or low > high or mode != "lstm":
        fail("rnn", f"lstm_state_clip_min={low}, lstm_state_clip_max={high}",
             "an LSTM takes both, the smaller first")  # fmt: skip
    return low, high


def _needed(state_cell: ArrayLike | None) -> ndarray:
    if state_cell is None:
        fail("rnn", "mode 'lstm' needs state_cell")
    return array(state_cell)


@dataclass(frozen=True)
class _Network:
    """All layers and directions of one call."""

    cell: Cell
    layers: int
    directions: int
    p: float
    length: ndarray | None

    def check(self, x: ndarray, starts: Sequence[ndarray]) -> None:
        """Refuse data and states that do not fit."""
        if x.ndim != 3 or not isinstance(x.shape[2], int):
            fail("rnn", f"data {x.type} must be (time, batch, features)")
        sizes = (self.cell.output, self.cell.hidden)
        for name, start, size in zip(("state", "state_cell"), starts, sizes, strict=False):
            wanted = (self.layers * self.directions, x.shape[1], size)
            if start.shape != wanted:
                fail("rnn", f"{name} {start.type} must have the shape {wanted}")

    def run(
        self, x: ndarray, parameters: ndarray, starts: Sequence[ndarray]
    ) -> tuple[ndarray, list[ndarray]]:
        """The last layer's outputs and the last states of all."""
        features = x.shape[2]
        assert isinstance(features, int)
        weights, biases = self.split(parameters, features)
        last: list[States] = []
        for layer in range(self.layers):
            given = dropout(x, self.p) if layer and self.p else x
            sides = []
            for side in range(self.directions):
                n = layer * self.directions + side
                first = tuple(start[n] for start in starts)
                y, states = self.direction(given, weights[n], biases[n], first, bool(side))
                sides.append(y)
                last.append(states)
            x = np.concatenate(sides, axis=-1) if len(sides) > 1 else sides[0]
        return x, [np.stack(states) for states in zip(*last, strict=True)]

    def split(
        self, parameters: ndarray, features: int
    ) -> tuple[list[list[ndarray]], list[list[ndarray]]]:
        """The weights and the biases of each layer and direction."""
        inputs = [features, *[self.directions * self.cell.output] * (self.layers - 1)]
        sizes = [size for size in inputs for _ in range(self.directions)]
        weights = [self.cell.weight_shapes(size) for size in sizes]
        rows = self.cell.gates * self.cell.hidden
        total = sum(a * b for shapes in weights for a, b in shapes) + 2 * rows * len(sizes)
        if parameters.shape != (total,):
            fail("rnn", f"parameters {parameters.type}, but these sizes need ({total},)")
        pieces = iter(_cut(parameters, [*chain(*weights), *[(rows,)] * (2 * len(sizes))]))
        found = [[next(pieces) for _ in shapes] for shapes in weights]
        return found, [[next(pieces), next(pieces)] for _ in sizes]

    def direction(
        self, x: ndarray, weights: Sequence[ndarray], biases: Sequence[ndarray], first: States,
        backward: bool,
    ) -> tuple[ndarray, States]:  # fmt: skip
        """One layer in one direction: the outputs in order of time, and the last states."""
        bias, inner = self.cell.biases(*biases)
        if self.cell.is_plain:
            given = npx.fully_connected(x, weights[0], bias, flatten=False)
            return self.walk(given, weights[1], inner, first, backward)
        x = self.reversed(x) if backward else x
        given = npx.fully_connected(x, weights[0], bias, flatten=False)
        y, last = self.loop(given, self.cell.step(weights[1:]), first)
        return self.reversed(y) if backward else y, last

    def walk(
        self, given: ndarray, weight: ndarray, bias: ndarray | None, first: States, backward: bool
    ) -> tuple[ndarray, States]:
        """`direction` by an op for all steps."""
        time = int(str(given.shape[0]))
        if not time:
            return _parts(given, self.cell.gates)[0], first
        length = None if self.length is None else cast(self.length, "int32")
        states = self.cell.walk(given, weight, bias, first, length, backward)
        y = states[0] if length is None else sequence_mask(states[0], length, True)
        end = 0 if backward else time - 1
        return y, tuple(np.squeeze(npx.slice(s, (end,), (end + 1,)), axis=0) for s in states)

    def reversed(self, x: ndarray) -> ndarray:
        """Each sequence from its end."""
        return sequence_reverse(x, self.length, self.length is not None)

    def loop(self, given: ndarray, step: Step, first: States) -> tuple[ndarray, States]:
        """The steps of one direction."""
        if self.length is None:
            return foreach(lambda x, s: _first(step(x, s)), given, first)
        steps = places(int(str(given.shape[0])), 0, 1)
        length = expanded(cast(self.length, "int32"), 2)

        def body(data: tuple[ndarray, ndarray], states: States) -> tuple[ndarray, States]:
            x, t = data
            inside = np.less(t, length)
            new = step(x, states)
            kept = tuple(np.where(inside, a, b) for a, b in zip(new, states, strict=True))
            return np.where(inside, new[0], 0.0), kept

        return foreach(body, (given, steps), first)


def _first(states: States) -> tuple[ndarray, States]:
    return states[0], states


def _cut(vector: ndarray, shapes: Sequence[tuple[int, ...]]) -> list[ndarray]:
    """Arrays of these shapes, one after the other in a vector."""
    ends = [*accumulate(map(math.prod, shapes))]
    parts: Any = np.split(vector, tuple(ends[:-1]), axis=0)
    return [np.reshape(p, shape) for p, shape in zip(parts, shapes, strict=True)]


PUBLIC = (rnn,)
