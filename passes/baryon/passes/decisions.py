"""What fusion decided, told to the trace that is on (see `baryon.rewrite.trace`)."""

from __future__ import annotations

from collections.abc import Sequence

from baryon.ir import RETURN, Op, Value
from baryon.passes.groups import Group
from baryon.rewrite import trace as tracer
from baryon.rewrite.trace import label

FUSE = "fuse"
"""The name under which decisions stand among the attempts of rules."""


class Decisions:
    """Records for the chosen ops which group took them in, and why others did not."""

    def __init__(self) -> None:
        self.trace = tracer.current()

    def left_out(self, group: Group, op: Op, why: str) -> None:
        """`op` cannot join, and so nothing else that reads the group's result."""
        if self.trace is None:
            return
        self._tell(op, "left out", f"{why}, so not in the kernel of {label(group.anchor)}")
        for user in sorted({*group.out.users} - {op}, key=_name):
            reason = f"{label(op)} reads {value_label(group.out)} too and cannot join: {why}"
            self._tell(user, "left out", reason)

    def grouped(self, groups: Sequence[Group]) -> None:
        """The groups are final."""
        for group in groups if self.trace is not None else ():
            self._tell_members(group)

    def _tell_members(self, group: Group) -> None:
        whole = f"kernel {group.kind}: {', '.join(label(op) for op in group.ops)}"
        for op in group.ops:
            by = f" by {group.patterns[op]}" if op in group.patterns else ""
            self._tell(op, "anchor" if op is group.anchor else f"joined{by}", whole)

    def _tell(self, op: Op, outcome: str, reason: str) -> None:
        if self.trace is not None and op.name != RETURN and self.trace.choose(op):
            self.trace.record(FUSE, op, outcome, reason)


def value_label(value: Value) -> str:
    """How people see a value: `%y`."""
    return f"%{value.name or '?'}"


def _name(op: Op) -> str:
    return op.results[0].name if op.results else ""
