"""Cells of fully connected layers."""

from __future__ import annotations

from typing import Any

from baryon import npx
from baryon.array import ndarray
from baryon.gluon.parameter import Parameter
from baryon.gluon.rnn import gates
from baryon.gluon.rnn.base import HybridRecurrentCell, StateInfo, States, activated


class _DenseCell(HybridRecurrentCell):
    """A cell with one layer from the input and one from the (fed back) state, for all gates."""

    gate_count = 1

    def __init__(
        self, hidden_size: int, input_size: int, fed_back: int, i2h_weight_initializer: Any,
        h2h_weight_initializer: Any, i2h_bias_initializer: Any, h2h_bias_initializer: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self._hidden_size, rows = hidden_size, self.gate_count * hidden_size
        self.i2h_weight = _parameter("i2h_weight", (rows, input_size), i2h_weight_initializer)
        self.h2h_weight = _parameter("h2h_weight", (rows, fed_back), h2h_weight_initializer)
        self.i2h_bias = _parameter("i2h_bias", (rows,), i2h_bias_initializer)
        self.h2h_bias = _parameter("h2h_bias", (rows,), h2h_bias_initializer)

    def infer_shape(self, inputs: ndarray, *args: Any) -> None:
        """The input size, from the first input."""
        self.i2h_weight.shape = (self.gate_count * self._hidden_size, int(inputs.shape[-1]))  # type: ignore[arg-type]

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """The hidden state."""
        return [_state(batch_size, self._hidden_size)]

    def sums(self, inputs: ndarray, hidden: ndarray) -> tuple[ndarray, ndarray]:
        """The layers of the input and of the hidden state."""
        rows = self.gate_count * self._hidden_size
        return (
            npx.fully_connected(inputs, self.i2h_weight.data(), self.i2h_bias.data(),
                                num_hidden=rows, no_bias=False),
            npx.fully_connected(hidden, self.h2h_weight.data(), self.h2h_bias.data(),
                                num_hidden=rows, no_bias=False),
        )  # fmt: skip

    def __repr__(self) -> str:
        rows, inputs = self.i2h_weight.shape or (None, None)
        return f"{type(self).__name__}({inputs} -> {rows})"


class RNNCell(_DenseCell):
    """Elman's cell: `h = activation(W x + b + U h + c)`."""

    def __init__(
        self,
        hidden_size: int,
        activation: Any = "tanh",
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        input_size: int = 0,
    ) -> None:
        super().__init__(
            hidden_size, input_size, hidden_size, i2h_weight_initializer, h2h_weight_initializer,
            i2h_bias_initializer, h2h_bias_initializer,
        )  # fmt: skip
        self._activation = activation

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """(N, C) and [h] to h and [h]."""
        i2h, h2h = self.sums(inputs, states[0])
        output = activated(i2h + h2h, self._activation)
        return output, [output]


class LSTMCell(_DenseCell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997).

    Gates: input, forget, new, output.
    """

    gate_count = 4

    def __init__(
        self,
        hidden_size: int,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        input_size: int = 0,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
    ) -> None:
        super().__init__(
            hidden_size, input_size, hidden_size, i2h_weight_initializer, h2h_weight_initializer,
            i2h_bias_initializer, h2h_bias_initializer,
        )  # fmt: skip
        self._activation, self._recurrent_activation = activation, recurrent_activation

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """Hidden state and memory."""
        return [_state(batch_size, self._hidden_size), _state(batch_size, self._hidden_size)]

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """(N, C) and [h, c] to h and [h, c]."""
        i2h, h2h = self.sums(inputs, states[0])
        output, memory = gates.lstm(
            i2h + h2h, states[1], 1, self._activation, self._recurrent_activation
        )
        return output, [output, memory]


class GRUCell(_DenseCell):
    """The gated recurrent unit (Cho et al. 2014); gates: reset, update, new."""

    gate_count = 3

    def __init__(
        self,
        hidden_size: int,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        input_size: int = 0,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
    ) -> None:
        super().__init__(
            hidden_size, input_size, hidden_size, i2h_weight_initializer, h2h_weight_initializer,
            i2h_bias_initializer, h2h_bias_initializer,
        )  # fmt: skip
        self._activation, self._recurrent_activation = activation, recurrent_activation

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """(N, C) and [h] to h and [h]."""
        i2h, h2h = self.sums(inputs, states[0])
        hidden = gates.gru(i2h, h2h, states[0], 1, self._activation, self._recurrent_activation)
        return hidden, [hidden]


class LSTMPCell(_DenseCell):
    """LSTM whose output is a projection (Sak et al. 2014), which is fed back."""

    gate_count = 4

    def __init__(
        self,
        hidden_size: int,
        projection_size: int,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        h2r_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        input_size: int = 0,
    ) -> None:
        super().__init__(
            hidden_size, input_size, projection_size, i2h_weight_initializer,
            h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer,
        )  # fmt: skip
        self._projection_size = projection_size
        self.h2r_weight = _parameter(
            "h2r_weight", (projection_size, hidden_size), h2r_weight_initializer
        )

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """The projected output and the memory."""
        return [_state(batch_size, self._projection_size), _state(batch_size, self._hidden_size)]

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """(N, C) and [r, c] to r and [r, c]."""
        i2h, h2h = self.sums(inputs, states[0])
        hidden, memory = gates.lstm(i2h + h2h, states[1], 1, "tanh", "sigmoid")
        output = npx.fully_connected(
            hidden, self.h2r_weight.data(), num_hidden=self._projection_size, no_bias=True
        )
        return output, [output, memory]


def _parameter(name: str, shape: tuple[int, ...], init: Any) -> Parameter:
    return Parameter(name, shape=shape, init=init, allow_deferred_init=True)


def _state(batch_size: int, size: int) -> dict[str, Any]:
    return {"shape": (batch_size, size), "__layout__": "NC"}
