"""Random inputs for timing."""

from __future__ import annotations

import numpy as np

from baryon.ir import Array, BaryonError
from baryon.runtime import Executable, TensorSpec


def random_feeds(
    network: Executable, *, batch: int | None = None, seed: int = 0
) -> dict[str, Array]:
    """Normal numbers for floating-point inputs, zeros for the others, which may be indices.

    batch: the value of every symbolic dimension; None takes the smallest.
    Raises BaryonError for a batch that the network does not answer.
    """
    for name, (low, high) in network.symbols.items():
        if batch is not None and not low <= batch <= high:
            raise BaryonError(f"{name} is {low} to {high} in this file, not {batch}")
    if batch is not None and not network.symbols:
        raise BaryonError("the shapes of this file are fixed", hint="leave --batch out")
    sizes = {name: batch or low for name, (low, _) in network.symbols.items()}
    rng = np.random.default_rng(seed)
    return {spec.name: _array(rng, spec, sizes) for spec in network.inputs}


def _array(rng: np.random.Generator, spec: TensorSpec, sizes: dict[str, int]) -> Array:
    shape = tuple(d if isinstance(d, int) else _size(d, sizes) for d in spec.shape)
    if spec.dtype.kind in "iub":
        return np.zeros(shape, spec.dtype)
    return rng.standard_normal(shape).astype(spec.dtype)


def _size(dim: str, sizes: dict[str, int]) -> int:
    """The value of `N` or `4*N`."""
    factor, times, symbol = dim.rpartition("*")
    return (int(factor) if times else 1) * sizes[symbol]
