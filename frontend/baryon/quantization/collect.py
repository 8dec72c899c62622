"""Calibration: the float network is run on batches, and what its values look like is kept.

The network is compiled with the values of interest as further outputs. Of each batch only
statistics remain, so the number of batches does not matter to memory: a run takes that of one
batch's values, and a histogram takes `Seen.counts`.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from baryon.array import wrap
from baryon.ir import Array, Module
from baryon.quantization.ranges import CalibrationError, Seen
from baryon.quantization.running import Runner, runner, with_outputs


class CalibrationCollector(abc.ABC):
    """Sees the values of a network and says which ranges they have; derive from it for "custom".

    include_layers: names of the values to be collected. None before calibration becomes the list of
        all that matter.
    min_max_dict: the ranges (low, high) by name, which are read after `post_collect`.
    """

    def __init__(self) -> None:
        self.include_layers: Iterable[str] | None = None
        self.min_max_dict: dict[str, tuple[float, float]] = {}

    @abc.abstractmethod
    def collect(self, name: str, op_name: str, arr: Any) -> None:
        """Take in a value of one batch: its name, the type of its op ("" for inputs), and it."""

    def post_collect(self) -> dict[str, tuple[float, float]]:
        """Called after the last batch; returns the ranges."""
        return self.min_max_dict


@dataclass(frozen=True)
class Watched:
    """A value whose statistics are wanted. channels: an axis to keep statistics along, or None."""

    name: str
    op: str
    channels: int | None = None


@dataclass
class Channels:
    """What was seen of a value, channel by channel: largest absolute values, and sums."""

    reach: Array | None = None
    total: Array | None = None
    elements: int = 0

    def add(self, array: Array, axis: int) -> None:
        """Take in a batch."""
        rows = np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])
        reach, total = np.abs(rows).max(axis=0), rows.sum(axis=0, dtype=np.float64)
        self.reach = reach if self.reach is None else np.maximum(self.reach, reach)
        self.total = total if self.total is None else self.total + total
        self.elements += len(rows)

    @property
    def mean(self) -> Array:
        """The mean of each channel."""
        assert self.total is not None
        return np.asarray(self.total, np.float64) / self.elements


@dataclass
class Statistics:
    """What was seen of the watched values, by name."""

    seen: dict[str, Seen] = field(default_factory=dict)
    channels: dict[str, Channels] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What it all takes in memory."""
        return sum(s.counts.nbytes for s in self.seen.values())


class Calibrator:
    """Runs a float module over batches and takes in what it sees.

    collector: sees the values too, as arrays of `mx.np`.
    """

    def __init__(
        self,
        module: Module,
        watched: Sequence[Watched],
        collector: CalibrationCollector | None = None,
    ) -> None:
        self.module, self.watched, self.collector = module, watched, collector
        self.found = Statistics({w.name: Seen(w.name) for w in watched})
        self.found.channels.update((w.name, Channels()) for w in watched if w.channels is not None)
        self._run: Runner | None = None
        self._room = 0

    def add(self, batch: list[Array]) -> None:
        """Take in a batch."""
        values = self._runner(batch)(batch)[len(self.module.main.outputs) :]
        for what, value in zip(self.watched, values, strict=True):
            _take(self.found, what, value)
            _show(self.collector, what, value)

    def _runner(self, batch: list[Array]) -> Runner:
        """What runs the module, compiled again for batches larger than all before."""
        size = max([len(x) for x in batch if x.ndim], default=1)
        if self._run is None or size > self._room:
            names = [w.name for w in self.watched]
            self._run, self._room = runner(with_outputs(self.module, names), size), size
        return self._run


def collect(
    module: Module, watched: Sequence[Watched], batches: Iterable[list[Array]]
) -> Statistics:
    """What a float module's values look like on batches."""
    calibrator = Calibrator(module, watched)
    for batch in batches:
        calibrator.add(batch)
    return calibrator.found


def _take(found: Statistics, what: Watched, value: Array) -> None:
    found.seen[what.name].add(value)
    if what.channels is not None:
        found.channels[what.name].add(value, what.channels)


def _show(collector: CalibrationCollector | None, what: Watched, value: Array) -> None:
    if collector is None:
        return
    wanted = collector.include_layers
    if wanted is None or what.name in wanted:
        collector.collect(what.name, what.op, wrap(value.copy()))


def custom_ranges(collector: CalibrationCollector) -> Mapping[str, tuple[float, float]]:
    """The ranges of a collector that has seen everything. CalibrationError for what is none."""
    result = collector.post_collect()
    ranges = result if isinstance(result, Mapping) else collector.min_max_dict
    for name, range in ranges.items():
        low, high = (float(x) for x in range)
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise CalibrationError(
                f"{type(collector).__name__} gives {name} the range ({low}, {high})"
            )
    return {name: (float(low), float(high)) for name, (low, high) in ranges.items()}
