"""fold-batch-norm: per-channel arithmetic after a layer goes into its weight and bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.passes.base import RulePass
from baryon.passes.rules import batch_norm, input_side
from baryon.rewrite import Rule


@dataclass(frozen=True)
class FoldBatchNorm(RulePass):
    """Fold from the last op of a chain on, so that its factors are rounded once."""

    name: ClassVar[str] = "fold-batch-norm"
    rules: ClassVar[tuple[Rule, ...]] = (*input_side.RULES, *batch_norm.RULES)
    backward: ClassVar[bool] = True
