"""Cases that compare results and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


def randn(seed: int, *shape: int) -> Any:
    """Normal float32 numbers."""
    return np.random.RandomState(seed).randn(*shape).astype("float32")


def listed(result: Any) -> list[Any]:
    """The arrays of a result: one, or a list of them (of a type of MXNet's own)."""
    if hasattr(result, "asnumpy"):
        return [result]
    return [result[i] for i in range(len(result))]


@dataclass(frozen=True)
class Call:
    """A case of the results of `f(mx, *arrays)` and, if graded, the gradients for its float32
    arrays. The gradient that comes in differs from element to element.
    """

    f: Callable[..., Any]
    inputs: tuple[Any, ...]
    graded: bool
    training: bool = True

    def arrays(self, mx: Any) -> list[Any]:
        """The inputs as arrays of a module."""
        return [mx.np.array(x, dtype=x.dtype) for x in self.inputs]

    def __call__(self, mx: Any) -> Sequence[Any]:
        """The results and the gradients."""
        return self.run(mx, lambda *arrays: self.f(mx, *arrays))

    def run(self, mx: Any, f: Callable[..., Any]) -> Sequence[Any]:
        """The same of another function in the place of `f`."""
        arrays = self.arrays(mx)
        if not self.graded:
            return listed(f(*arrays))
        followed = [x for x in arrays if x.dtype == np.float32]
        for x in followed:
            x.attach_grad()
        with mx.autograd.record(train_mode=self.training):
            results = listed(f(*arrays))
            loss = sum((y * weights(mx, y)).sum() for y in results)
        loss.backward()
        return [*results, *(x.grad for x in followed)]


def plain(f: Callable[..., Any], *inputs: Any) -> Call:
    """A case of the results of `f(mx, *arrays)`."""
    return Call(f, inputs, graded=False)


def graded(f: Callable[..., Any], *inputs: Any, training: bool = True) -> Call:
    """A case of the results of `f(mx, *arrays)`, then the gradients for its float32 arrays."""
    return Call(f, inputs, graded=True, training=training)


def weights(mx: Any, y: Any) -> Any:
    """Numbers in the shape of an array, none like its neighbour."""
    count = int(np.prod(y.shape))
    return mx.np.array(np.cos(np.arange(count)).astype("float32").reshape(y.shape))
