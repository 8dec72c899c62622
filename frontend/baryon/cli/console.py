"""What the commands share in showing things: consoles, tables, progress, JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from baryon.units import plural

MODEL_ARGUMENT = click.argument(
    "model", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
OUTPUT_OPTION = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write. [default: MODEL's name with .baryon, in this folder]",
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
THREADS_OPTION = click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Threads that run the network. [default: the CPUs that this process may use]",
)


def stdout() -> Console:
    """For results. Lines that go to a file or a pipe are not cut at a terminal's width."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def print_json(value: Any) -> None:
    """Print for programs."""
    click.echo(json.dumps(value, indent=2, default=str))


def show_refused(console: Console, refused: Mapping[str, str]) -> None:
    """Layers of a quantized network that compute in float32, with the reason for one of them."""
    if refused:
        name, why = next(iter(refused.items()))
        console.print(
            f"  {plural(len(refused), 'layer')} of codes in float32, such as {name}: {why}",
            markup=False,
        )


def plain_table(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """A table with a line under its head; the columns named in `right` are numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


TOGETHER = {"pass": "passes", "search": "search"}
"""Stages that are told of step by step, "pass NAME" and "search STEP", and shown as one."""


class Stages:
    """Shows the stages of long work as they go, and remembers how long each took.

    Called as `stages(name, done, total)`; a new name closes the stage before. total 0: unknown.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self._current: str | None = None
        self._start = time.perf_counter()
        self._tasks: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is."""
        stage = TOGETHER.get(stage.partition(" ")[0], stage)
        if stage != self._current:
            self.close()
            self._current = stage
        if self.progress is None:
            return
        if stage not in self._tasks:
            self._tasks[stage] = self.progress.add_task(stage, total=None)
        self.progress.update(self._tasks[stage], completed=done, total=total or None)

    def close(self) -> None:
        """End the current stage."""
        now = time.perf_counter()
        if self._current is not None:
            spent = self.seconds.get(self._current, 0.0)
            self.seconds[self._current] = spent + now - self._start
            self._finish(self._current)
        self._current, self._start = None, now

    def _finish(self, stage: str) -> None:
        if self.progress is not None and stage in self._tasks:
            task = self._tasks[stage]
            total = next(t.total for t in self.progress.tasks if t.id == task) or 1
            self.progress.update(task, completed=total, total=total)
            self.progress.stop_task(task)


@contextmanager
def stages(show: bool) -> Iterator[Stages]:
    """Progress on stderr while the block runs; `show` False, or no terminal, keeps it silent."""
    if not (show and sys.stderr.isatty()):
        silent = Stages(None)
        yield silent
        silent.close()
        return
    columns = (TextColumn("{task.description:>8}"), BarColumn(30), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        shown = Stages(progress)
        yield shown
        shown.close()
