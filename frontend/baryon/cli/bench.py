"""`baryon bench`: how fast a compiled network is on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from baryon.cli.console import JSON_OPTION, THREADS_OPTION, print_json, stdout
from baryon.feeds import random_feeds
from baryon.runtime import load

WARM_UP = 3


@click.command("bench")
@click.argument("artifact", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@THREADS_OPTION
@click.option(
    "--batch",
    type=click.IntRange(1),
    metavar="N",
    help="The batch, where the file answers several. [default: the smallest]",
)
@click.option("--runs", type=click.IntRange(1), metavar="N", help="Runs to time. [default: many]")
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 3600),
    default=2.0,
    show_default=True,
    help="How long to go on when --runs is not given.",
)
@JSON_OPTION
def command(
    artifact: Path,
    threads: int | None,
    batch: int | None,
    runs: int | None,
    seconds: float,
    as_json: bool,
) -> None:
    """Time ARTIFACT, a .baryon file, on random input.

    \b
    baryon bench resnet50.baryon --threads 2
    """
    start = time.perf_counter()
    executable = load(artifact, threads=threads)
    loaded = time.perf_counter()
    feeds = random_feeds(executable, batch=batch)
    begin = time.perf_counter()
    executable(**feeds)
    first = time.perf_counter() - begin
    times = measure(lambda: executable(**feeds), runs, seconds)
    result = {
        "artifact": str(artifact),
        "threads": executable.threads,
        "inputs": {name: list(array.shape) for name, array in feeds.items()},
        "load_ms": (loaded - start) * 1e3,
        "first_ms": first * 1e3,
        **summarize(times),
    }
    if as_json:
        print_json(result)
    else:
        _show(result)


def measure(run: Callable[[], object], runs: int | None, seconds: float) -> list[float]:
    """Seconds of each of `runs` runs after a warm-up, or of as many as fill `seconds`."""
    for _ in range(WARM_UP):
        run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < (runs or 5) or (runs is None and time.perf_counter() < end):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def summarize(times: list[float]) -> dict[str, Any]:
    """Median, minimum, mean and 99th percentile in milliseconds, and the number of runs."""
    ordered = sorted(times)
    return {
        "median_ms": statistics.median(ordered) * 1e3,
        "min_ms": ordered[0] * 1e3,
        "mean_ms": statistics.fmean(ordered) * 1e3,
        "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3,
        "runs": len(ordered),
    }


def _show(result: dict[str, Any]) -> None:
    console = stdout()
    console.print(
        f"[bold]{result['median_ms']:.3f} ms[/bold] median of {result['runs']} runs "
        f"(min {result['min_ms']:.3f}, mean {result['mean_ms']:.3f}, p99 {result['p99_ms']:.3f}), "
        f"threads: {result['threads']}"
    )
    console.print(f"load {result['load_ms']:.1f} ms, first result {result['first_ms']:.1f} ms")
