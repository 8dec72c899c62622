"""Seeds of batches: what a batch draws does not depend on the worker that makes it."""

from __future__ import annotations

import random

import numpy as np

import baryon.array.random
from baryon.array.host_random import draw_seed


def epoch_seed() -> int:
    """A seed for one pass over the data, from the global generator (`mx.random.seed`)."""
    return draw_seed()


def seed_batch(epoch: int, batch: int) -> None:
    """Seed the generators of baryon, NumPy and Python for one batch of an epoch."""
    words = np.random.SeedSequence([epoch, batch]).generate_state(4)
    seed = int(words[0]) << 32 | int(words[1])
    baryon.array.random.seed(seed)
    np.random.seed(words[2:])
    random.seed(seed)
