"""Activations as layers."""

from __future__ import annotations

from typing import Any

from baryon import initializer, npx
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.parameter import Parameter


class Activation(HybridBlock):
    """relu, sigmoid, log_sigmoid, mish, tanh, softrelu or softsign, by name."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self._act_type = activation

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return npx.activation(x, act_type=self._act_type)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._act_type})"


def optional_activation(name: str | None) -> Activation | None:
    """The activation of a layer, if it has one."""
    return None if name is None else Activation(name)


class LeakyReLU(HybridBlock):
    """x, or alpha * x where x is negative; alpha >= 0."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        if alpha < 0:
            raise ValueError(f"alpha is {alpha}, but must not be negative")
        self._alpha = alpha

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return npx.leaky_relu(x, act_type="leaky", slope=self._alpha)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._alpha})"


class PReLU(HybridBlock):
    """LeakyReLU with a learned alpha: one, or one for each of `in_channels` channels (axis 1)."""

    def __init__(self, alpha_initializer: Any = None, in_channels: int = 1) -> None:
        super().__init__()
        init = initializer.Constant(0.25) if alpha_initializer is None else alpha_initializer
        self.alpha = Parameter("alpha", shape=(in_channels,), init=init)

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return npx.leaky_relu(x, gamma=self.alpha.data(), act_type="prelu")


class ELU(HybridBlock):
    """x, or alpha * (exp(x) - 1) where x is negative."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self._alpha = alpha

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return npx.leaky_relu(x, act_type="elu", slope=self._alpha)


class SELU(HybridBlock):
    """The self-normalizing ELU."""

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return npx.leaky_relu(x, act_type="selu")


class GELU(HybridBlock):
    """x times the normal distribution function of x: exact ("erf") or by "tanh"."""

    def __init__(self, approximation: str = "erf") -> None:
        super().__init__()
        if approximation not in ("erf", "tanh"):
            raise ValueError(f"approximation is {approximation!r}, expected 'erf' or 'tanh'")
        self._act_type = f"gelu_{approximation}"

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return npx.leaky_relu(x, act_type=self._act_type)


class Swish(HybridBlock):
    """x * sigmoid(beta * x)."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self._beta = beta

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return x * npx.sigmoid(self._beta * x)


class SiLU(HybridBlock):
    """x * sigmoid(x)."""

    def forward(self, x: Any) -> Any:
        """The activation of each element."""
        return x * npx.sigmoid(x)
