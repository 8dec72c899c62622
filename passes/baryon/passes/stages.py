"""Stages: vocabularies of the one IR. Each has one table of what it allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from baryon.ir import CONSTANT, RETURN, BaryonError, Module, Op, VerifyError, verify
from baryon.ops import lookup
from baryon.ops.structure import FUSED, IN_PLACE, ROWS
from baryon.passes.sizes import is_free


@dataclass(frozen=True)
class Stage:
    """A vocabulary.

    allows: whether an op may stand in a function's body. pitch: whether a value may lie in a slice
    of another's memory.
    """

    name: str
    allows: Callable[[Op], bool]
    pitch: bool

    def __str__(self) -> str:
        return self.name


_IN_PLACE = frozenset({IN_PLACE, ROWS})
_GROUPED = frozenset({FUSED}) | _IN_PLACE
_BESIDE_GROUPS = frozenset({CONSTANT, RETURN, FUSED})

GRAPH = Stage("graph", lambda op: op.name not in _GROUPED, pitch=False)
"""Ops as users write them, and `ir.relayout`."""

FUSED_STAGE = Stage("fused", lambda op: op.name in _BESIDE_GROUPS or is_free(op), pitch=False)
"""Every op that needs a kernel is inside a group; beside groups stand constants and views."""

LOWERED = Stage("lowered", lambda op: FUSED_STAGE.allows(op) or op.name in _IN_PLACE, pitch=True)
"""As fused; concatenations may be in place, so that values lie in slices of others."""

STAGES = (GRAPH, FUSED_STAGE, LOWERED)


def verify_stage(module: Module, stage: Stage) -> None:
    """Check the IR's rules and the stage's table; raises VerifyError (id ir.v2 for the table)."""
    verify(module, lookup)
    for func in module.funcs.values():
        for op in func.body.ops:
            _check(op, stage)


def _check(op: Op, stage: Stage) -> None:
    if not stage.allows(op):
        raise _not_allowed(op, stage, op.name)
    pitched = [r for r in op.results if r.type.layout is not None and r.type.layout.pitch]
    if pitched and not stage.pitch:
        raise _not_allowed(op, stage, f"a pitch ({pitched[0].type})")


def _not_allowed(op: Op, stage: Stage, what: str) -> BaryonError:
    return VerifyError("ir.v2", f"stage {stage} does not allow {what}", where=str(op.loc))
