"""Convolution and transposed convolution layers over 1, 2 and 3 spatial axes."""

from __future__ import annotations

from typing import Any, ClassVar

from baryon import npx
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.nn.activations import Activation, optional_activation
from baryon.gluon.nn.basic import optional_bias
from baryon.gluon.nn.layouts import Sizes, channels_first, sizes
from baryon.gluon.parameter import Parameter


class _Conv(HybridBlock):
    """What all of them have in common; `rank` is the number of spatial axes."""

    rank: ClassVar[int]
    act: Activation | None

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes, padding: Sizes, dilation: Sizes,
        groups: int, layout: str, activation: str | None, use_bias: bool, weight_initializer: Any,
        bias_initializer: Any, in_channels: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self._channels, self._groups = channels, groups
        self._kernel = sizes(kernel_size, self.rank, "kernel_size")
        self._options: dict[str, Any] = {
            "kernel": self._kernel, "stride": sizes(strides, self.rank, "strides"),
            "dilate": sizes(dilation, self.rank, "dilation"),
            "pad": sizes(padding, self.rank, "padding"), "num_filter": channels,
            "num_group": groups,
            "layout": channels_first(layout, self.rank, type(self).__name__),
        }  # fmt: skip
        self.weight = Parameter(
            "weight", shape=self._weight_shape(in_channels), init=weight_initializer,
            allow_deferred_init=True,
        )  # fmt: skip
        self.bias = optional_bias(use_bias, channels, bias_initializer)
        self.act = optional_activation(activation)

    def _weight_shape(self, in_channels: int) -> tuple[int, ...]:
        """(channels, in_channels / groups, *kernel)."""
        return (self._channels, in_channels // self._groups, *self._kernel)

    def _convolve(self, x: Any, weight: Any, bias: Any) -> Any:
        return npx.convolution(x, weight, bias, no_bias=bias is None, **self._options)

    def forward(self, x: Any) -> Any:
        """(N, in_channels, *spatial) to (N, channels, *spatial)."""
        bias = None if self.bias is None else self.bias.data()
        out = self._convolve(x, self.weight.data(), bias)
        return out if self.act is None else self.act(out)

    def infer_shape(self, x: Any, *args: Any) -> None:
        """in_channels from the input."""
        self.weight.shape = self._weight_shape(x.shape[1])

    def _inputs_to_outputs(self) -> str:
        shape = self.weight.shape or ()
        return f"{shape[1]} -> {shape[0]}"

    def __repr__(self) -> str:
        options = self._options
        parts = [self._inputs_to_outputs(), f"kernel_size={self._kernel}",
                 f"stride={options['stride']}"]  # fmt: skip
        if any(sizes(options["pad"], self.rank, "")):
            parts.append(f"padding={options['pad']}")
        if options["dilate"] != (1,) * self.rank:
            parts.append(f"dilation={options['dilate']}")
        if self._groups != 1:
            parts.append(f"groups={self._groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.act is not None:
            parts.append(repr(self.act))
        return f"{type(self).__name__}({', '.join(parts)})"


class _Transposed(_Conv):
    """What the transposed ones have in common."""

    def __init__(self, output_padding: Sizes, *args: Any) -> None:
        super().__init__(*args)
        self._options["adj"] = sizes(output_padding, self.rank, "output_padding")

    def _weight_shape(self, in_channels: int) -> tuple[int, ...]:
        """(in_channels, channels / groups, *kernel)."""
        return (in_channels, self._channels // self._groups, *self._kernel)

    def _convolve(self, x: Any, weight: Any, bias: Any) -> Any:
        return npx.deconvolution(x, weight, bias, no_bias=bias is None, **self._options)

    def _inputs_to_outputs(self) -> str:
        return f"{(self.weight.shape or (-1,))[0]} -> {self._channels}"


class Conv1D(_Conv):
    """A convolution over (N, C, W); see `npx.convolution`. in_channels: 0 to take the input's."""

    rank = 1

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes = 1, padding: Sizes = 0,
        dilation: Sizes = 1, groups: int = 1, layout: str = "NCW", activation: str | None = None,
        use_bias: bool = True, weight_initializer: Any = None, bias_initializer: Any = "zeros",
        in_channels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            channels, kernel_size, strides, padding, dilation, groups, layout, activation, use_bias,
            weight_initializer, bias_initializer, in_channels,
        )  # fmt: skip


class Conv2D(_Conv):
    """A convolution over (N, C, H, W); see `npx.convolution`. in_channels: 0 for the input's."""

    rank = 2

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes = (1, 1), padding: Sizes = (0, 0),
        dilation: Sizes = (1, 1), groups: int = 1, layout: str = "NCHW",
        activation: str | None = None, use_bias: bool = True, weight_initializer: Any = None,
        bias_initializer: Any = "zeros", in_channels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            channels, kernel_size, strides, padding, dilation, groups, layout, activation, use_bias,
            weight_initializer, bias_initializer, in_channels,
        )  # fmt: skip


class Conv3D(_Conv):
    """A convolution over (N, C, D, H, W); see `npx.convolution`. in_channels: 0 for the input's."""

    rank = 3

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes = (1, 1, 1),
        padding: Sizes = (0, 0, 0), dilation: Sizes = (1, 1, 1), groups: int = 1,
        layout: str = "NCDHW", activation: str | None = None, use_bias: bool = True,
        weight_initializer: Any = None, bias_initializer: Any = "zeros", in_channels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            channels, kernel_size, strides, padding, dilation, groups, layout, activation, use_bias,
            weight_initializer, bias_initializer, in_channels,
        )  # fmt: skip


class Conv1DTranspose(_Transposed):
    """The transposed convolution over (N, C, W). output_padding: elements added at the end."""

    rank = 1

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes = 1, padding: Sizes = 0,
        output_padding: Sizes = 0, dilation: Sizes = 1, groups: int = 1, layout: str = "NCW",
        activation: str | None = None, use_bias: bool = True, weight_initializer: Any = None,
        bias_initializer: Any = "zeros", in_channels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            output_padding, channels, kernel_size, strides, padding, dilation, groups, layout,
            activation, use_bias, weight_initializer, bias_initializer, in_channels,
        )  # fmt: skip


class Conv2DTranspose(_Transposed):
    """The transposed convolution over (N, C, H, W). output_padding: elements added at the end."""

    rank = 2

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes = (1, 1), padding: Sizes = (0, 0),
        output_padding: Sizes = (0, 0), dilation: Sizes = (1, 1), groups: int = 1,
        layout: str = "NCHW", activation: str | None = None, use_bias: bool = True,
        weight_initializer: Any = None, bias_initializer: Any = "zeros", in_channels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            output_padding, channels, kernel_size, strides, padding, dilation, groups, layout,
            activation, use_bias, weight_initializer, bias_initializer, in_channels,
        )  # fmt: skip


class Conv3DTranspose(_Transposed):
    """The transposed convolution over (N, C, D, H, W). output_padding: added at the end."""

    rank = 3

    def __init__(
        self, channels: int, kernel_size: Sizes, strides: Sizes = (1, 1, 1),
        padding: Sizes = (0, 0, 0), output_padding: Sizes = (0, 0, 0),
        dilation: Sizes = (1, 1, 1), groups: int = 1, layout: str = "NCDHW",
        activation: str | None = None, use_bias: bool = True, weight_initializer: Any = None,
        bias_initializer: Any = "zeros", in_channels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            output_padding, channels, kernel_size, strides, padding, dilation, groups, layout,
            activation, use_bias, weight_initializer, bias_initializer, in_channels,
        )  # fmt: skip
