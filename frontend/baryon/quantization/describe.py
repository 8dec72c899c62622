"""The report of what was done, from the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from baryon.codegen.code_costs import Seconds
from baryon.codegen.targets import get_target
from baryon.ir import CONSTANT, Module, Op
from baryon.passes.quantize import Params, QuantizationPlan, Site
from baryon.passes.quantize.choice import choose_codes
from baryon.passes.quantize.sites import sites_of
from baryon.quantization.collect import Statistics
from baryon.quantization.errors import Errors, weight_sqnr
from baryon.quantization.planning import ends
from baryon.quantization.ranges import Range, Seen, clipped_share
from baryon.quantization.report import (
    CalibrationReport,
    Histogram,
    LayerReport,
    QuantizationReport,
    SearchReport,
    TensorReport,
    WeightReport,
)
from baryon.quantization.running import values_by_name
from baryon.quantization.settings import Settings
from baryon.rewrite import payload

_BINS = 127
"""Bins of a histogram in a report."""

_REASONS = {
    "must": "computes on codes: sums of products are whole numbers",
    "support": "reads codes, so that nothing is stored in float32 around it",
}
_NOT_BETWEEN = 'not between ops that gain from codes (quantize_mode="smart")'
_NO_RANGE = "no range is known of what it reads"


@dataclass(frozen=True)
class Facts:
    """What is known when the work is done. module: the float module, prepared."""

    network: str
    settings: Settings
    module: Module
    plan: QuantizationPlan
    sites: Sequence[Site]
    statistics: Statistics | None = None
    calibration: CalibrationReport | None = None
    search: SearchReport | None = None
    errors: Errors | None = None
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, Seconds] = field(default_factory=dict)


def described(facts: Facts) -> QuantizationReport:
    """The report."""
    params = _params(facts)
    layers = tuple(_layer(facts, site, params) for site in facts.sites)
    whole, saved = _bytes(facts, {x.name for x in layers if x.decision == "int8"})
    return QuantizationReport(
        facts.network, get_target(facts.settings.target).name, layers, facts.settings.plain(),
        facts.calibration, facts.errors.output if facts.errors else None, facts.search,
        whole, whole - saved, facts.notes,
    )  # fmt: skip


def _params(facts: Facts) -> dict[str, Params]:
    """The codes of all values that are stored as codes."""
    found: Mapping[Op, Site] = sites_of(facts.module)
    smart = facts.plan.mode == "smart"
    chosen = choose_codes(found, facts.plan.activations, facts.plan.keep, smart=smart)
    return {v.name: p for v, p in chosen.params.items()}


def _layer(facts: Facts, site: Site, params: Mapping[str, Params]) -> LayerReport:
    reason = _why_float(facts, site)
    errors, seconds = facts.errors, facts.seconds.get(site.name)
    wanted = {**facts.plan.activations, **params}
    inputs = [_tensor(facts, name, wanted.get(name)) for name in site.inputs]
    return LayerReport(
        site.name, site.op_type, site.role,
        "int8" if reason is None else "float32",
        reason or _REASONS[site.role],
        tuple(x for x in inputs if x is not None),
        _tensor(facts, site.output, params.get(site.output)),
        _weight(facts, site),
        errors.alone.get(site.name) if errors else None,
        errors.accumulated.get(site.name) if errors else None,
        1e3 * seconds.real if seconds else None,
        1e3 * seconds.codes if seconds and seconds.codes else None,
    )  # fmt: skip


def _why_float(facts: Facts, site: Site) -> str | None:
    """The reason to stay in float; None for what is quantized."""
    plan = facts.plan
    if site.name in plan.keep:
        return plan.keep[site.name]
    if facts.settings.calib_mode == "none":
        return None
    if not all(name in plan.activations for name in site.inputs):
        return _NO_RANGE
    found = sites_of(facts.module)
    chosen = choose_codes(found, plan.activations, plan.keep, smart=plan.mode == "smart")
    is_chosen = site.name in {found[op].name for op in chosen.sites}
    return None if is_chosen else _NOT_BETWEEN


def _tensor(facts: Facts, name: str, params: Params | None) -> TensorReport | None:
    seen = facts.statistics.seen.get(name) if facts.statistics else None
    if seen is None or not seen.elements:
        return None
    if params is None:
        return TensorReport(
            name, seen.low, seen.high, "float32", 0.0, 0, seen.low, seen.high, 0.0,
            _histogram(seen),
        )  # fmt: skip
    low, high = ends(params)
    dtype, quant = params
    return TensorReport(
        name, seen.low, seen.high, "uint8" if dtype.kind == "uint" else "int8", quant.scale[0],
        quant.zero[0], low, high, clipped_share(seen, Range(low, high)), _histogram(seen),
    )  # fmt: skip


def _histogram(seen: Seen) -> Histogram | None:
    """The counts in few bins."""
    if seen.width == 0.0:
        return None
    joined = -(-len(seen.counts) // _BINS)
    padded = np.pad(seen.counts, (0, joined * _BINS - len(seen.counts)))
    counts = padded.reshape(_BINS, joined).sum(axis=1)
    return Histogram(-seen.end, -seen.end + _BINS * joined * seen.width, tuple(counts.tolist()))


def _weight(facts: Facts, site: Site) -> WeightReport | None:
    if site.weight is None or site.weight not in facts.plan.weights:
        return None
    array = payload(facts.module, values_by_name(facts.module)[site.weight])
    assert array is not None
    params = facts.plan.weights[site.weight]
    scales = params.quant.scale
    return WeightReport(
        site.weight, float(array.min()), float(array.max()), len(scales), min(scales), max(scales),
        weight_sqnr(array, params),
    )  # fmt: skip


def _bytes(facts: Facts, quantized: set[str]) -> tuple[int, int]:
    """Bytes of the float constants, and those that codes save."""
    payloads = {str(op.attrs["name"]) for op in facts.module.main.body.ops if op.name == CONSTANT}
    whole = sum(facts.module.constants[name].nbytes for name in payloads)
    values = values_by_name(facts.module)
    coded = {s.weight for s in facts.sites if s.name in quantized and s.weight is not None}
    arrays = [payload(facts.module, values[name]) for name in coded]
    return whole, sum(a.nbytes - a.size for a in arrays if a is not None)
