"""Says for chosen ops which rules were tried and why they did not fire.

    with tracing(lambda op: op.results[0].name == "y") as trace:
        run_pipeline(...)
    print(trace)

The driver looks once per run whether a trace is on; when it is off nothing else is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from baryon.ir import Op

Chooser = Callable[[Op], bool]


@dataclass(frozen=True)
class Attempt:
    """One rule tried at one op, or one decision of another pass.

    outcome: "fired", "no match" or "refused"; "part" for an op below the one at which the rule
    fired. reason: why not, or where to.
    """

    rule: str
    op: str
    outcome: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.op}: {self.rule}: {self.outcome}" + (
            f": {self.reason}" if self.reason else ""
        )


@dataclass
class Trace:
    """The attempts at the ops that `choose` accepts, in order."""

    choose: Chooser
    attempts: list[Attempt] = field(default_factory=list)

    def record(self, rule: str, op: Op, outcome: str, reason: str = "") -> None:
        """Add one attempt."""
        self.attempts.append(Attempt(rule, label(op), outcome, reason))

    def record_parts(self, rule: str, ops: Sequence[Op]) -> None:
        """A rule fired at the last of some ops: say so for the chosen ones among the others."""
        *parts, root = ops
        for op in filter(self.choose, parts):
            self.record(rule, op, "part", f"of what it replaced at {label(root)}")

    def __str__(self) -> str:
        return "\n".join(map(str, self.attempts))


def label(op: Op) -> str:
    """How people see an op: `%y np.add`."""
    return f"%{op.results[0].name or '?'} {op.name}" if op.results else op.name


_CURRENT: ContextVar[Trace | None] = ContextVar("baryon_rewrite_trace", default=None)


def current() -> Trace | None:
    """The trace that is on in this context."""
    return _CURRENT.get()


@contextmanager
def tracing(choose: Chooser = lambda op: True) -> Iterator[Trace]:
    """Collect the attempts at chosen ops by all rewriting inside the block."""
    trace = Trace(choose)
    token = _CURRENT.set(trace)
    try:
        yield trace
    finally:
        _CURRENT.reset(token)
