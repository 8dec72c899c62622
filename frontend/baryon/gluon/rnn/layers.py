"""Recurrent layers over whole sequences, of several layers and both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.block import HybridBlock
from baryon.gluon.errors import BlockError, CallError, here
from baryon.gluon.parameter import Parameter
from baryon.initializer import RNNFused
from baryon.initializer.composed import GATES


class _Layer(HybridBlock):
    """A fused recurrent layer; all its weights are one vector, `rnn_param`.

    Weights come first, then biases: layer by layer, direction by direction, input to hidden,
    hidden to hidden (and the projection). `gluon.utils.split_rnn_params` takes it apart.
    """

    def __init__(
        self, mode: str, hidden_size: int, num_layers: int, layout: str, dropout: float,
        bidirectional: bool, input_size: int, initializers: dict[str, Any], dtype: Any,
        projection_size: int | None = None, use_sequence_length: bool = False,
        clip: tuple[float | None, float | None, bool] = (None, None, False),
    ) -> None:  # fmt: skip
        super().__init__()
        if layout not in {"TNC", "NTC"}:
            raise BlockError(f"layout={layout!r} is neither 'TNC' nor 'NTC'", where=here())
        if mode not in GATES:
            raise BlockError(f"there is no recurrent layer {mode!r}", where=here())
        self._mode, self._hidden_size, self._num_layers = mode, hidden_size, num_layers
        self._layout, self._dropout, self._dtype = layout, dropout, dtype
        self._dir, self._projection_size = 2 if bidirectional else 1, projection_size or None
        self._use_sequence_length, self._clip = use_sequence_length, clip
        self._input_size = input_size
        init = RNNFused(
            mode, num_layers, hidden_size, bidirectional, self._projection_size, **initializers
        )
        self.rnn_param = Parameter(
            "rnn_param", shape=(self._param_size(input_size) if input_size else -1,), init=init,
            allow_deferred_init=True, dtype=dtype,
        )  # fmt: skip

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Shape, layout and dtype of each state."""
        fed_back = self._projection_size or self._hidden_size
        sizes = [fed_back, self._hidden_size] if self._mode == "lstm" else [fed_back]
        return [
            {
                "shape": (self._num_layers * self._dir, batch_size, size),
                "__layout__": "LNC",
                "dtype": self._dtype,
            }
            for size in sizes
        ]

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., ndarray] | None = None, **kwargs: Any
    ) -> list[ndarray]:
        """The first states: zeros, or what `func(shape=..., dtype=..., **kwargs)` makes."""
        make = np.zeros if func is None else func
        return [
            make(**{"shape": info["shape"], "dtype": info["dtype"], **kwargs})
            for info in self.state_info(batch_size)
        ]

    def cast(self, dtype: Any) -> None:
        """Convert the weights; states are of this element type, too."""
        super().cast(dtype)
        self._dtype = dtype

    def __call__(self, inputs: Any, states: Any = None, sequence_length: Any = None) -> Any:
        """Outputs; with `states` given (an array or a list) the pair of outputs and last states.

        sequence_length (N,): if the layer was made with use_sequence_length.
        """
        if self._use_sequence_length and sequence_length is None:
            raise CallError(f"{type(self).__name__} needs sequence_length", where=here())
        if not self._use_sequence_length and sequence_length is not None:
            raise CallError(
                f"{type(self).__name__} takes no sequence_length", where=here(),
                hint="make it with use_sequence_length=True",
            )  # fmt: skip
        given = [states] if isinstance(states, ndarray) else states
        outputs, last = super().__call__(inputs, given, sequence_length)
        return outputs if states is None else (outputs, last)

    def forward(
        self, inputs: ndarray, states: Any = None, sequence_length: ndarray | None = None
    ) -> tuple[ndarray, list[ndarray]]:
        """(T, N, C), or (N, T, C), to (T, N, H) with the last states."""
        batch: Any = inputs.shape[self._layout.index("N")]
        if states is None:
            states = self.begin_state(batch, dtype=inputs.dtype)
        self._check(states, batch)
        x = np.swapaxes(inputs, 0, 1) if self._layout == "NTC" else inputs
        outputs, *last = npx.rnn(
            x, self.rnn_param.data(), states[0], states[1] if len(states) > 1 else None,
            sequence_length, mode=self._mode, state_size=self._hidden_size,
            num_layers=self._num_layers, bidirectional=self._dir == 2, state_outputs=True,
            p=self._dropout, use_sequence_length=self._use_sequence_length,
            projection_size=self._projection_size, lstm_state_clip_min=self._clip[0],
            lstm_state_clip_max=self._clip[1], lstm_state_clip_nan=self._clip[2],
        )  # fmt: skip
        return (np.swapaxes(outputs, 0, 1) if self._layout == "NTC" else outputs), list(last)

    def _check(self, states: Any, batch: Any) -> None:
        wanted = [info["shape"] for info in self.state_info(batch)]
        given = [tuple(s.shape) for s in states]
        if given != wanted:
            raise CallError(f"the states have the shapes {given}, expected {wanted}", where=here())

    def infer_shape(self, inputs: ndarray, *args: Any) -> None:
        """The input size, from the first input."""
        if inputs.ndim != 3:
            raise CallError(f"inputs of shape {inputs.shape} are not {self._layout}", where=here(),
                            hint="they have the axes time, batch and features")  # fmt: skip
        self._input_size = int(inputs.shape[2])  # type: ignore[arg-type]
        self.rnn_param.shape = (self._param_size(self._input_size),)

    def _param_size(self, input_size: int) -> int:
        rows = GATES[self._mode] * self._hidden_size
        fed_back = self._projection_size or self._hidden_size
        projection = (self._projection_size or 0) * self._hidden_size
        first = rows * (input_size + fed_back + 2) + projection
        later = rows * (fed_back * self._dir + fed_back + 2) + projection
        return self._dir * (first + (self._num_layers - 1) * later)

    def __repr__(self) -> str:
        parts = [f"{self._input_size or None} -> {self._hidden_size}", self._layout]
        parts += [f"num_layers={self._num_layers}"] if self._num_layers != 1 else []
        parts += [f"dropout={self._dropout}"] if self._dropout else []
        parts += ["bidirectional"] if self._dir == 2 else []
        return f"{type(self).__name__}({', '.join(parts)})"


class RNN(_Layer):
    """Elman's network; activation: "relu" or "tanh".

    Inputs and outputs are (T, N, C) or, by the layout, (N, T, C); states (layers times directions,
    N, H). dropout: between layers. bidirectional: outputs of both directions lie side by side.
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        activation: str = "relu",
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        input_size: int = 0,
        dtype: Any = "float32",
        use_sequence_length: bool = False,
    ) -> None:
        initializers = _named(
            i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer,
            h2h_bias_initializer,
        )  # fmt: skip
        super().__init__(
            f"rnn_{activation}", hidden_size, num_layers, layout, dropout, bidirectional,
            input_size, initializers, dtype, use_sequence_length=use_sequence_length,
        )  # fmt: skip


class LSTM(_Layer):
    """Long short-term memory; states: [hidden, memory]. See `RNN` for the arguments.

    projection_size: outputs and hidden states are projections of this size. state_clip_min,
    state_clip_max: limits of the memory; state_clip_nan: limit NaNs too.
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        input_size: int = 0,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        projection_size: int | None = None,
        h2r_weight_initializer: Any = None,
        state_clip_min: float | None = None,
        state_clip_max: float | None = None,
        state_clip_nan: bool = False,
        dtype: Any = "float32",
        use_sequence_length: bool = False,
    ) -> None:
        initializers = _named(
            i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer,
            h2h_bias_initializer, h2r_weight_initializer,
        )  # fmt: skip
        super().__init__(
            "lstm", hidden_size, num_layers, layout, dropout, bidirectional, input_size,
            initializers, dtype, projection_size, use_sequence_length,
            (state_clip_min, state_clip_max, state_clip_nan),
        )  # fmt: skip


class GRU(_Layer):
    """The gated recurrent unit. See `RNN` for the arguments."""

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        input_size: int = 0,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        dtype: Any = "float32",
        use_sequence_length: bool = False,
    ) -> None:
        initializers = _named(
            i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer,
            h2h_bias_initializer,
        )  # fmt: skip
        super().__init__(
            "gru", hidden_size, num_layers, layout, dropout, bidirectional, input_size,
            initializers, dtype, use_sequence_length=use_sequence_length,
        )  # fmt: skip


def _named(
    i2h_weight: Any, h2h_weight: Any, i2h_bias: Any, h2h_bias: Any, h2r_weight: Any = None
) -> dict[str, Any]:
    return {
        "i2h_weight_initializer": i2h_weight,
        "h2h_weight_initializer": h2h_weight,
        "i2h_bias_initializer": i2h_bias,
        "h2h_bias_initializer": h2h_bias,
        "h2r_weight_initializer": h2r_weight,
    }
