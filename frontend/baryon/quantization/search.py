"""Accuracy-driven search: the fewest ops to keep in float so that a metric stays near float's.

1. If the plan is good enough, nothing is kept. Else the same network with unlike channels brought
   together (smooth.py) is tried, where there is one.
2. Each value's threshold is chosen anew, by the error that it makes at the network's outputs.
3. Ops are ranked by the error that each of them, alone quantized, makes at the outputs; so many of
   the worst are kept that the metric is met, found by doubling and halving.
4. Each op that is kept is let go again if the metric allows.
All plans run in one compiled module (`Simulator`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from baryon.ir import Array, Module
from baryon.passes.quantize import Params, QuantizationPlan, Site
from baryon.quantization.evaluate import Evaluation, MetricError
from baryon.quantization.report import SearchReport, SearchStep
from baryon.quantization.simulate import Simulator

KEPT = "the search keeps it in float32: quantized alone it makes {share:.0%} of the error of all"

_CHECK_LABELS = "look at the labels: numbers of classes from 0, in the order of the samples"

_SAMPLES = 64
"""Samples that errors at the outputs are measured on."""

_WORST = 16
"""Values whose thresholds are chosen anew."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Start:
    """Where a search may begin: a float module and a plan for it.

    alternatives: for each value, its codes by other calibration modes.
    """

    module: Module
    sites: Sequence[Site]
    plan: QuantizationPlan
    alternatives: Mapping[str, Mapping[str, Params]]


@dataclass
class Search:
    """note: is told of each plan. steps: the plans that were evaluated; notes: what helped."""

    evaluation: Evaluation
    max_drop: float
    note: Note = lambda _: None
    steps: list[SearchStep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self, starts: Sequence[Start]) -> tuple[int, QuantizationPlan, SearchReport]:
        """The plan with the fewest ops in float that was found, for which start, and how."""
        self._begin(starts[0])
        self.floating = self.evaluation(lambda x: self.simulator(None, x))
        if self.floating == 0 and self.evaluation.name == "accuracy":
            raise MetricError("the accuracy of the float network is 0", hint=_CHECK_LABELS)
        first = value = self._value(starts[0].plan)
        number = 0
        for other in range(1, len(starts)):
            if not self._is_met(value):
                self._begin(starts[other])
                found = self._value(starts[other].plan)
                if self.evaluation.drop(value, found) < 0:
                    number, value = other, found
        self._begin(starts[number])
        best = starts[number].plan
        if not self._is_met(value):
            best, value = self._repaired(best, value)
        if not self._is_met(value):
            best, value = self._kept(best)
        kept = tuple(name for name in best.keep if name not in starts[0].plan.keep)
        return number, best, SearchReport(
            self.evaluation.name, self.floating, first, value, self.max_drop,
            self._is_met(value), kept, tuple(self.steps), self.evaluation.samples,
        )  # fmt: skip

    def _begin(self, start: Start) -> None:
        """Make a simulator, unless it is there."""
        if getattr(self, "start", None) is start:
            return
        batch = max(len(x[0]) for x, _ in self.evaluation.batches)
        self.start, self.sites, self.alternatives = start, start.sites, start.alternatives
        self.simulator = Simulator(start.module, start.plan, batch)
        self._samples: list[tuple[list[Array], list[Array]]] = []

    def _is_met(self, value: float) -> bool:
        return self.evaluation.drop(self.floating, value) <= self.max_drop + 1e-9

    def _value(self, plan: QuantizationPlan) -> float:
        value = self.evaluation(lambda x: self.simulator(plan, x))
        self.steps.append(SearchStep(tuple(plan.keep), value, self._is_met(value)))
        self.note(f"{len(plan.keep)} ops in float32: {self.evaluation.name} {value:.4f}")
        return value

    def _repaired(self, plan: QuantizationPlan, before: float) -> tuple[QuantizationPlan, float]:
        """The plan with better thresholds for the values whose rounding shows most."""
        alone = {name: self._error(self._only_value(plan, name)) for name in plan.activations}
        worst = sorted(alone, key=lambda name: -alone[name])[:_WORST]
        changed = {}
        for name in worst:
            errors = {
                mode: self._error(self._only_value(_with(plan, {name: params}), name))
                for mode, params in self.alternatives[name].items()
            }
            mode = min(errors, key=lambda m: errors[m])
            if errors[mode] < 0.9 * alone[name]:
                changed[name] = mode
        if not changed:
            return plan, before
        better = _with(plan, {name: self.alternatives[name][m] for name, m in changed.items()})
        value = self._value(better)
        if self.evaluation.drop(before, value) >= 0:
            return plan, before
        self.notes += [f"{name}: its range is taken by {m}" for name, m in changed.items()]
        return better, value

    def _kept(self, plan: QuantizationPlan) -> tuple[QuantizationPlan, float]:
        """The plan that keeps as few as possible of the ops that hurt most."""
        names = [s.name for s in self.sites if s.name not in plan.keep]
        errors = {name: self._error(self._only_site(plan, name)) for name in names}
        order = sorted(names, key=lambda name: -errors[name])
        total = sum(errors.values()) or 1.0
        reasons = {n: KEPT.format(share=errors[n] / total) for n in names}
        values: dict[int, float] = {}

        def meets(count: int) -> bool:
            values[count] = self._value(_keeping(plan, order[:count], reasons))
            return self._is_met(values[count])

        kept = order[: _fewest(meets, len(order))]
        value = values.get(len(kept), self.floating)
        for name in reversed(kept[:-1]):
            fewer = [n for n in kept if n != name]
            without = self._value(_keeping(plan, fewer, reasons))
            if self._is_met(without):
                kept, value = fewer, without
        return _keeping(plan, kept, reasons), value

    def _only_site(self, plan: QuantizationPlan, name: str) -> QuantizationPlan:
        keep = {s.name: "" for s in self.sites if s.name != name}
        return replace(plan, keep=keep, mode="full")

    def _only_value(self, plan: QuantizationPlan, name: str) -> QuantizationPlan:
        """Only one value rounded, for all that read it."""
        keep = {s.name: "" for s in self.sites if name not in s.inputs}
        return replace(plan, keep={**keep, **plan.keep}, activations=plan.activations, mode="full")

    def _error(self, plan: QuantizationPlan) -> float:
        """The squared error at the outputs, as a share of their squares."""
        settings = self.simulator.settings(plan)
        error = energy = 0.0
        for inputs, expected in self._few():
            found = self.simulator.run_module([*inputs, *settings])
            for x, y in zip(expected, found, strict=True):
                wide = x.astype(np.float64)
                error += float(((wide - y.astype(np.float64)) ** 2).sum())
                energy += float((wide**2).sum())
        return error / energy if energy else 0.0

    def _few(self) -> list[tuple[list[Array], list[Array]]]:
        """Inputs of some samples, and the float network's outputs."""
        count = 0
        for inputs, _ in self.evaluation.batches if not self._samples else ():
            if count < _SAMPLES:
                self._samples.append((inputs, self.simulator(None, inputs)))
            count += len(inputs[0])
        return self._samples


def _fewest(meets: Callable[[int], bool], most: int) -> int:
    """The smallest count that meets, if larger ones do as well; `most` if none was found."""
    low, high = 0, 1
    while high < most and not meets(high):
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    return high


def _keeping(
    plan: QuantizationPlan, names: Sequence[str], reasons: Mapping[str, str]
) -> QuantizationPlan:
    return replace(plan, keep={**plan.keep, **{name: reasons[name] for name in names}})


def _with(plan: QuantizationPlan, params: Mapping[str, Params]) -> QuantizationPlan:
    return replace(plan, activations={**plan.activations, **params})
