"""What a server as a whole has done; the event loop alone changes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Traffic:
    """answers: how many, by protocol ("http", "grpc") and status. is_ready: whether it serves.

    connections: those of HTTP that are open.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    is_ready: bool = False
    connections: int = 0

    def count(self, protocol: str, status: str) -> None:
        """An answer was given."""
        self.answers[protocol, status] += 1
