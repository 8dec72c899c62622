"""The table of layers, and what is known of each one."""

from __future__ import annotations

from collections.abc import Sequence

from baryon.page import Cell, Markup, element, milliseconds, percent, significant, sortable
from baryon.quantization.page.histogram import figure
from baryon.quantization.page.overview import describe_error
from baryon.quantization.page.severity import decibels, relative_error, severity
from baryon.quantization.report import ErrorReport, LayerReport, TensorReport, WeightReport

COLUMNS = (
    ("#", "number"),
    ("layer", "text"),
    ("op", "text"),
    ("computes in", "text"),
    ("error alone", "number"),
    ("accumulated", "number"),
    ("cosine", "number"),
    ("before", "number"),
    ("after", "number"),
    ("reason", "text"),
)
"""Heads and how a column is sorted."""


def anchor(index: int) -> str:
    """The name of a layer's place in the page."""
    return f"layer-{index + 1}"


def table(layers: Sequence[LayerReport]) -> Markup:
    """One row per layer."""
    return sortable("layers", COLUMNS, [_row(*numbered) for numbered in enumerate(layers)])


def _row(index: int, layer: LayerReport) -> list[Cell]:
    badge = element("span", layer.decision, class_=f"badge {severity(layer)}")
    cosine = layer.accumulated.cosine if layer.accumulated else None
    return [
        Cell(str(index + 1), index),
        Cell(element("a", layer.name, href=f"#{anchor(index)}"), layer.name),
        Cell.of(layer.op),
        Cell(badge, layer.decision),
        _error(layer.alone, severity(layer)),
        _error(layer.accumulated, None),
        Cell.of("") if cosine is None else Cell(f"{cosine:.5f}", cosine),
        _time(layer.float_ms),
        _time(layer.int8_ms),
        Cell.of(layer.reason),
    ]


def _error(error: ErrorReport | None, level: str | None) -> Cell:
    """Decibels and the share, and for `level` a bar of its colour; sorted by the share."""
    if error is None:
        return Cell.of("")
    share = relative_error(error.sqnr)
    text = f"{decibels(error.sqnr)} ({percent(share)})"
    if level is None:
        return Cell(text, share)
    style = f"width:{min(100.0, max(1.0, 100 * share**0.5)):.0f}%"
    meter = element("span", element("i", class_=level, style=style), class_="meter")
    return Cell(Markup(meter + element("span", text)), share)


def _time(spent: float | None) -> Cell:
    return Cell.of("") if spent is None else Cell(milliseconds(spent), spent)


def sections(layers: Sequence[LayerReport], opened: Sequence[LayerReport]) -> list[Markup]:
    """Ranges, histograms and figures of each layer, folded but for those in `opened`."""
    return [_section(i, layer, layer in opened) for i, layer in enumerate(layers)]


def _section(index: int, layer: LayerReport, is_open: bool) -> Markup:
    """The name of its place is inside: browsers open what a link leads into."""
    head = element(
        "summary", element("span", layer.decision, class_=f"badge {severity(layer)}"), " ",
        f"{index + 1}. {layer.name} ", element("small", layer.op),
    )  # fmt: skip
    figures = [*_tensors("reads", layer.inputs), *_tensors("writes", _written(layer))]
    body = element("div", _facts(layer), figures, id=anchor(index), class_="layer")
    return element("details", head, body, open=is_open)


def _written(layer: LayerReport) -> tuple[TensorReport, ...]:
    return () if layer.output is None else (layer.output,)


def _tensors(role: str, tensors: Sequence[TensorReport]) -> list[str]:
    heads = [element("h4", role)] if tensors else []
    return [*heads, *(figure(tensor) for tensor in tensors)]


def _facts(layer: LayerReport) -> Markup:
    facts = [("decision", f"{layer.decision}: {layer.reason}")]
    if layer.alone:
        facts.append(("error with only this layer in INT8", describe_error(layer.alone)))
    if layer.accumulated:
        facts.append(("error in the quantized network", describe_error(layer.accumulated)))
    if layer.float_ms is not None and layer.int8_ms is not None:
        facts.append((f"time, {layer.timing}", _times(layer.float_ms, layer.int8_ms)))
    if layer.weight:
        facts.append(("weight", _weight(layer.weight)))
    return definitions(facts)


def _times(before: float, after: float) -> str:
    ratio = f", {before / after:.2f} times as fast" if after else ""
    return f"{milliseconds(before)} in float32, {milliseconds(after)} in INT8{ratio}"


def _weight(weight: WeightReport) -> str:
    scales = (
        f"{weight.channels} scales of {significant(weight.scale_low)} to "
        f"{significant(weight.scale_high)}"
        if weight.channels > 1
        else f"one scale, {significant(weight.scale_low)}"
    )
    return (
        f"{weight.name}: {significant(weight.low)} to {significant(weight.high)}, {scales}, "
        f"rounded at {decibels(weight.sqnr)}"
    )


def definitions(facts: Sequence[tuple[str, str]]) -> Markup:
    """Names and what belongs to them."""
    return element("dl", [part for k, v in facts for part in (element("dt", k), element("dd", v))])
