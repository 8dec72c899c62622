"""NumPy generators for code that runs on the host, such as samplers and image augmentation.

They follow `mx.random.seed`, as everything random does.
"""

from __future__ import annotations

import numpy as np

from baryon.array.random import next_key


def draw_seed() -> int:
    """The next key of the global generator: a 64-bit number."""
    return int(next_key().asnumpy()[()])


def host_generator() -> np.random.Generator:
    """A new generator, whose seed is the next key of the global one."""
    return np.random.default_rng(draw_seed())
