"""What families offer to whoever measures: several kernels for one group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel
from baryon.codegen.targets import Target


@dataclass(frozen=True)
class Candidate:
    """One way to compute a group.

    name: tells it from the group's other ones, today and in later versions; the first word says the
    algorithm, the second its most important parameter. efficiency: by the cost model; the
    candidates of one group are compared by it. build: makes the kernel.
    """

    name: str
    efficiency: float
    build: Callable[[], Kernel]

    @property
    def sort(self) -> str:
        """What it has in common with candidates that differ in details only."""
        return " ".join(self.name.split()[:2])


Candidates = Callable[[Group, Target], Sequence[Candidate]]
"""A group's candidates, best first by the cost model. The first is what the family builds."""
