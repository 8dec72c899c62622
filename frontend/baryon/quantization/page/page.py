"""The whole page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from baryon.page import Markup, document, element, filter_of, milliseconds, percent, significant
from baryon.quantization.page import layers as parts
from baryon.quantization.page.overview import describe_error, overview
from baryon.quantization.page.search import search
from baryon.quantization.page.severity import WORDS, decibels, relative_error, severity, worst
from baryon.quantization.report import (
    CalibrationReport,
    LayerReport,
    QuantizationReport,
    SearchReport,
)
from baryon.units import format_bytes

RANGES = (
    "What calibration saw (counts are logarithmic), and between the two lines what 8 bits can say; "
    "elements outside are cut off."
)
OPENED = 3
"""How many of the worst layers are unfolded."""


def to_html(report: QuantizationReport) -> str:
    """One file for a browser, without references to other files; it works without JavaScript."""
    return document(
        f"{report.network}: INT8",
        element("main", _sections(report), data_layers=len(report.layers)),
        Path(__file__).with_name("style.css").read_text(encoding="utf-8"),
    )


def _sections(report: QuantizationReport) -> list[str]:
    """The content from top to bottom: verdict, figures, drawing, table, layers, settings."""
    anchors = [parts.anchor(i) for i in range(len(report.layers))]
    bad = worst(report.layers, OPENED)
    return [
        element("h1", report.network, " ", element("small", f"INT8 for {report.target}")),
        element("p", verdict(report), class_="verdict"),
        _tiles(report),
        element("h2", "Which layer hurts"),
        element("p", _reading(bad), class_="note"),
        element("div", overview(report.layers, anchors), class_="wide"),
        _legend(report.layers),
        *([element("h2", "Search"), search(report.search)] if report.search else []),
        element("h2", "All layers"),
        filter_of("layers", "name, op, decision or reason"),
        parts.table(report.layers),
        element("h2", "Ranges"),
        element("p", RANGES, class_="note"),
        *parts.sections(report.layers, bad),
        element("h2", "How it was made"),
        _settings(report),
    ]  # fmt: skip


def verdict(report: QuantizationReport) -> str:
    """What became of the network, in a sentence or two."""
    count, kept = len(report.layers), len(report.kept)
    said = f"{count - kept} of {count} ops compute in INT8."
    before, after = _times(report.layers)
    if before and after:
        said += f" They take {milliseconds(after)} where they took {milliseconds(before)}"
        said += f" ({before / after:.2f} times as fast, {_timing(report.layers)})."
    if report.search:
        said += f" {_loss(report.search)}"
    return said


def _loss(search: SearchReport) -> str:
    """What the metric lost: a share of those between 0 and 1, numbers of others."""
    before, after = search.float_value, search.value
    met = "within" if search.met else "MORE THAN"
    if not (0 <= before <= 1 and 0 <= after <= 1):
        return (
            f"The metric {search.metric} goes from {significant(before)} to {significant(after)}, "
            f"{met} the allowed {significant(search.max_drop)}."
        )
    way = "falls" if after <= before else "rises"
    return (
        f"The metric {search.metric} {way} by {percent(abs(before - after))}, {met} the allowed "
        f"{percent(search.max_drop)}."
    )


def _times(layers: Sequence[LayerReport]) -> tuple[float, float]:
    """Milliseconds of all ops whose times are known, before and after."""
    known = [x for x in layers if x.float_ms is not None and x.int8_ms is not None]
    after = sum((x.float_ms if x.decision == "float32" else x.int8_ms) or 0 for x in known)
    return sum(x.float_ms or 0 for x in known), after


def _timing(layers: Sequence[LayerReport]) -> str:
    return "measured" if all(x.timing == "measured" for x in layers) else "estimated"


def _tiles(report: QuantizationReport) -> Markup:
    """The few numbers that are asked for first."""
    found = [("ops in INT8", f"{len(report.layers) - len(report.kept)} / {len(report.layers)}")]
    if report.search:
        found.append((f"{report.search.metric}, float32", f"{report.search.float_value:.4f}"))
        found.append((f"{report.search.metric}, INT8", f"{report.search.value:.4f}"))
    if report.output:
        found.append(("error of the outputs", percent(relative_error(report.output.sqnr))))
        found.append(("SQNR of the outputs", decibels(report.output.sqnr)))
    if report.float_bytes and report.int8_bytes:
        found.append(("size of weights", percent(report.int8_bytes / report.float_bytes)))
    tiles = [element("div", element("b", value), element("span", name)) for name, value in found]
    return element("div", tiles, class_="tiles")


def _reading(bad: Sequence[LayerReport]) -> str:
    """How to read the drawing, and what there is to see in it."""
    how = (
        "Each bar is the error that a layer adds when it alone computes in INT8, as a share of its "
        "output: tall bars hurt. The line is the error in the quantized network. "
    )
    if not bad:
        return how + "No layer adds more than 3.2 %."
    names = ", ".join(
        f"{layer.name} ({percent(relative_error(layer.alone.sqnr))})"
        for layer in bad
        if layer.alone
    )
    return f"{how}Worst: {names}."


def _legend(layers: Sequence[LayerReport]) -> Markup:
    there = {severity(layer) for layer in layers}
    keys = [(f"bar {level}", words) for level, words in WORDS.items() if level in there]
    keys.append(("accumulated", "error in the quantized network"))
    if any(layer.float_ms is not None for layer in layers):
        keys += [("before", "time in float32"), ("after", "time in this network")]
    items = [
        element("span", element("i", class_=f"key {kind}"), words) for kind, words in keys
    ]  # fmt: skip
    return element("p", items, class_="legend")


def _settings(report: QuantizationReport) -> Markup:
    facts = [(name, str(value)) for name, value in report.settings.items()]
    if report.calibration:
        facts.append(("calibration", _calibration(report.calibration)))
    if report.output:
        facts.append(("error of the outputs", describe_error(report.output)))
    notes = element("ul", [element("li", note) for note in report.notes])
    return Markup(parts.definitions(facts) + (notes if report.notes else ""))


def _calibration(seen: CalibrationReport) -> str:
    return (
        f"{seen.mode}: {seen.samples} samples in {seen.batches} batches, {seen.seconds:.1f} s, "
        f"statistics of {format_bytes(seen.statistics_bytes)}"
    )
