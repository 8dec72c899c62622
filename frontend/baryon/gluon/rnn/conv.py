"""Cells of convolutions: inputs and states are images (Shi et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import npx
from baryon.array import ndarray
from baryon.gluon.errors import BlockError, here
from baryon.gluon.parameter import Parameter
from baryon.gluon.rnn import gates
from baryon.gluon.rnn.base import HybridRecurrentCell, StateInfo, States, activated

Sizes = int | Sequence[int]
_LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


class _ConvCell(HybridRecurrentCell):
    """A cell with one convolution of the input and one of the state, for all gates.

    input_shape: of one sample, with channels where `conv_layout` has them. h2h_kernel is odd: the
    state keeps its size. Sizes are numbers or one per axis.
    """

    dims = 0
    gate_count = 1
    state_count = 1

    def __init__(
        self,
        input_shape: Sequence[int],
        hidden_channels: int,
        i2h_kernel: Sizes,
        h2h_kernel: Sizes,
        i2h_pad: Sizes = 0,
        i2h_dilate: Sizes = 1,
        h2h_dilate: Sizes = 1,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        conv_layout: str | None = None,
        activation: Any = "tanh",
    ) -> None:
        super().__init__()
        self._hidden, self._activation = hidden_channels, activation
        self._layout = conv_layout or _LAYOUTS[self.dims]
        self._axis = self._layout.index("C")
        self._i2h = self._sizes(i2h_kernel), self._sizes(i2h_pad), self._sizes(i2h_dilate)
        kernel, dilate = self._sizes(h2h_kernel), self._sizes(h2h_dilate)
        if any(k % 2 == 0 for k in kernel):
            raise BlockError(f"h2h_kernel={h2h_kernel} is not odd", where=here())
        pad = tuple(d * (k - 1) // 2 for d, k in zip(dilate, kernel, strict=True))
        self._h2h = kernel, pad, dilate
        channels = input_shape[self._axis - 1]
        size = [s for i, s in enumerate(input_shape) if i != self._axis - 1]
        self._state_shape = self._placed(self._hidden, self._output_size(size))
        rows = self.gate_count * hidden_channels
        for name, shape, init in (
            ("i2h_weight", (rows, *self._placed(channels, self._i2h[0])), i2h_weight_initializer),
            ("h2h_weight", (rows, *self._placed(self._hidden, kernel)), h2h_weight_initializer),
            ("i2h_bias", (rows,), i2h_bias_initializer),
            ("h2h_bias", (rows,), h2h_bias_initializer),
        ):
            parameter = Parameter(name, shape=shape, init=init, allow_deferred_init=True)
            setattr(self, name, parameter)

    i2h_weight: Parameter
    h2h_weight: Parameter
    i2h_bias: Parameter
    h2h_bias: Parameter

    def _sizes(self, given: Sizes) -> tuple[int, ...]:
        sizes = (given,) * self.dims if isinstance(given, int) else tuple(given)
        if len(sizes) != self.dims:
            raise BlockError(f"{given} is not a number or {self.dims} numbers", where=here())
        return sizes

    def _placed(self, channels: int, sizes: Sequence[int]) -> tuple[int, ...]:
        """Channels and sizes in the order of the layout."""
        return (channels, *sizes) if self._axis == 1 else (*sizes, channels)

    def _output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        return tuple(
            x + 2 * p - d * (k - 1) if x else 0 for x, k, p, d in zip(size, *self._i2h, strict=True)
        )

    def infer_shape(self, inputs: ndarray, *args: Any) -> None:
        """The input channels, from the first input."""
        channels = int(inputs.shape[self._axis])  # type: ignore[arg-type]
        rows = self.gate_count * self._hidden
        self.i2h_weight.shape = (rows, *self._placed(channels, self._i2h[0]))

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """The hidden state (and the memory)."""
        shape = (batch_size, *self._state_shape)
        return [{"shape": shape, "__layout__": self._layout} for _ in range(self.state_count)]

    def sums(self, inputs: ndarray, hidden: ndarray) -> tuple[ndarray, ndarray]:
        """The convolutions of the input and of the hidden state."""
        return (
            self._convolved(inputs, self.i2h_weight, self.i2h_bias, self._i2h),
            self._convolved(hidden, self.h2h_weight, self.h2h_bias, self._h2h),
        )

    def _convolved(
        self, x: ndarray, weight: Parameter, bias: Parameter, sizes: tuple[tuple[int, ...], ...]
    ) -> ndarray:
        kernel, pad, dilate = sizes
        return npx.convolution(
            x, weight.data(), bias.data(), kernel=kernel, stride=(1,) * self.dims, dilate=dilate,
            pad=pad, num_filter=self.gate_count * self._hidden, layout=self._layout,
        )  # fmt: skip

    def __repr__(self) -> str:
        shape = self.i2h_weight.shape or ()
        channels = f"{shape[self._axis]} -> {shape[0]}"
        return f"{type(self).__name__}({channels}, {self._activation}, {self._layout})"


class _ConvRNNCell(_ConvCell):
    """`h = activation(W * x + b + U * h + c)`."""

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """An image and [h] to h and [h]."""
        i2h, h2h = self.sums(inputs, states[0])
        output = activated(i2h + h2h, self._activation)
        return output, [output]


class _ConvLSTMCell(_ConvCell):
    """Long short-term memory of images."""

    gate_count, state_count = 4, 2

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """An image and [h, c] to h and [h, c]."""
        i2h, h2h = self.sums(inputs, states[0])
        output, memory = gates.lstm(i2h + h2h, states[1], self._axis, self._activation, "sigmoid")
        return output, [output, memory]


class _ConvGRUCell(_ConvCell):
    """The gated recurrent unit of images."""

    gate_count = 3

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """An image and [h] to h and [h]."""
        i2h, h2h = self.sums(inputs, states[0])
        hidden = gates.gru(i2h, h2h, states[0], self._axis, self._activation, "sigmoid")
        return hidden, [hidden]


class Conv1DRNNCell(_ConvRNNCell):
    """Elman's cell of (N, C, W)."""

    dims = 1


class Conv2DRNNCell(_ConvRNNCell):
    """Elman's cell of (N, C, H, W)."""

    dims = 2


class Conv3DRNNCell(_ConvRNNCell):
    """Elman's cell of (N, C, D, H, W)."""

    dims = 3


class Conv1DLSTMCell(_ConvLSTMCell):
    """Long short-term memory of (N, C, W)."""

    dims = 1


class Conv2DLSTMCell(_ConvLSTMCell):
    """Long short-term memory of (N, C, H, W)."""

    dims = 2


class Conv3DLSTMCell(_ConvLSTMCell):
    """Long short-term memory of (N, C, D, H, W)."""

    dims = 3


class Conv1DGRUCell(_ConvGRUCell):
    """The gated recurrent unit of (N, C, W)."""

    dims = 1


class Conv2DGRUCell(_ConvGRUCell):
    """The gated recurrent unit of (N, C, H, W)."""

    dims = 2


class Conv3DGRUCell(_ConvGRUCell):
    """The gated recurrent unit of (N, C, D, H, W)."""

    dims = 3
