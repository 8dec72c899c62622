"""What a process of `scripts/fuzz` does: checks graphs, and writes those that fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphs.generate import Drawn, draw
from graphs.gradients import Trained, check_differences, draw_trained
from graphs.judge import Check, check_compiled, check_passes, check_text
from graphs.shrink import shrink


@dataclass(frozen=True)
class Task:
    """Seeds and what to do with their graphs."""

    seeds: Sequence[int]
    compiled: bool
    gradients: bool
    out: Path


@dataclass(frozen=True)
class Outcome:
    """graphs: how many were checked. mismatches: a line for each."""

    graphs: int
    mismatches: list[str]


def work(task: Task) -> Outcome:
    """Check the graphs of some seeds."""
    lines: list[str] = []
    graphs = 0
    for seed in task.seeds:
        drawn = draw_trained(seed) if task.gradients else draw(seed)
        if drawn is not None:
            graphs += 1
            lines += failures(seed, drawn, task)
    return Outcome(graphs, lines)


def failures(seed: int, drawn: Drawn, task: Task) -> list[str]:
    """A line for each check that a graph fails; the graph is written, as small as it gets."""
    checks: list[Check] = [check_text, check_passes, *([check_compiled] if task.compiled else [])]
    lines = []
    if isinstance(drawn, Trained) and (found := check_differences(drawn)):
        lines.append(f"seed {seed}: {found}; {write(task.out, seed, drawn)}")
    for check in checks:
        found = check(drawn)
        if found is not None:
            small = shrink(drawn, check, found)
            lines.append(f"seed {seed}: {check(small) or found}; {write(task.out, seed, small)}")
    return lines


def write(folder: Path, seed: int, drawn: Drawn) -> Path:
    """The graph as text for `baryon opt`, its constants beside it, its inputs in another file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{seed}.ir"
    path.write_text(str(drawn.module))
    np.savez(path.with_suffix(".npz"), allow_pickle=False, **drawn.module.constants)
    np.savez(folder / f"{seed}_inputs.npz", *drawn.inputs, allow_pickle=False)
    return path
