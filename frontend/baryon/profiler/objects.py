"""What programs mark themselves: tasks, frames, events, counters and markers."""

from __future__ import annotations

import time
from typing import Any, Self

from baryon.profiler.recording import RECORDING


class Domain:
    """A name for things that belong together."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name

    def new_task(self, name: str) -> Task:
        """A task of this domain."""
        return Task(self, name)

    def new_frame(self, name: str) -> Frame:
        """A frame of this domain."""
        return Frame(self, name)

    def new_counter(self, name: str, value: float | None = None) -> Counter:
        """A counter of this domain."""
        return Counter(self, name, value)

    def new_marker(self, name: str) -> Marker:
        """A marker of this domain."""
        return Marker(self, name)


class _Span:
    """Something that lasts from `start()` to `stop()`; also a context manager."""

    def __init__(self, kind: str, name: str) -> None:
        self.name, self._kind = name, kind
        self._start: float | None = None

    def start(self) -> None:
        """It begins."""
        self._start = time.perf_counter()

    def stop(self) -> None:
        """It ends; nothing if it did not begin."""
        if self._start is not None:
            RECORDING.span(self.name, self._kind, self._start)
            self._start = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return self.name


class Task(_Span):
    """A piece of work of a domain."""

    def __init__(self, domain: Domain, name: str) -> None:
        super().__init__(domain.name, name)


class Frame(_Span):
    """One of many similar pieces of work of a domain."""

    def __init__(self, domain: Domain, name: str) -> None:
        super().__init__(domain.name, name)


class Event(_Span):
    """A piece of work of this thread."""

    def __init__(self, name: str) -> None:
        super().__init__("event", name)


class Counter:
    """A number over time."""

    def __init__(self, domain: Domain, name: str, value: float | None = None) -> None:
        self.name, self._domain, self._value = name, domain, 0.0
        if value is not None:
            self.set_value(value)

    def set_value(self, value: float) -> None:
        """It has this value from now on."""
        self._value = value
        if RECORDING.active:
            values = {self.name: value}
            RECORDING.add(self.name, self._domain.name, "C", time.perf_counter(), args=values)

    def increment(self, delta: float = 1) -> None:
        """It grows."""
        self.set_value(self._value + delta)

    def decrement(self, delta: float = 1) -> None:
        """It falls."""
        self.set_value(self._value - delta)

    def __iadd__(self, delta: float) -> Self:
        self.increment(delta)
        return self

    def __isub__(self, delta: float) -> Self:
        self.decrement(delta)
        return self

    def __str__(self) -> str:
        return self.name


_SCOPES = {"global": "g", "process": "p", "thread": "t", "task": "t", "marker": "t"}


class Marker:
    """A moment."""

    def __init__(self, domain: Domain, name: str) -> None:
        self.name, self._domain = name, domain

    def mark(self, scope: str = "process") -> None:
        """It is now. scope: "global", "process" or "thread": how far its line reaches."""
        if scope not in _SCOPES:
            raise ValueError(f"scope={scope!r} is not one of {', '.join(_SCOPES)}")
        if RECORDING.active:
            now: Any = time.perf_counter()
            RECORDING.add(self.name, self._domain.name, "i", now, s=_SCOPES[scope])
