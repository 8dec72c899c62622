"""When each kernel ran, in the Trace Event Format that Perfetto and Chrome read.

The format: "Trace Event Format", Google, 2016. Complete events ("X") have a start and a length in
microseconds; those of one thread are nested by their times.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from baryon.cli.outputs import replacing
from baryon.ir import Array
from baryon.runtime import Event, Executable

RUNS = 5
PROCESS = 1
Fields = dict[str, Any]


class Phases:
    """What happened before the traced runs, in nanoseconds of `time.perf_counter_ns`."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, int, int]] = []

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """A phase as long as the block."""
        start = time.perf_counter_ns()
        yield
        self.spans.append((name, start, time.perf_counter_ns()))


def trace(
    executable: Executable, feeds: Mapping[str, Array], phases: Phases, runs: int = RUNS
) -> Fields:
    """The trace of some runs, after the phases that led to them."""
    recorded = [executable.trace(**feeds) for _ in range(runs)]
    spans = [*phases.spans, *(_run_span(n, events) for n, events in enumerate(recorded) if events)]
    zero = min((start for _, start, _ in spans), default=0)
    groups = executable.meta.get("groups", ())
    events = [_complete(name, "phase", 0, start - zero, end - zero) for name, start, end in spans]
    events += [_kernel(event, groups, zero) for run in recorded for event in run]
    threads = {event.thread for run in recorded for event in run} | {0}
    names = [_named("process_name", 0, "baryon"), *(_thread(n) for n in sorted(threads))]
    events.sort(key=lambda e: (e["ts"], -e["dur"]))  # what encloses others comes first
    return {"traceEvents": [*names, *events], "displayTimeUnit": "ms"}


def write_trace(path: Path, found: Fields) -> None:
    """Write a trace; the file is whole or as it was."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(found), encoding="utf-8")


def _run_span(number: int, events: Sequence[Event]) -> tuple[str, int, int]:
    start, end = min(e.start for e in events), max(e.end for e in events)
    return f"run {number + 1}", start, end


def _kernel(event: Event, groups: Sequence[Fields], zero: int) -> Fields:
    """A kernel call with what META knows of it, or a part of one."""
    group = groups[event.call] if event.call < len(groups) else {}
    name = _name(group, event.call)
    start, end = event.start - zero, event.end - zero
    if event.task >= 0:
        args = {"call": event.call, "task": event.task}
        return _complete(f"{name} part {event.task}", "task", event.thread, start, end, args)
    return _complete(name, "kernel", 0, start, end, _facts(group, event))


def _name(group: Fields, call: int) -> str:
    """The user's node that a kernel began with; its own name where there is none."""
    nodes = group.get("nodes") or [group.get("name", f"call {call}")]
    more = f" +{len(nodes) - 1}" if len(nodes) > 1 else ""
    return f"{nodes[0]}{more}"


def _facts(group: Fields, event: Event) -> Fields:
    """What is shown beside a kernel: its work, its shapes, its rate."""
    facts: Fields = {"call": event.call, "kernel": group.get("name", "")}
    facts |= {
        key: group[key] for key in ("nodes", "ops", "shapes", "flops", "bytes") if key in group
    }
    facts |= group.get("notes", {})
    seconds = max(event.end - event.start, 1) / 1e9
    if group.get("flops"):
        facts["GFLOP/s"] = round(group["flops"] / seconds / 1e9, 2)
    if group.get("bytes"):
        facts["GB/s"] = round(group["bytes"] / seconds / 1e9, 2)
    return facts


def _complete(
    name: str, kind: str, thread: int, start: int, end: int, args: Fields | None = None
) -> Fields:
    """An event from `start` to `end` nanoseconds."""
    event: Fields = {
        "name": name, "cat": kind, "ph": "X", "ts": start / 1e3, "dur": (end - start) / 1e3,
        "pid": PROCESS, "tid": thread,
    }  # fmt: skip
    return event | ({"args": args} if args else {})


def _named(what: str, thread: int, name: str) -> Fields:
    return {"name": what, "ph": "M", "pid": PROCESS, "tid": thread, "args": {"name": name}}


def _thread(number: int) -> Fields:
    return _named("thread_name", number, f"worker {number}" if number else "caller")
