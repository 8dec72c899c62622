"""`mx.profiler`: a trace of the calls of blocks, for chrome://tracing or Perfetto, and sums.

    mx.profiler.set_config(filename="profile.json")
    mx.profiler.set_state("run")
    ...
    mx.profiler.set_state("stop")
    print(mx.profiler.dumps())
    mx.profiler.dump()

The times of the kernels of a compiled network are what `Executable.profile` returns.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from baryon.profiler.objects import Counter, Domain, Event, Frame, Marker, Task
from baryon.profiler.recording import KEYS, RECORDING, leave_blocks, watch_blocks

__all__ = [
    "Counter", "Domain", "Event", "Frame", "Marker", "Task", "dump", "dump_profile", "dumps",
    "pause", "profiler_set_config", "profiler_set_state", "resume", "scope", "set_config",
    "set_kvstore_handle", "set_state",
]  # fmt: skip

_SORTS = ("total", "avg", "min", "max", "count")


def set_config(**kwargs: Any) -> None:
    """Choose `filename`, where `dump` writes; MXNet's other keys are accepted."""
    unknown = kwargs.keys() - KEYS.keys()
    if unknown:
        raise ValueError(f"the profiler knows no {', '.join(sorted(unknown))}; it has {[*KEYS]}")
    RECORDING.config.update(kwargs)


def set_state(state: str = "stop", profile_process: str = "worker") -> None:
    """Start ("run") or stop ("stop") recording."""
    if state not in {"run", "stop"}:
        raise ValueError(f"state={state!r} is not 'run' or 'stop'")
    RECORDING.running, RECORDING.paused = state == "run", False
    (watch_blocks if state == "run" else leave_blocks)()


def pause(profile_process: str = "worker") -> None:
    """Record nothing until `resume`."""
    RECORDING.paused = True


def resume(profile_process: str = "worker") -> None:
    """Go on recording."""
    RECORDING.paused = False


def dump(finished: bool = True, profile_process: str = "worker") -> None:
    """Write the trace to the configured file; `finished` also stops, and forgets it."""
    RECORDING.write()
    if finished:
        set_state("stop")
        RECORDING.events.clear()


def dumps(reset: bool = False, format: str = "table", sort_by: str = "total",
          ascending: bool = False) -> str:  # fmt: skip
    """How often and how long things took, in milliseconds, as a table or as JSON.

    sort_by: "total", "avg", "min", "max" or "count". reset: forget what was recorded.
    """
    if format not in {"table", "json"}:
        raise ValueError(f"format={format!r} is not 'table' or 'json'")
    if sort_by not in _SORTS:
        raise ValueError(f"sort_by={sort_by!r} is not one of {', '.join(_SORTS)}")
    sums = _sums()
    rows = sorted(sums.items(), key=lambda row: row[1][sort_by], reverse=not ascending)
    if reset:
        RECORDING.events.clear()
    return json.dumps(dict(rows)) if format == "json" else _table(rows)


def _sums() -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {}
    for event in RECORDING.events:
        if event["ph"] == "X":
            times.setdefault(event["name"], []).append(event["dur"] / 1000)
    return {
        name: {"count": len(found), "total": sum(found), "min": min(found), "max": max(found),
               "avg": sum(found) / len(found)}
        for name, found in times.items()
    }  # fmt: skip


def _table(rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    head = f"{'Name':<30}{'Count':>8}{'Total ms':>12}{'Min ms':>10}{'Max ms':>10}{'Avg ms':>10}"
    lines = [
        f"{name:<30}{row['count']:>8.0f}{row['total']:>12.3f}{row['min']:>10.3f}"
        f"{row['max']:>10.3f}{row['avg']:>10.3f}"
        for name, row in rows
    ]
    return "\n".join([head, *lines])


@contextmanager
def scope(name: str = "<unk>:", append_mode: bool = True) -> Iterator[None]:
    """Record how long the block inside `with` takes."""
    with Event(name):
        yield


def set_kvstore_handle(handle: Any) -> None:
    """Accept the handle of a store, which is in this process."""


def profiler_set_config(mode: str = "symbolic", filename: str = "profile.json") -> None:
    """Deprecated: use `set_config`."""
    _deprecated("profiler_set_config", "set_config")
    set_config(filename=filename)


def profiler_set_state(state: str = "stop") -> None:
    """Deprecated: use `set_state`."""
    _deprecated("profiler_set_state", "set_state")
    set_state(state)


def dump_profile() -> None:
    """Deprecated: use `dump`."""
    _deprecated("dump_profile", "dump")
    dump(True)


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"profiler.{old} is deprecated: use profiler.{new}", DeprecationWarning, 3)
