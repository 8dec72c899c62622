"""What a model has done: plain numbers, which its event loop alone changes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper ends of a histogram's classes."""


@dataclass
class Times:
    """How often something took place, and nanoseconds in all."""

    count: int = 0
    nanoseconds: int = 0

    def add(self, nanoseconds: int, count: int = 1) -> None:
        """Count what took so long, for each of `count`."""
        self.count += count
        self.nanoseconds += nanoseconds * count


@dataclass
class Histogram:
    """How many durations fell into each class of BOUNDS, the last beyond them; their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


@dataclass
class Statistics:
    """Of one version of a model.

    success, fail: requests, from their arrival in the model to their result. queue: their waiting.
    run: executions of the network, by the requests in them. rows: samples computed. batches: runs
    by how many rows they had. refused: requests that found the queue full. last: when the last
    request came, in milliseconds since 1970.
    """

    success: Times = field(default_factory=Times)
    fail: Times = field(default_factory=Times)
    queue: Times = field(default_factory=Times)
    run: Times = field(default_factory=Times)
    join: Times = field(default_factory=Times)
    latency: Histogram = field(default_factory=Histogram)
    batches: Counter[int] = field(default_factory=Counter)
    batch_times: Counter[int] = field(default_factory=Counter)
    executions: int = 0
    rows: int = 0
    refused: int = 0
    expired: int = 0
    last: int = 0
