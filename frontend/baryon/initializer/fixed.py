"""Initializers that draw nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.initializer.base import InitDesc, InitError, Initializer, elements


class Zero(Initializer):
    """Zeros."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = 0


class One(Initializer):
    """Ones."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = 1


class Constant(Initializer):
    """One value: a number, or an array that broadcasts to the parameter."""

    def __init__(self, value: Any) -> None:
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = elements(self.value)


class Bilinear(Initializer):
    """The weights of a deconvolution that upsamples bilinearly: (O, I, height, width)."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        if len(arr.shape) != 4:
            raise InitError(f"{str(desc)!r} has the shape {arr.shape}: Bilinear needs 4 axes")
        height, width = arr.shape[2:]
        # both axes are scaled by the width, as MXNet does: kernels are square
        tent = [_tent(np.arange(n), np.ceil(width / 2)) for n in (height, width)]
        arr[...] = np.broadcast_to(np.outer(*tent), arr.shape).astype(np.float32)


def _tent(x: Any, factor: float) -> Any:
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    return 1 - np.abs(x / factor - centre)


class LSTMBias(Initializer):
    """Zeros, but `forget_bias` for the second of an LSTM's four gates."""

    def __init__(self, forget_bias: float = 1.0) -> None:
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        hidden = arr.shape[0] // 4
        arr[...] = 0
        arr[hidden : 2 * hidden] = self.forget_bias
