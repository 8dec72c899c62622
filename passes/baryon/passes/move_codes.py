"""move-codes: what is moved and joined is codes, and what rounds twice to the same rounds once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.passes.base import RulePass
from baryon.passes.rules import coded_factors, layers, quantization
from baryon.rewrite import Rule


@dataclass(frozen=True)
class MoveCodes(RulePass):
    """Bring quantize and dequantize to the ends of what computes, by exact rules."""

    name: ClassVar[str] = "move-codes"
    rules: ClassVar[tuple[Rule, ...]] = (
        *quantization.RULES,
        *coded_factors.RULES,
        *layers.RULES,
    )
