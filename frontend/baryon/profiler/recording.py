"""What the profiler records: when blocks are called, and what programs mark themselves."""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baryon.gluon.block import Block, HybridBlock

KEYS: Mapping[str, Any] = {
    "filename": "profile.json",
    "profile_all": False,
    "profile_symbolic": True,
    "profile_imperative": True,
    "profile_memory": False,
    "profile_api": True,
    "continuous_dump": False,
    "dump_period": 1.0,
    "aggregate_stats": True,
    "profile_process": "worker",
    "gpu_memory_profile_filename_prefix": "",
}
"""What `set_config` accepts, with defaults; only `filename` has an effect."""


@dataclass
class Recording:
    """Events in Chrome's trace format, and whether new ones are taken."""

    config: dict[str, Any] = field(default_factory=lambda: dict(KEYS))
    events: list[dict[str, Any]] = field(default_factory=list)
    running: bool = False
    paused: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def active(self) -> bool:
        """Whether events are taken."""
        return self.running and not self.paused

    def add(self, name: str, kind: str, phase: str, start: float, **more: Any) -> None:
        """Take an event that began `start` seconds after the clock's zero."""
        event = {
            "name": name, "cat": kind, "ph": phase, "ts": start * 1e6, "pid": os.getpid(),
            "tid": threading.get_ident(), **more,
        }  # fmt: skip
        with self.lock:
            self.events.append(event)

    def span(self, name: str, kind: str, start: float) -> None:
        """Take an event that lasts from `start` until now."""
        if self.active:
            self.add(name, kind, "X", start, dur=(time.perf_counter() - start) * 1e6)

    def write(self) -> None:
        """Write the events to the file of the configuration."""
        with self.lock:
            trace = {"traceEvents": self.events, "displayTimeUnit": "ms"}
            Path(self.config["filename"]).write_text(json.dumps(trace), encoding="utf-8")


RECORDING = Recording()
_ORIGINALS: dict[type[Block], Callable[..., Any]] = {}


def watch_blocks() -> None:
    """Let calls of blocks be recorded."""
    for kind in (Block, HybridBlock):
        if "__call__" in vars(kind) and kind not in _ORIGINALS:
            _ORIGINALS[kind] = vars(kind)["__call__"]
            kind.__call__ = _timed(_ORIGINALS[kind])  # type: ignore[method-assign]


def leave_blocks() -> None:
    """Calls of blocks are as they were."""
    for kind, original in _ORIGINALS.items():
        kind.__call__ = original  # type: ignore[method-assign]
    _ORIGINALS.clear()


_INSIDE = threading.local()


def _timed(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def timed(self: Block, *args: Any, **kwargs: Any) -> Any:
        outer = getattr(_INSIDE, "block", None)
        if outer is self:  # a __call__ that calls that of its base
            return call(self, *args, **kwargs)
        _INSIDE.block, start = self, time.perf_counter()
        try:
            return call(self, *args, **kwargs)
        finally:
            _INSIDE.block = outer
            RECORDING.span(type(self).__name__, "block", start)

    return timed
