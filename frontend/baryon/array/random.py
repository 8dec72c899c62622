"""The random numbers from which every sampler is made, and the generator behind them.

The generator hands out keys; `ir.random_uniform` turns a key into any number of elements. In a
trace the graph has one key as an input, and every draw is a stream of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from baryon.array.base import recorder
from baryon.array.calls import calls, wrap
from baryon.ir import f32
from baryon.ops.random import GAMMA, mixed

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray

_MASK = (1 << 64) - 1


class Generator:
    """A sequence of keys that a seed determines (SplitMix64). Threads may share it."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start the sequence over."""
        with self._lock:
            self._state = mixed((int(seed) ^ GAMMA) & _MASK)

    def next(self) -> int:
        """The next key, a 64-bit number."""
        with self._lock:
            self._state = (self._state + GAMMA) & _MASK
            return mixed(self._state)


_GENERATOR = Generator(int.from_bytes(os.urandom(8), "little"))


def seed(seed: int) -> None:
    """Make the random numbers that follow repeat: those of arrays, layers and initializers."""
    _GENERATOR.seed(seed)


def next_key() -> ndarray:
    """The next key of the generator: a u64 number."""
    return wrap(np.asarray(_GENERATOR.next(), np.uint64))


def uniform(shape: Sequence[Any], dtype: Any = f32) -> ndarray:
    """Elements drawn evenly from [0, 1), at once or, in a trace, on each run of the graph."""
    active = recorder()
    key, stream = (next_key(), 0) if active is None else active.draw()
    drawn: Any = calls.ir.random_uniform(key, shape=tuple(shape), dtype=dtype, stream=stream)
    return drawn  # type: ignore[no-any-return]
