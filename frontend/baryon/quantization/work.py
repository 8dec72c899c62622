"""The way from a float network to a quantized one, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from baryon.ir import Array
from baryon.passes import PREPARE, run_pipeline
from baryon.passes.quantize import QuantizationPlan, Site, insert, sites
from baryon.passes.quantize.plan import Mode
from baryon.quantization import ranges as threshold
from baryon.quantization.batches import Feed
from baryon.quantization.block import QuantizedBlock
from baryon.quantization.collect import (
    CalibrationCollector,
    Statistics,
    Watched,
    collect,
    custom_ranges,
)
from baryon.quantization.describe import Facts, described
from baryon.quantization.dynamic import is_dynamic, with_run_time_ranges
from baryon.quantization.errors import measure
from baryon.quantization.evaluate import Evaluation, Metric
from baryon.quantization.exclude import excluded
from baryon.quantization.planning import activations_of, weights_of
from baryon.quantization.ranges import THRESHOLDS, Range, Threshold, range_of
from baryon.quantization.report import CalibrationReport, SearchReport
from baryon.quantization.running import copied, values_by_name
from baryon.quantization.search import Search
from baryon.quantization.settings import Settings
from baryon.quantization.simulate import Simulator
from baryon.quantization.source import Source

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is done (0: unknown)."""

_HEAD = 8
"""Samples that errors are measured on."""

_NOT_DYNAMIC = "only contractions with a constant weight are quantized without calibration"


@dataclass(frozen=True)
class Wanted:
    """What a search shall reach."""

    metric: Metric
    data: Any
    max_drop: float


@dataclass
class Work:
    """One network on its way. collector: for calib_mode="custom"."""

    settings: Settings
    source: Source
    tell: Progress
    collector: CalibrationCollector | None = None
    measure_errors: bool = True

    def __post_init__(self) -> None:
        self.module = copied(self.source.module)
        run_pipeline(self.module, PREPARE)
        self.notes: list[str] = []

    def without_calibration(self) -> QuantizedBlock:
        """Ranges are measured in each run."""
        found = sites(self.module)
        keep = excluded(found, self.settings)
        weights = weights_of(self.module, found, self.settings.quantize_granularity)
        module = with_run_time_ranges(self.module, weights, keep)
        others = {s.name: _NOT_DYNAMIC for s in found if not is_dynamic(s)}
        plan = QuantizationPlan({}, weights, {**others, **keep})
        facts = Facts(self.source.name, self.settings, self.module, plan, found)
        return QuantizedBlock(module, self.source, described(facts))

    def calibrated(self, feed: Feed, wanted: Wanted | None) -> QuantizedBlock:
        """Ranges are taken from data."""
        batches = iter(feed)
        first = next(batches)
        head = [x[:_HEAD] if x.ndim and x.shape[0] == len(first[0]) else x for x in first]
        found = sites(self.module)
        keep = excluded(found, self.settings)
        started = time.perf_counter()
        statistics = self._statistics(found, chain([first], batches), feed)
        calibration = CalibrationReport(
            self.settings.calib_mode, feed.batches, feed.samples, time.perf_counter() - started,
            statistics.bytes,
        )  # fmt: skip
        plan = self._plan(found, keep, statistics)
        plan, search = self._searched(plan, found, statistics, wanted)
        self.tell("insert", 0, 0)
        module = insert(self.module, plan)
        few = [self._fixed(head, first)] if self.measure_errors else []
        errors = measure(self.module, plan, few) if few else None
        facts = Facts(
            self.source.name, self.settings, self.module, plan, found, statistics, calibration,
            search, errors, tuple(self.notes),
        )  # fmt: skip
        return QuantizedBlock(module, self.source, described(facts))

    def _fixed(self, head: list[Array], first: list[Array]) -> list[Array]:
        """Few samples, or the whole batch where its size is fixed."""
        dims = [v.type.shape[0] for v in self.module.main.inputs if v.type.rank]
        return first if any(isinstance(d, int) for d in dims) else head

    def _statistics(
        self, found: Sequence[Site], batches: Iterable[list[Array]], feed: Feed
    ) -> Statistics:
        values = values_by_name(self.module)
        names = dict.fromkeys(n for s in found for n in (*s.inputs, *s.outputs))
        watched = []
        for name in names:
            op = values[name].op
            watched.append(Watched(name, op.name if op is not None else ""))
        return collect(self.module, watched, self._counted(batches, feed), self.collector)

    def _counted(self, batches: Iterable[list[Array]], feed: Feed) -> Iterator[list[Array]]:
        for batch in batches:
            self.tell("calibrate", feed.batches, feed.limit or 0)
            yield batch

    def _plan(
        self, found: Sequence[Site], keep: Mapping[str, str], statistics: Statistics
    ) -> QuantizationPlan:
        dtype, granularity = self.settings.quantized_dtype, self.settings.quantize_granularity
        activations = activations_of(self._ranges(found, statistics), dtype)
        weights = weights_of(self.module, found, granularity)
        mode: Mode = "smart" if self.settings.quantize_mode == "smart" else "full"
        return QuantizationPlan(activations, weights, keep, mode)

    def _ranges(self, found: Sequence[Site], statistics: Statistics) -> dict[str, Range]:
        """The ranges of what sites read."""
        names = dict.fromkeys(n for s in found for n in s.inputs)
        if self.collector is not None:
            given = custom_ranges(self.collector)
            return {n: Range(*given[n]) for n in names if n in given}
        modes = self._thresholds()
        return {n: range_of(statistics.seen[n], modes[self.settings.calib_mode]) for n in names}

    def _thresholds(self) -> dict[str, Threshold]:
        share = partial(threshold.percentile, share=self.settings.percentile)
        return {**THRESHOLDS, "percentile": share}

    def _searched(
        self, plan: QuantizationPlan, found: Sequence[Site], statistics: Statistics,
        wanted: Wanted | None,
    ) -> tuple[QuantizationPlan, SearchReport | None]:  # fmt: skip
        if wanted is None:
            return plan, None
        evaluation = Evaluation.of(wanted.metric, wanted.data, self.module)
        batch = max(len(x[0]) for x, _ in evaluation.batches)
        simulator = Simulator(self.module, plan, batch)
        alternatives = {
            name: {
                mode: activations_of(
                    {name: range_of(statistics.seen[name], rule)}, self.settings.quantized_dtype
                )[name]
                for mode, rule in self._thresholds().items()
            }
            for name in plan.activations
        }
        search = Search(
            simulator, found, evaluation, wanted.max_drop, alternatives,
            lambda text: self.tell(text, 0, 0),
        )  # fmt: skip
        best, report = search.run(plan)
        self.notes += search.notes
        return best, report
