"""Runs of a target on many inputs, each of which its number alone decides."""

from __future__ import annotations

import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol

SECONDS_PER_INPUT = 20.0
"""Of processor time: more counts as a hang."""


class Target(Protocol):
    """What is fuzzed."""

    def input(self, r: random.Random) -> bytes:
        """A new input."""

    def judge(self, data: bytes) -> str:
        """Take it; returns what came of it, in a word. Raises anything for a bug."""

    def close(self) -> None:
        """The end."""


class HangError(BaseException):
    """An input takes too long. Not an Exception, so that nobody catches it."""


def run(
    target: Target,
    *,
    count: int,
    seed: int,
    seconds: float = float("inf"),
    keep: Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Judge `count` inputs, or as many as there is time for; returns how many were bad.

    keep: a folder for inputs that were.
    """
    outcomes: Counter[str] = Counter()
    bad, start, number = 0, time.monotonic(), 0
    signal.signal(signal.SIGPROF, _hang)
    while number < count and time.monotonic() - start < seconds:
        data = target.input(random.Random(seed << 32 | number))
        signal.setitimer(signal.ITIMER_PROF, SECONDS_PER_INPUT)
        try:
            outcomes[target.judge(data)] += 1
        except (Exception, HangError) as error:
            bad += 1
            say(f"seed {seed}, input {number}: {_place(error)}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{number}").write_bytes(data)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        number += 1
    rate = number / max(time.monotonic() - start, 1e-9)
    parts = ", ".join(f"{what} {n}" for what, n in outcomes.most_common())
    say(f"{number} inputs of seed {seed}, {bad} bad, {rate:.0f} per second; {parts}")
    return bad


def _hang(number: int, frame: FrameType | None) -> NoReturn:
    raise HangError(f"more than {SECONDS_PER_INPUT:.0f} s")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    here = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/baryon/" in f.filename]
    return f"{type(error).__name__}: {str(error)[:200]} at {' < '.join(here[::-1][:4])}"
