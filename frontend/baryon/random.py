"""`mx.random`: the seed of everything random."""

from __future__ import annotations

from typing import Any

from baryon.array import random as _random


def seed(seed_state: int, device: Any = "all") -> None:
    """Make the random numbers that follow repeat: of arrays, layers, initializers and data.

    seed_state: any whole number. device: accepted for MXNet's sake; there is one.
    """
    _random.seed(seed_state)
