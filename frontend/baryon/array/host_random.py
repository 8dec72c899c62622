"""NumPy generators for code that runs on the host, such as samplers and image augmentation.

They follow `mx.random.seed`, as everything random does.
"""

from __future__ import annotations

import numpy as np

from baryon.array import random


def host_generator() -> np.random.Generator:
    """A new generator, whose seed is the next number of the global one."""
    return np.random.default_rng(draw_seed())


def draw_seed() -> int:
    """A seed of 96 random bits from the global generator."""
    parts = (random.uniform((4,), "float32").asnumpy() * 2**24).astype(np.uint32)
    return int.from_bytes(parts.tobytes(), "little")
