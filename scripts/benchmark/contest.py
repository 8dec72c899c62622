"""Runs the engines against each other on one network."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.case import OURS, OURS_FP32, Build, Case, compile_ours
from benchmark.engines import MODULES
from benchmark.process import Engine, EngineError
from benchmark.reference import Reference

PAUSE = 0.1  # seconds for the last engine's threads to stop spinning
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Plan:
    """How to time.

    rounds: bursts per engine at most. seconds: of a burst. budget: seconds after which a row has
    enough rounds. target: ours. environment: variables for the other engines.
    """

    rounds: int
    seconds: float
    budget: float
    engines: tuple[str, ...]
    precision: str = "fp32"
    target: str = "native"
    environment: Mapping[str, str] = field(default_factory=dict)


def compile_thrice(case: Case, artifact: Path, plan: Plan) -> dict[str, Any]:
    """Seconds to compile with an empty cache, with all that it keeps, and with kernels alone."""
    with tempfile.TemporaryDirectory() as cache:
        how = Build(plan.target, plan.precision, cache)
        cold, warm = compile_ours(case, artifact, how), compile_ours(case, artifact, how)
        for whole in Path(cache).glob("*.baryon"):
            whole.unlink()
        kernels = compile_ours(case, artifact, how)
    return {
        "compile_s": cold["wall_s"],
        "compile_warm_s": warm["wall_s"],
        "compile_kernels_s": kernels["wall_s"],
        "compile_stages": {"cold": cold["seconds"], "kernels": kernels["seconds"]},
        "artifact_bytes": artifact.stat().st_size,
        "arena_bytes": cold["arena_bytes"],
        "kernels": cold["kernels"],
    }


def contest(
    case: Case, artifact: Path, threads: int, plan: Plan, reference: Reference | None
) -> dict[str, Any]:
    """One row: for each engine the milliseconds, start-up times and errors.

    missing: other engines that cannot run the network, and why. EngineError if ours cannot.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        np.savez(folder / "feeds.npz", **case.feeds())  # type: ignore[arg-type]
        if OURS_FP32 in plan.engines and case.real:
            real = replace(case, model=case.real)
            compile_ours(real, _real(artifact), Build(plan.target, cache=""))
        started = (_engine(n, case, artifact, folder, threads, plan) for n in plan.engines)
        engines, missing = enter(stack, started)
        outputs = {engine.name: _outputs(engine, folder) for engine in engines}
        rounds = take_turns(engines, plan)
    return {
        "model": case.name,
        "batch": case.batch,
        "threads": threads,
        "ms": {name: statistics.median(times) for name, times in rounds.items()},
        "rounds_ms": rounds,
        "start": {engine.name: engine.started for engine in engines},
        "error": {n: reference.error(found) for n, found in outputs.items()} if reference else {},
        "spread": spread(outputs),
        "missing": missing,
    }


def enter(stack: ExitStack, started: Iterable[Engine]) -> tuple[list[Engine], dict[str, str]]:
    """The engines that loaded their network, and by name why others did not.

    EngineError if one of those is ours.
    """
    engines: list[Engine] = []
    missing: dict[str, str] = {}
    for engine in started:
        try:
            engines.append(stack.enter_context(engine))
        except EngineError as error:
            if engine.name == OURS:
                raise
            missing[engine.name] = str(error)
    return engines, missing


def _engine(
    name: str, case: Case, artifact: Path, folder: Path, threads: int, plan: Plan
) -> Engine:
    """A process that has loaded the network."""
    models = {OURS: artifact, OURS_FP32: _real(artifact)}
    model = models.get(name, case.model)
    arguments = [MODULES[name], model, folder / "feeds.npz", threads, plan.precision]
    command = [sys.executable, "-m", "benchmark.worker", *map(str, arguments)]
    return Engine(name, command, {} if name in models else plan.environment)


def _real(artifact: Path) -> Path:
    """The artifact of the float network."""
    return artifact.with_suffix(".fp32.baryon")


def take_turns(engines: Sequence[Engine], plan: Plan) -> dict[str, list[float]]:
    """Milliseconds per engine and round; another engine begins each round."""
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    start = time.perf_counter()
    for number in range(plan.rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - start > plan.budget:
            break
        first = number % len(engines)
        for engine in (*engines[first:], *engines[:first]):
            time.sleep(PAUSE)
            times[engine.name].append(engine.ask(do="burst", seconds=plan.seconds)["ms"])
    return times


def _outputs(engine: Engine, folder: Path) -> list[Any]:
    path = folder / f"{engine.name}.npz"
    engine.ask(do="save", path=str(path))
    with np.load(path) as archive:
        return [archive[name] for name in archive.files]


def spread(outputs: Mapping[str, Sequence[Any]]) -> float:
    """The largest error of any engine if the last one were right."""
    *others, last = outputs.values()
    return max((Reference(last, None).error(found) for found in others), default=0.0)
