"""attention: scores, softmax and weighted mean as one op, which reads heads where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.passes.base import RulePass
from baryon.passes.rules import attention, attention_moves, attention_projection, shape
from baryon.rewrite import Rule


@dataclass(frozen=True)
class Attention(RulePass):
    """Recognize attention, and take the moves of its operands and its result into the op.

    In training the backward part reads the scores' softmax, too, and the ops stay apart.
    """

    name: ClassVar[str] = "attention"
    rules: ClassVar[tuple[Rule, ...]] = (
        *attention.RULES,
        *attention_projection.RULES,
        *attention_moves.RULES,
        shape.reshape_of_reshape,
        shape.same_shape,
    )
