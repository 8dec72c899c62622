"""canonicalize: one way to write each thing, and nothing that does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.passes.base import RulePass
from baryon.passes.rules import (
    arithmetic,
    batch_norm,
    input_side,
    joining,
    layers,
    network,
    powers,
    products,
    shape,
)
from baryon.rewrite import Rule


@dataclass(frozen=True)
class Canonicalize(RulePass):
    """Apply the identities of `baryon.passes.rules` until none fires."""

    name: ClassVar[str] = "canonicalize"
    rules: ClassVar[tuple[Rule, ...]] = (
        *network.RULES,
        *arithmetic.RULES,
        *powers.RULES,
        *shape.RULES,
        *joining.RULES,
        *products.RULES,
        *layers.RULES,
        input_side.pad_into_convolution,
        batch_norm.decomposed_batch_norm,
    )
