"""recognize: ops that are spelled out in simpler ones get their name, and with it their kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.passes.base import RulePass
from baryon.passes.rules import activations, network, normalization
from baryon.rewrite import Rule


@dataclass(frozen=True)
class Recognize(RulePass):
    """Look from the last op on, so that a normalization is found with its gamma and beta."""

    name: ClassVar[str] = "recognize"
    rules: ClassVar[tuple[Rule, ...]] = (
        *normalization.RULES,
        *activations.RULES,
        network.mean_to_pooling,  # here, as normalizations hold such means
    )
    backward: ClassVar[bool] = True
