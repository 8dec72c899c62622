"""forward-first: moves what waits for late inputs behind everything that does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import Module, Op, Region, Value
from baryon.ops.structure import FUSED
from baryon.passes.base import Pass
from baryon.passes.stages import LOWERED, Stage


@dataclass(frozen=True)
class ForwardFirst(Pass):
    """Order the ops of `main` so that a prefix of them needs none of the last `late` arguments.

    With the gradients that come into a backward pass as late arguments, the prefix is the forward
    pass: it can run, and give its outputs, before they are known.
    """

    name: ClassVar[str] = "forward-first"
    needs: ClassVar[Stage] = LOWERED
    leaves: ClassVar[Stage] = LOWERED
    late: int = 0

    def run(self, module: Module) -> bool:
        """Do it; ops keep their order on either side."""
        body = module.main.body
        waiting = waiting_ops(body, self.late)
        before = list(body.ops)
        body.ops.sort(key=lambda op: op in waiting)
        return before != body.ops


def waiting_ops(body: Region, late: int) -> set[Op]:
    """The ops that need one of the last `late` arguments, and the `ir.return`."""
    values: set[Value] = set(body.args[len(body.args) - late :])
    found = {body.terminator}
    for op in body.ops:
        if not values.isdisjoint(op.operands):
            found.add(op)
            values.update(op.results)
    return found


def early_calls(module: Module, late: int) -> int:
    """How many kernels of a lowered module run before the late arguments are needed."""
    waiting = waiting_ops(module.main.body, late)
    return sum(op.name == FUSED and op not in waiting for op in module.main.body.ops)
