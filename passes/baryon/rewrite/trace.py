"""Says for chosen ops which rules were tried and why they did not fire.

    with tracing(lambda op: op.results[0].name == "y") as trace:
        run_pipeline(...)
    print(trace)

The driver looks once per run whether a trace is on; when it is off nothing else is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from baryon.ir import Op

Chooser = Callable[[Op], bool]


@dataclass(frozen=True)
class Attempt:
    """One rule tried at one op. outcome: "fired", "no match" or "refused"; reason: why not."""

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
        name = op.results[0].name if op.results else ""
        self.attempts.append(Attempt(rule, f"%{name or '?'} {op.name}", outcome, reason))

    def __str__(self) -> str:
        return "\n".join(map(str, self.attempts))


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
