"""What the networks should answer: our interpreter in float64, which is slow and so kept in files.

Samples do not depend on each other, so the reference of a batch is that of the network at batch 1,
for its first and its last sample.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon import interp
from baryon.api import to_module
from baryon.ir import UnsupportedError
from benchmark.case import Case, panel_case
from benchmark.networks.feeds import feeds
from benchmark.networks.panel import cache_folder

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Reference:
    """Outputs for some samples of a batch; samples None: for the batch as it is."""

    outputs: Arrays
    samples: tuple[int, ...] | None

    def error(self, outputs: Arrays) -> float:
        """Over all outputs the largest absolute difference, over the largest number of each.

        Infinite for other shapes and for what is not a number.
        """
        chosen = [o if self.samples is None else o[list(self.samples)] for o in outputs]
        if [a.shape for a in chosen] != [r.shape for r in self.outputs]:
            return float("inf")
        pairs = zip(chosen, self.outputs, strict=True)
        worst = max((_difference(a, r) for a, r in pairs), default=0.0)
        return worst if np.isfinite(worst) else float("inf")


def _difference(array: NDArray[Any], reference: NDArray[Any]) -> float:
    scale = float(np.abs(reference).max(initial=0.0)) or 1.0
    return float(np.abs(array - reference).max(initial=0.0)) / scale


def reference(case: Case) -> Reference | None:
    """The reference of a case; None where the importer refuses the network."""
    try:
        if case.network is None:
            return Reference(_compute(case, case.feeds()), None)
        samples = tuple(sorted({0, case.batch - 1}))
        parts = [_sample(case.name, number) for number in samples]
    except UnsupportedError:
        return None
    return Reference([np.concatenate(o) for o in zip(*parts, strict=True)], samples)


def _sample(name: str, number: int) -> Arrays:
    """The outputs for one sample of a network of the panel, from a file if it is there."""
    case = panel_case(name, 1)
    path = cache_folder() / f"{case.model.stem}-sample{number}.npz"
    if not path.exists():
        outputs = _compute(case, feeds(case.ports, case.integers, [number]))
        temporary = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(temporary, *outputs)
        temporary.replace(path)
    with np.load(path) as archive:
        return [archive[key] for key in archive.files]


def _compute(case: Case, given: dict[str, NDArray[Any]]) -> Arrays:
    module = to_module(case.model)
    return interp.run(module, [given[port.name] for port in case.ports], precise=True)
