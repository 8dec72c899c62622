"""The way from a float network to a quantized one, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from baryon.codegen.code_costs import Seconds
from baryon.ir import Array, Module
from baryon.passes import PREPARE, run_pipeline
from baryon.passes.quantize import Params, QuantizationPlan, Site, insert, sites
from baryon.passes.quantize.plan import Mode
from baryon.passes.quantize.sites import sites_of
from baryon.quantization import ranges as threshold
from baryon.quantization.batches import Feed
from baryon.quantization.bias import channel_axis, corrected
from baryon.quantization.block import QuantizedBlock
from baryon.quantization.collect import (
    CalibrationCollector,
    Calibrator,
    Statistics,
    Watched,
    collect,
    custom_ranges,
)
from baryon.quantization.cost import seconds_of, slower
from baryon.quantization.describe import Facts, described
from baryon.quantization.dynamic import is_dynamic, with_run_time_ranges
from baryon.quantization.errors import measure
from baryon.quantization.evaluate import Evaluation, Metric
from baryon.quantization.exclude import excluded
from baryon.quantization.links import links
from baryon.quantization.planning import activations_of, params_of, weights_of
from baryon.quantization.ranges import THRESHOLDS, Range, Threshold, range_of
from baryon.quantization.report import CalibrationReport, SearchReport
from baryon.quantization.running import copied, values_by_name
from baryon.quantization.search import Search, Start
from baryon.quantization.settings import Settings
from baryon.quantization.smooth import STRENGTH, equalized, smoothed
from baryon.quantization.source import Source

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is done (0: unknown)."""

_HEAD = 8
"""Samples that errors are measured on."""

UNLIKE = "channels of unlike ranges were brought together in {names}"
_NOT_DYNAMIC = "only contractions with a constant weight are quantized without calibration"


@dataclass(frozen=True)
class Wanted:
    """What a search shall reach."""

    metric: Metric
    data: Any
    max_drop: float


@dataclass
class Variant:
    """A float module that computes what the network does, and what was seen of its values."""

    module: Module
    sites: Sequence[Site]
    calibrator: Calibrator
    notes: tuple[str, ...] = ()

    @property
    def statistics(self) -> Statistics:
        """What was seen."""
        return self.calibrator.found


@dataclass
class Work:
    """One network on its way. collector: for calib_mode="custom"."""

    settings: Settings
    source: Source
    tell: Progress
    collector: CalibrationCollector | None = None
    measure_errors: bool = True

    def __post_init__(self) -> None:
        self.module = prepared(self.source.module)
        self.seconds: dict[str, Seconds] = {}

    def without_calibration(self) -> QuantizedBlock:
        """Ranges are measured in each run."""
        found = sites(self.module)
        keep = self._keep(self.module, found)
        weights = weights_of(self.module, found, self.settings.quantize_granularity)
        module = with_run_time_ranges(self.module, weights, keep)
        others = {s.name: _NOT_DYNAMIC for s in found if not is_dynamic(s)}
        plan = QuantizationPlan({}, weights, {**others, **keep})
        facts = Facts(
            self.source.name, self.settings, self.module, plan, found, seconds=self.seconds
        )  # fmt: skip
        return QuantizedBlock(module, self.source, described(facts))

    def calibrated(self, feed: Feed, wanted: Wanted | None) -> QuantizedBlock:
        """Ranges are taken from data."""
        started, batches = time.perf_counter(), iter(feed)
        first = next(batches)
        variants = self._variants(first, wanted)
        keep = self._keep(variants[0].module, variants[0].sites)
        for batch in chain([first], batches):
            self.tell("calibrate", feed.batches, feed.limit or 0)
            for variant in variants:
                variant.calibrator.add(batch)
        calibration = CalibrationReport(
            self.settings.calib_mode, feed.batches, feed.samples, time.perf_counter() - started,
            sum(v.statistics.bytes for v in variants),
        )  # fmt: skip
        variant, plan, search = self._searched(variants, keep, wanted)
        return self._finished(variant, plan, first, calibration, search)

    def _keep(self, module: Module, found: Sequence[Site]) -> dict[str, str]:
        """What stays in float32 for users and for speed, with the reason."""
        self.tell("estimate", 0, 0)
        self.seconds = seconds_of(module, self.settings.target, batch=1)
        slow = slower(self.seconds, self.settings.target) if self.settings.refuse_slower else {}
        return {**slow, **excluded(found, self.settings)}

    def _variants(self, first: list[Array], wanted: Wanted | None) -> list[Variant]:
        """The module as the settings want it; for a search another, with channels alike."""
        module, notes = self.module, []
        if self.settings.equalize:
            module, names = equalized(module)
            notes += [f"ranges of layers were balanced at {', '.join(names)}"] if names else []
        strength = self.settings.smooth_quant
        is_last_resort = strength is None
        if strength == 0 or (is_last_resort and wanted is None):
            return [self._variant(module, notes)]
        watched = [Watched(link.value, "", link.axis) for link in links(module)]
        seen = collect(module, watched, [first]).channels if watched else {}
        share = STRENGTH if strength is None else strength
        smooth, names = smoothed(module, seen, share, only_unlike=is_last_resort)
        more = [*notes, UNLIKE.format(names=", ".join(names))] if names else notes
        if not is_last_resort:
            return [self._variant(smooth, more)]
        plain = [self._variant(module, notes)]
        return [*plain, self._variant(smooth, more)] if names else plain

    def _variant(self, module: Module, notes: Sequence[str]) -> Variant:
        module = prepared(module)
        found = sites(module)
        values = values_by_name(module)
        ops = {name: values[name].op for s in found for name in s.inputs}
        if self.collector is not None and self.collector.include_layers is None:
            self.collector.include_layers = [*ops]
        axes = self._axes(module) if self.settings.bias_correction else {}
        watched = [
            Watched(name, op.name if op is not None else "", axes.get(name))
            for name, op in ops.items()
        ]
        return Variant(module, found, Calibrator(module, watched, self.collector), tuple(notes))

    def _axes(self, module: Module) -> dict[str, int]:
        """The axes along which bias correction needs means."""
        return {
            site.inputs[0]: axis
            for op, site in sites_of(module).items()
            if site.inputs and (axis := channel_axis(op, site)) is not None
        }

    def _plan(self, variant: Variant, keep: Mapping[str, str]) -> QuantizationPlan:
        dtype, granularity = self.settings.quantized_dtype, self.settings.quantize_granularity
        activations = activations_of(self._ranges(variant), dtype)
        weights = weights_of(variant.module, variant.sites, granularity)
        mode: Mode = "smart" if self.settings.quantize_mode == "smart" else "full"
        return QuantizationPlan(activations, weights, keep, mode)

    def _ranges(self, variant: Variant) -> dict[str, Range]:
        """The ranges of what sites read."""
        names = dict.fromkeys(n for s in variant.sites for n in s.inputs)
        if self.collector is not None:
            given = custom_ranges(self.collector)
            return {n: Range(*given[n]) for n in names if n in given}
        rule, seen = self._thresholds()[self.settings.calib_mode], variant.statistics.seen
        return {n: range_of(seen[n], rule) for n in names}

    def _thresholds(self) -> dict[str, Threshold]:
        share = partial(threshold.percentile, share=self.settings.percentile)
        return {**THRESHOLDS, "percentile": share}

    def _searched(
        self, variants: Sequence[Variant], keep: Mapping[str, str], wanted: Wanted | None
    ) -> tuple[Variant, QuantizationPlan, SearchReport | None]:
        plans = [self._plan(variant, keep) for variant in variants]
        if wanted is None:
            return variants[0], plans[0], None
        evaluation = Evaluation.of(wanted.metric, wanted.data, variants[0].module)
        starts = [
            Start(variant.module, variant.sites, plan, self._alternatives(variant, plan))
            for variant, plan in zip(variants, plans, strict=True)
        ]
        search = Search(evaluation, wanted.max_drop, lambda text: self.tell(f"search {text}", 0, 0))
        number, plan, report = search.run(starts)
        found = variants[number]
        return replace(found, notes=(*found.notes, *search.notes)), plan, report

    def _alternatives(
        self, variant: Variant, plan: QuantizationPlan
    ) -> dict[str, dict[str, Params]]:
        """For each value, its codes by all thresholds."""
        seen, dtype = variant.statistics.seen, self.settings.quantized_dtype
        return {
            name: {m: params_of(range_of(seen[name], rule), dtype)
                   for m, rule in self._thresholds().items()}
            for name in plan.activations
        }  # fmt: skip

    def _finished(
        self, variant: Variant, plan: QuantizationPlan, first: list[Array],
        calibration: CalibrationReport, search: SearchReport | None,
    ) -> QuantizedBlock:  # fmt: skip
        self.tell("insert", 0, 0)
        module, notes = variant.module, [*variant.notes]
        if self.settings.bias_correction:
            seen = variant.statistics.channels
            module, names = corrected(module, plan.weights, seen, plan.keep)
            module = prepared(module)
            notes += [f"biases were corrected in {len(names)} ops"]
        errors = None
        if self.measure_errors:
            self.tell("measure errors", 0, 0)
            errors = measure(module, plan, [self._few(first)])
        facts = Facts(
            self.source.name, self.settings, module, plan, variant.sites, variant.statistics,
            calibration, search, errors, tuple(notes), self.seconds,
        )  # fmt: skip
        return QuantizedBlock(insert(module, plan), self.source, described(facts))

    def _few(self, first: list[Array]) -> list[Array]:
        """Few samples, or the whole batch where its size is fixed."""
        dims = [v.type.shape[0] for v in self.module.main.inputs if v.type.rank]
        if any(isinstance(d, int) for d in dims):
            return first
        return [x[:_HEAD] if x.ndim else x for x in first]


def prepared(module: Module) -> Module:
    """A copy that sites and plans can speak of."""
    new = copied(module)
    run_pipeline(new, PREPARE)
    return new
