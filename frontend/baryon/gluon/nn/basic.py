"""Dense, dropout, embedding and flatten layers."""

from __future__ import annotations

import math
from typing import Any

from baryon import np, npx
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.nn.activations import Activation, optional_activation
from baryon.gluon.parameter import Parameter
from baryon.ir import UnsupportedError


class Dense(HybridBlock):
    """x times the transposed weight (units, in_units), plus a bias, then an activation.

    flatten: x is taken as (batch, all other elements); otherwise the last axis is transformed.
    in_units: 0 to take it from the first batch.
    """

    act: Activation | None

    def __init__(
        self, units: int, activation: str | None = None, use_bias: bool = True,
        flatten: bool = True, dtype: Any = "float32", weight_initializer: Any = None,
        bias_initializer: Any = "zeros", in_units: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self._units, self._flatten = units, flatten
        self.weight = Parameter(
            "weight", shape=(units, in_units), init=weight_initializer, dtype=dtype,
            allow_deferred_init=True,
        )  # fmt: skip
        self.bias = optional_bias(use_bias, units, bias_initializer, dtype)
        self.act = optional_activation(activation)

    def forward(self, x: Any) -> Any:
        """(batch, ...) to (batch, units), or (..., in_units) to (..., units)."""
        bias = None if self.bias is None else self.bias.data()
        out = npx.fully_connected(
            x, self.weight.data(), bias, num_hidden=self._units, no_bias=bias is None,
            flatten=self._flatten,
        )  # fmt: skip
        return out if self.act is None else self.act(out)

    def infer_shape(self, x: Any, *args: Any) -> None:
        """in_units from the input."""
        size = math.prod(x.shape[1:]) if self._flatten else x.shape[-1]
        self.weight.shape = (self._units, size)

    def __repr__(self) -> str:
        units, inputs = self.weight.shape or (self._units, -1)
        return f"{type(self).__name__}({inputs} -> {units}, {self.act or 'linear'})"


def optional_bias(use: bool, size: int, init: Any, dtype: Any = "float32") -> Parameter | None:
    """The bias of a layer, if it has one."""
    if not use:
        return None
    return Parameter("bias", shape=(size,), init=init, dtype=dtype, allow_deferred_init=True)


class Dropout(HybridBlock):
    """In training, sets elements to zero with probability `rate` and scales the others.

    axes: along which all elements share their fate.
    """

    def __init__(self, rate: float, axes: tuple[int, ...] = ()) -> None:
        super().__init__()
        self._rate, self._axes = rate, axes

    def forward(self, x: Any) -> Any:
        """The input with elements dropped."""
        if self._rate <= 0:
            return np.copy(x)
        return npx.dropout(x, p=self._rate, axes=self._axes or None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p = {self._rate}, axes={self._axes})"


class Embedding(HybridBlock):
    """Rows of a weight (input_dim, output_dim) at integer indices; too large ones clip."""

    def __init__(
        self, input_dim: int, output_dim: int, dtype: Any = "float32",
        weight_initializer: Any = None, sparse_grad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if sparse_grad:
            raise UnsupportedError("nn.Embedding: sparse_grad=True is not supported",
                                   hint="gradients are dense")  # fmt: skip
        self._sizes = input_dim, output_dim
        self.weight = Parameter(
            "weight", shape=self._sizes, init=weight_initializer, dtype=dtype,
            allow_deferred_init=True,
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        """Indices (...) to vectors (..., output_dim)."""
        return npx.embedding(
            x, self.weight.data(), input_dim=self._sizes[0], output_dim=self._sizes[1],
            dtype=self.weight.dtype,
        )  # fmt: skip

    def __repr__(self) -> str:
        shown = f"{self._sizes[0]} -> {self._sizes[1]}, {self.weight.dtype}"
        return f"{type(self).__name__}({shown})"


class Flatten(HybridBlock):
    """(batch, ...) to (batch, all other elements)."""

    def forward(self, x: Any) -> Any:
        """The flattened input."""
        return npx.batch_flatten(x)

    def __repr__(self) -> str:
        return type(self).__name__
