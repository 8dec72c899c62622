"""What the networks should answer: our interpreter in float64, which is slow and so kept in files.

Samples do not depend on each other, so the reference of a batch is that of the network at batch 1,
for its first and its last sample. A network in INT8 answers what its file means, with all its
roundings; how far that is from the float network is the unit of its errors. Engines that round
other sums of floats differ from it too, but by less.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
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

LEAST_NOISE = 1e-4
"""Of an output: what a network in INT8 is taken to differ from the float one at least."""


@dataclass(frozen=True)
class Reference:
    """Outputs for some samples of a batch; samples None: for the batch as it is.

    noise: for each output of a network in INT8, the root mean square of what it differs from the
    float network by.
    """

    outputs: Arrays
    samples: tuple[int, ...] | None
    noise: Sequence[float] | None = None

    def error(self, outputs: Arrays) -> float:
        """Over all outputs the largest absolute difference, over the largest number of each. In
        INT8 the root mean square of differences, over the noise.

        Infinite for other shapes and for what is not a number.
        """
        chosen = [o if self.samples is None else o[list(self.samples)] for o in outputs]
        if [a.shape for a in chosen] != [r.shape for r in self.outputs]:
            return float("inf")
        errors = [_difference(a, r) for a, r in zip(chosen, self.outputs, strict=True)]
        if self.noise is not None:
            pairs = zip(chosen, self.outputs, self.noise, strict=True)
            errors = [_rms(a - r) / noise for a, r, noise in pairs]
        worst = max(errors, default=0.0)
        return worst if np.isfinite(worst) else float("inf")


def rounded(outputs: Arrays, real: Arrays, samples: tuple[int, ...] | None) -> Reference:
    """The reference of a network in INT8, from what its file means and the float network's
    answers."""
    pairs = zip(outputs, real, strict=True)
    noise = [
        max(_rms(o - r), LEAST_NOISE * _rms(r), float(np.finfo(np.float32).tiny)) for o, r in pairs
    ]
    return Reference(outputs, samples, noise)


def _rms(array: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


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
        real = [np.concatenate(o) for o in zip(*parts, strict=True)]
        if case.real is None:
            return Reference(real, samples)
        whole = _kept(case.model.stem, lambda: _compute(case, case.feeds()))
    except UnsupportedError:
        return None
    return rounded([o[list(samples)] for o in whole], real, samples)


def _sample(name: str, number: int) -> Arrays:
    """The outputs for one sample of a network of the panel."""
    case = panel_case(name, 1)
    return _kept(
        f"{case.model.stem}-sample{number}",
        lambda: _compute(case, feeds(case.ports, case.integers, [number])),
    )


def _kept(name: str, compute: Callable[[], Arrays]) -> Arrays:
    """Arrays from the file of that name; computed if it is not there."""
    path = cache_folder() / f"{name}.npz"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(temporary, *compute())
        temporary.replace(path)
    with np.load(path) as archive:
        return [archive[key] for key in archive.files]


def _compute(case: Case, given: dict[str, NDArray[Any]]) -> Arrays:
    module = to_module(case.model)
    return interp.run(module, [given[port.name] for port in case.ports], precise=True)
