"""Runs the engines against each other on one network."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.process import Engine, EngineError

OURS = "baryon"
MODULES: Mapping[str, str] = {OURS: "ours", "onnxruntime": "ort", "openvino": "ov"}
PAUSE = 0.1  # seconds for the last engine's threads to stop spinning


@dataclass(frozen=True)
class Plan:
    """How to time. rounds: bursts per engine. seconds: the length of a burst."""

    rounds: int
    seconds: float
    engines: tuple[str, ...]


def compile_ours(model: Path, artifact: Path) -> dict[str, Any]:
    """Compile by the command line in a process of its own; seconds and file size."""
    command = [sys.executable, "-m", "baryon.cli.main", "compile", str(model), "-o", str(artifact)]
    start = time.perf_counter()
    cold = os.environ | {"BARYON_CACHE": "off", "BARYON_TUNING": "off"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=cold)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise EngineError(f"{OURS}: {done.stderr.strip()}")
    return {"compile_s": seconds, "artifact_bytes": artifact.stat().st_size}


def worker(engine: str, model: Path, threads: int) -> list[str]:
    """The command of a process that has loaded a network."""
    module = MODULES[engine]
    return [sys.executable, "-m", "benchmark.worker", module, str(model), str(threads)]


def contest(model: Path, artifact: Path, threads: int, plan: Plan) -> dict[str, Any]:
    """One row: for each engine the milliseconds, start-up times and difference of outputs."""
    with ExitStack() as stack:
        engines = [
            stack.enter_context(Engine(n, worker(n, artifact if n == OURS else model, threads)))
            for n in plan.engines
        ]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        errors = compare(engines, folder)
        rounds = take_turns(engines, plan)
    return {
        "model": model.stem,
        "threads": threads,
        "ms": {name: statistics.median(times) for name, times in rounds.items()},
        "rounds_ms": rounds,
        "start": {engine.name: engine.started for engine in engines},
        "error": errors,
    }


def take_turns(engines: Sequence[Engine], plan: Plan) -> dict[str, list[float]]:
    """Milliseconds per engine and round; another engine begins each round."""
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for number in range(plan.rounds):
        first = number % len(engines)
        for engine in (*engines[first:], *engines[:first]):
            time.sleep(PAUSE)
            times[engine.name].append(engine.ask(do="burst", seconds=plan.seconds)["ms"])
    return times


def compare(engines: Sequence[Engine], folder: Path) -> dict[str, float]:
    """The largest difference of each engine's outputs from the last's, over its largest output."""
    outputs = {}
    for engine in engines:
        path = folder / f"{engine.name}.npz"
        engine.ask(do="save", path=str(path))
        with np.load(path) as archive:
            outputs[engine.name] = [archive[name] for name in archive.files]
    reference = outputs[engines[-1].name]
    return {e.name: max_error(outputs[e.name], reference) for e in engines[:-1]}


def max_error(arrays: Sequence[Any], reference: Sequence[Any]) -> float:
    """Over all outputs: the largest absolute difference, relative to the largest reference."""
    if [a.shape for a in arrays] != [r.shape for r in reference]:
        return float("inf")
    pairs = zip(arrays, reference, strict=True)
    scale = max(float(np.abs(r).max(initial=0.0)) for r in reference) or 1.0
    return max(float(np.abs(a - r).max(initial=0.0)) for a, r in pairs) / scale
