"""baryon: the artifact is compiled before, by the command line; here only the runtime is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import baryon.runtime


def load(
    model: str, threads: int
) -> tuple[list[tuple[str, list[int], str]], Callable[[Sequence[Any]], list[Any]]]:
    """See the package."""
    network = baryon.runtime.load(model, threads=threads)
    inputs = [
        (p.name, [d if isinstance(d, int) else 1 for d in p.shape], str(p.dtype))
        for p in network.inputs
    ]
    return inputs, lambda arrays: list(network(*arrays))
