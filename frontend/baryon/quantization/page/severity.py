"""How much a layer hurts, in words and as a share of its output."""

from __future__ import annotations

import math
from typing import Literal

from baryon.quantization.report import MAX_SQNR, LayerReport

Severity = Literal["good", "fair", "poor", "kept", "unknown"]

FAIR, POOR = 30.0, 20.0
"""Decibels below which an error is worth a look, and below which it is likely to be felt.

An output with 30 dB is wrong by 3.2 % of its root mean square, with 20 dB by 10 %. Networks that
were trained with rectifiers lose nothing above some 30 dB in each layer.
"""

WORDS: dict[Severity, str] = {
    "good": "INT8, error below 3.2 %",
    "fair": "INT8, error of 3.2 to 10 %",
    "poor": "INT8, error above 10 %",
    "kept": "kept in float32: the error that it would add",
    "unknown": "not measured",
}


def severity(layer: LayerReport) -> Severity:
    """By the error that the layer makes alone."""
    if layer.decision == "float32":
        return "kept"
    if layer.alone is None:
        return "unknown"
    sqnr = layer.alone.sqnr
    return "good" if sqnr >= FAIR else "fair" if sqnr >= POOR else "poor"


def decibels(sqnr: float) -> str:
    """Such as 31.2 dB; what is the same in float32 is "exact"."""
    return "exact" if sqnr >= MAX_SQNR else f"{sqnr:.1f} dB"


def relative_error(sqnr: float) -> float:
    """Root mean square of the error over that of the signal."""
    return 10 ** (-sqnr / 20)


def worst(layers: tuple[LayerReport, ...], count: int) -> list[LayerReport]:
    """Those that hurt most, or would have hurt most had they not been kept, the worst first."""
    known = [layer for layer in layers if layer.alone is not None]
    order = sorted(known, key=lambda layer: layer.alone.sqnr if layer.alone else math.inf)
    return [layer for layer in order[:count] if layer.alone and layer.alone.sqnr < FAIR]
