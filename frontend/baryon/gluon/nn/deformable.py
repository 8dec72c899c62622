"""Deformable convolution layers: where the kernel looks is itself computed by a convolution."""

from __future__ import annotations

from typing import Any, ClassVar

from baryon import npx
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.nn.activations import Activation, optional_activation
from baryon.gluon.nn.layouts import Sizes, channels_first, sizes
from baryon.gluon.parameter import Parameter
from baryon.ir import UnsupportedError


class _Deformable(HybridBlock):
    """What both have in common. planes: numbers that the offset convolution gives a tap."""

    planes: ClassVar[int]
    act: Activation | None

    def __init__(
        self, channels: int, kernel_size: Sizes = (1, 1), strides: Sizes = (1, 1),
        padding: Sizes = (0, 0), dilation: Sizes = (1, 1), groups: int = 1,
        num_deformable_group: int = 1, layout: str = "NCHW", use_bias: bool = True,
        in_channels: int = 0, activation: str | None = None, weight_initializer: Any = None,
        bias_initializer: Any = "zeros", offset_weight_initializer: Any = "zeros",
        offset_bias_initializer: Any = "zeros", offset_use_bias: bool = True,
        op_name: str | None = None, adj: Sizes | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if adj is not None:
            raise UnsupportedError(f"{type(self).__name__}: adj is not supported")
        self._kernel, self._groups = sizes(kernel_size, 2, "kernel_size"), groups
        self._taps = num_deformable_group * self._kernel[0] * self._kernel[1]
        self._deformable_groups = num_deformable_group
        self._options: dict[str, Any] = {
            "kernel": self._kernel, "stride": sizes(strides, 2, "strides"),
            "dilate": sizes(dilation, 2, "dilation"), "pad": sizes(padding, 2, "padding"),
            "num_group": groups, "layout": channels_first(layout, 2, type(self).__name__),
        }  # fmt: skip
        self._weights("offset", self.planes * self._taps, in_channels, offset_use_bias,
                      offset_weight_initializer, offset_bias_initializer)  # fmt: skip
        self._weights("deformable_conv", channels, in_channels, use_bias, weight_initializer,
                      bias_initializer)  # fmt: skip
        self.act = optional_activation(activation)

    def _weights(
        self, name: str, channels: int, in_channels: int, use_bias: bool, weight: Any, bias: Any
    ) -> None:
        shape = (channels, in_channels // self._groups, *self._kernel)
        setattr(self, f"{name}_weight",
                Parameter(f"{name}_weight", shape=shape, init=weight, allow_deferred_init=True)
                )  # fmt: skip
        setattr(self, f"{name}_bias",
                Parameter(f"{name}_bias", shape=(channels,), init=bias, allow_deferred_init=True)
                if use_bias else None)  # fmt: skip

    def _convolution(self, name: str) -> dict[str, Any]:
        """The arguments that a convolution takes after its data."""
        weight = self._reg_params[f"{name}_weight"].data()
        bias = self._reg_params.get(f"{name}_bias")
        return {
            "weight": weight, "bias": None if bias is None else bias.data(),
            "no_bias": bias is None, "num_filter": weight.shape[0], **self._options,
        }  # fmt: skip

    def infer_shape(self, x: Any, *args: Any) -> None:
        """in_channels from the input."""
        for name in ("offset_weight", "deformable_conv_weight"):
            parameter = self._reg_params[name]
            channels = (parameter.shape or ())[0]
            parameter.shape = (channels, x.shape[1] // self._groups, *self._kernel)

    def _deformed(self, x: Any, offset: Any) -> Any:
        raise NotImplementedError

    def forward(self, x: Any) -> Any:
        """(N, in_channels, H, W) to (N, channels, H, W)."""
        out = self._deformed(x, npx.convolution(x, **self._convolution("offset")))
        return out if self.act is None else self.act(out)

    def __repr__(self) -> str:
        channels, inputs = (self._reg_params["deformable_conv_weight"].shape or ())[:2]
        stride = self._options["stride"]
        return (
            f"{type(self).__name__}({inputs} -> {channels}, kernel_size={self._kernel}, "
            f"stride={stride})"
        )


class DeformableConvolution(_Deformable):
    """A convolution whose kernel taps are moved by offsets, which another convolution computes.

    num_deformable_group: groups of channels that have offsets of their own.
    """

    planes = 2

    def _deformed(self, x: Any, offset: Any) -> Any:
        return npx.deformable_convolution(
            x, offset, num_deformable_group=self._deformable_groups,
            **self._convolution("deformable_conv"),
        )  # fmt: skip


class ModulatedDeformableConvolution(_Deformable):
    """`DeformableConvolution` whose taps are weighted too (by 2 * sigmoid of computed numbers)."""

    planes = 3

    def _deformed(self, x: Any, offset: Any) -> Any:
        moved, weighted = offset[:, : 2 * self._taps], offset[:, 2 * self._taps :]
        return npx.modulated_deformable_convolution(
            x, moved, npx.sigmoid(weighted) * 2, num_deformable_group=self._deformable_groups,
            **self._convolution("deformable_conv"),
        )  # fmt: skip
