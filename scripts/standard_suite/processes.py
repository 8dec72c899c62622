"""Runs tests in processes of their own: a crash, a hang or a flood of memory ends one test only."""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from standard_suite.cases import SuiteTest


@dataclass(frozen=True)
class Limits:
    """What a test may use: seconds, and bytes of address space."""

    seconds: float
    memory: int


@dataclass(frozen=True)
class Outcome:
    """How a test ended. error: "" if it passed, else the error's type and its first line."""

    test: SuiteTest
    error: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return not self.error


@dataclass
class _Child:
    test: SuiteTest
    process: int
    pipe: int
    start: float


def run_all(
    tests: Iterable[SuiteTest], run: Callable[[SuiteTest], None], jobs: int, limits: Limits
) -> Iterator[Outcome]:
    """The outcomes of tests as they end. run: executes a test in the child, and raises if it fails.

    Children are forks of this process, which has loaded everything and must have no threads.
    """
    waiting, children = iter(tests), selectors.DefaultSelector()
    alive = 0
    while True:
        while alive < jobs and (test := next(waiting, None)) is not None:
            child = _fork(test, run, limits)
            children.register(child.pipe, selectors.EVENT_READ, child)
            alive += 1
        if not alive:
            return
        for child in _finished(children, limits):
            children.unregister(child.pipe)
            alive -= 1
            yield _outcome(child, limits)


def _fork(test: SuiteTest, run: Callable[[SuiteTest], None], limits: Limits) -> _Child:
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        _child(test, run, limits, writer)
    os.close(writer)
    return _Child(test, process, reader, time.monotonic())


def _child(test: SuiteTest, run: Callable[[SuiteTest], None], limits: Limits, pipe: int) -> None:
    """What the fork does: it never returns."""
    error = "it ended by itself"
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        run(test)
        error = ""
    except BaseException as problem:
        error = _first_line(problem)
    finally:
        os.write(pipe, json.dumps(error).encode()[: 1 << 15])
        os._exit(0)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:300]}"


def _finished(children: selectors.BaseSelector, limits: Limits) -> list[_Child]:
    """The children that have answered, are gone, or have had their time."""
    ready = [key.data for key, _ in children.select(timeout=0.2)]
    now = time.monotonic()
    waiting: list[Any] = [key.data for key in children.get_map().values()]
    late = [c for c in waiting if c not in ready and now - c.start > limits.seconds]
    return [*ready, *late]


def _outcome(child: _Child, limits: Limits) -> Outcome:
    seconds = time.monotonic() - child.start
    late = seconds > limits.seconds
    answer = b"" if late else os.read(child.pipe, 1 << 16)
    if late:
        os.kill(child.process, signal.SIGKILL)
    os.close(child.pipe)
    _, status = os.waitpid(child.process, 0)
    error = json.loads(answer) if answer else f"crash: signal {os.WTERMSIG(status)}"
    if late:
        error = f"timeout: more than {limits.seconds:g} s"
    return Outcome(child.test, error, seconds)
