"""Cases that compare results and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from oracle.cases import Case


def randn(seed: int, *shape: int) -> Any:
    """Normal float32 numbers."""
    return np.random.RandomState(seed).randn(*shape).astype("float32")


def listed(result: Any) -> list[Any]:
    """The arrays of a result: one, or a list of them (of a type of MXNet's own)."""
    if hasattr(result, "asnumpy"):
        return [result]
    return [result[i] for i in range(len(result))]


def plain(f: Callable[..., Any], *inputs: Any) -> Case:
    """A case of the results of `f(mx, *arrays)`."""

    def case(mx: Any) -> Sequence[Any]:
        return listed(f(mx, *(mx.np.array(x, dtype=x.dtype) for x in inputs)))

    return case


def graded(f: Callable[..., Any], *inputs: Any, training: bool = True) -> Case:
    """A case of the results of `f(mx, *arrays)`, then the gradients for its float32 arrays.

    The gradient that comes in differs from element to element.
    """

    def case(mx: Any) -> Sequence[Any]:
        arrays = [mx.np.array(x, dtype=x.dtype) for x in inputs]
        followed = [x for x in arrays if x.dtype == np.float32]
        for x in followed:
            x.attach_grad()
        with mx.autograd.record(train_mode=training):
            results = listed(f(mx, *arrays))
            loss = sum((y * weights(mx, y)).sum() for y in results)
        loss.backward()
        return [*results, *(x.grad for x in followed)]

    return case


def weights(mx: Any, y: Any) -> Any:
    """Numbers in the shape of an array, none like its neighbour."""
    count = int(np.prod(y.shape))
    return mx.np.array(np.cos(np.arange(count)).astype("float32").reshape(y.shape))
