"""Probabilities and logits, and functions that several distributions need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.ir import IRTypeError

EULER = 0.5772156649015329
LOG_2PI = math.log(2 * math.pi)

digamma, erf, erfinv, gammaln = npx.digamma, npx.erf, npx.erfinv, npx.gammaln


def prob2logit(prob: Any, binary: bool = True) -> Any:
    """Log odds of probabilities, or log-probabilities if not `binary`; kept finite."""
    p = np.clip(prob, 1e-7, 1 - 1e-7)  # float32 has no number between 1 - 1e-7 and 1
    return np.log(p) - np.log1p(-p) if binary else np.log(p)


def logit2prob(logit: Any, binary: bool = True) -> Any:
    """Probabilities of log odds, or of unnormalized log-probabilities if not `binary`."""
    return npx.sigmoid(logit) if binary else npx.softmax(logit, axis=-1)


def xlogy(x: Any, y: Any) -> Any:
    """x * log(y), and 0 where x is 0."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, x * np.log(np.where(zero, 1.0, y)))


def log_binomial(n: Any, k: Any) -> Any:
    """The logarithm of n over k."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def log_beta(a: Any, b: Any) -> Any:
    """The logarithm of the beta function."""
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def summed(x: Any, axes: int) -> Any:
    """The sum over the last `axes` axes."""
    return np.sum(x, tuple(range(-axes, 0))) if axes else x


def broadcast_shape(*shapes: Sequence[Any]) -> tuple[Any, ...]:
    """The shape to which all broadcast; sizes may be symbols."""
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    return tuple(_common(sizes) for sizes in zip(*padded, strict=True))


def _common(sizes: Sequence[Any]) -> Any:
    wide = list(dict.fromkeys(s for s in sizes if s != 1))
    if len(wide) > 1:
        raise IRTypeError(f"parameters of sizes {wide} do not broadcast")
    return wide[0] if wide else 1


def as_size(size: Any) -> tuple[Any, ...]:
    """`size` as a shape: None is ()."""
    if size is None:
        return ()
    return tuple(size) if isinstance(size, tuple | list) else (size,)


def last_size(x: ndarray) -> int:
    """The size of the last axis; IRTypeError if it is a symbol."""
    size = x.shape[-1]
    if not isinstance(size, int):
        raise IRTypeError(f"the last axis of {x.type} belongs to the event: fix its size")
    return size


def take_one_hot(x: ndarray, index: Any, depth: int) -> Any:
    """The elements of the last axis at `index`; differentiable."""
    return np.sum(npx.one_hot(index, depth=depth) * x, -1)
