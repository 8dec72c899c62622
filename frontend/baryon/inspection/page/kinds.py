"""Colours: one for each kind of kernel, the same in every drawing of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from baryon.inspection.report import GroupReport

COLOURS = 7
"""Kinds that have a colour of their own (`.k0` and so on in the style); the others share one."""

NAMES: Mapping[str, str] = {
    "direct": "convolution, product", "winograd": "convolution by Winograd",
    "depthwise": "depthwise convolution", "pool": "pooling", "injective": "move",
    "layer_norm": "layer norm", "weight_gradient": "gradient of weights",
    "deconvolution": "transposed convolution", "pool_gradient": "gradient of pooling",
}  # fmt: skip


def colours(groups: Sequence[GroupReport]) -> dict[str, str]:
    """The class of each kind; those that take most time come first."""
    spent = time_of_kinds(groups)
    return {kind: f"k{min(n, COLOURS)}" for n, kind in enumerate(spent)}


def time_of_kinds(groups: Sequence[GroupReport]) -> dict[str, float]:
    """Microseconds by kind, the most first."""
    spent: dict[str, float] = defaultdict(float)
    for group in groups:
        spent[group.kind] += group.microseconds
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def name_of(kind: str) -> str:
    """For people."""
    return NAMES.get(kind, kind.replace("_", " "))
