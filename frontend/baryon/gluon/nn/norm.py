"""Normalization layers."""

from __future__ import annotations

from typing import Any

import numpy

from baryon import npx
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.parameter import Parameter


class _Norm(HybridBlock):
    """gamma (scale) and beta (center) for each channel; without them they stay as initialized.

    shown: what `repr` prints before the number of channels.
    """

    def __init__(
        self, axis: int, center: bool, scale: bool, beta: Any, gamma: Any, channels: int,
        shown: dict[str, Any],
    ) -> None:  # fmt: skip
        super().__init__()
        self._axis, self._shown = axis, shown
        self.gamma = _channelwise("gamma", gamma, channels, trainable=scale)
        self.beta = _channelwise("beta", beta, channels, trainable=center)

    def infer_shape(self, x: Any, *args: Any) -> None:
        """The number of channels from the input."""
        for parameter in self._reg_params.values():
            parameter.shape = (x.shape[self._axis],)

    def __repr__(self) -> str:
        shown = {**self._shown, "in_channels": (self.gamma.shape or (-1,))[0]}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


def _channelwise(
    name: str, init: Any, channels: int, *, trainable: bool, differentiable: bool = True
) -> Parameter:
    return Parameter(
        name, grad_req="write" if trainable else "null", shape=(channels,), init=init,
        allow_deferred_init=True, differentiable=differentiable,
    )  # fmt: skip


class BatchNorm(_Norm):
    """Normalization of each channel over the batch and all other axes.

    In training by the batch's mean and variance, of which `running_mean` and `running_var` keep
    averages (weight `momentum` for the old value); these are used in prediction, and always with
    `use_global_stats`. scale, center: learn gamma and beta.
    """

    def __init__(
        self, axis: int = 1, momentum: float = 0.9, epsilon: float = 1e-5, center: bool = True,
        scale: bool = True, use_global_stats: bool = False, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", running_mean_initializer: Any = "zeros",
        running_variance_initializer: Any = "ones", in_channels: int = 0,
    ) -> None:  # fmt: skip
        self._options: dict[str, Any] = {
            "axis": axis, "eps": epsilon, "momentum": momentum, "fix_gamma": not scale,
            "use_global_stats": use_global_stats,
        }  # fmt: skip
        super().__init__(
            axis, center, scale, beta_initializer, gamma_initializer, in_channels, self._options
        )
        self.running_mean = _channelwise(
            "running_mean", running_mean_initializer, in_channels, trainable=False,
            differentiable=False,
        )  # fmt: skip
        self.running_var = _channelwise(
            "running_var", running_variance_initializer, in_channels, trainable=False,
            differentiable=False,
        )  # fmt: skip

    def cast(self, dtype: Any) -> None:
        """Convert the parameters, but not to float16, which cannot hold statistics."""
        super().cast("float32" if numpy.dtype(dtype) == numpy.float16 else dtype)

    def forward(self, x: Any) -> Any:
        """The normalized input."""
        return npx.batch_norm(
            x, self.gamma.data(), self.beta.data(), self.running_mean.data(),
            self.running_var.data(), **self._options,
        )  # fmt: skip


class SyncBatchNorm(BatchNorm):
    """BatchNorm: there is one device, so the batch is whole already."""

    def __init__(
        self, in_channels: int = 0, num_devices: int | None = None, momentum: float = 0.9,
        epsilon: float = 1e-5, center: bool = True, scale: bool = True,
        use_global_stats: bool = False, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", running_mean_initializer: Any = "zeros",
        running_variance_initializer: Any = "ones",
    ) -> None:  # fmt: skip
        super().__init__(
            1, momentum, epsilon, center, scale, use_global_stats, beta_initializer,
            gamma_initializer, running_mean_initializer, running_variance_initializer, in_channels,
        )  # fmt: skip


class InstanceNorm(_Norm):
    """Normalization of each channel of each sample over the other axes."""

    def __init__(
        self, axis: int = 1, epsilon: float = 1e-5, center: bool = True, scale: bool = False,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", in_channels: int = 0,
    ) -> None:  # fmt: skip
        self._eps = epsilon
        shown = {"eps": epsilon, "axis": axis, "center": center, "scale": scale}
        super().__init__(
            axis, center, scale, beta_initializer, gamma_initializer, in_channels, shown
        )

    def forward(self, x: Any) -> Any:
        """The normalized input."""
        moved = x if self._axis == 1 else x.swapaxes(1, self._axis)
        out = npx.instance_norm(moved, self.gamma.data(), self.beta.data(), eps=self._eps)
        return out if self._axis == 1 else out.swapaxes(1, self._axis)


class LayerNorm(_Norm):
    """Normalization of each sample along one axis."""

    def __init__(
        self, axis: int = -1, epsilon: float = 1e-5, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", in_channels: int = 0,
    ) -> None:  # fmt: skip
        self._eps = epsilon
        shown = {"eps": epsilon, "axis": axis, "center": center, "scale": scale}
        super().__init__(
            axis, center, scale, beta_initializer, gamma_initializer, in_channels, shown
        )

    def forward(self, x: Any) -> Any:
        """The normalized input."""
        return npx.layer_norm(
            x, self.gamma.data(), self.beta.data(), axis=self._axis, eps=self._eps
        )


class GroupNorm(_Norm):
    """Normalization of each sample's channels (axis 1) in `num_groups` groups."""

    def __init__(
        self, num_groups: int = 1, epsilon: float = 1e-5, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", in_channels: int = 0,
    ) -> None:  # fmt: skip
        self._eps, self._groups = epsilon, num_groups
        shown = {"eps": epsilon, "num_groups": num_groups, "center": center, "scale": scale}
        super().__init__(1, center, scale, beta_initializer, gamma_initializer, in_channels, shown)

    def forward(self, x: Any) -> Any:
        """The normalized input."""
        return npx.group_norm(
            x, self.gamma.data(), self.beta.data(), num_groups=self._groups, eps=self._eps
        )
