"""Runs a graph in each of the ways that must agree with its meaning in float64."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from baryon.build import Options, build, in_process
from baryon.codegen.artifact import Artifact
from baryon.interp import run
from baryon.ir import Array, Module, parse_module
from baryon.ops.numerics import Arr
from baryon.passes import DEFAULT_PIPELINE, Pass, PassManager, parse_pipeline, plan_memory
from graphs.generate import Drawn
from passes.arena import Arena

SHARE = 1e-5
"""Errors up to this share of an output's largest magnitude are rounding."""
CONDITION = 40
"""How many times such an error of float32 arithmetic in NumPy is rounding as well."""


@dataclass(frozen=True)
class Mismatch:
    """What went wrong: where, and how much. kind: equal for failures of one reason."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


Check = Callable[[Drawn], Mismatch | None]


def copy(module: Module) -> Module:
    """The module, by way of its text."""
    return parse_module(str(module), constants=dict(module.constants))


def guarded(check: Check) -> Check:
    """A check for which an exception is a mismatch."""

    def checked(drawn: Drawn) -> Mismatch | None:
        try:
            return check(drawn)
        except Exception as error:
            first = str(error).strip().split("\n")[0]
            return Mismatch(
                f"{type(error).__name__} {re.sub('[0-9]+', '', first)[:30]}", first[:300]
            )

    return checked


@guarded
def check_text(drawn: Drawn) -> Mismatch | None:
    """The text reads back, to a module of the same text and meaning."""
    again = copy(drawn.module)
    if str(again) != str(drawn.module):
        return Mismatch("text", "it prints otherwise after being read")
    return compare("text", drawn, run(again, drawn.inputs, precise=True))


@guarded
def check_passes(drawn: Drawn) -> Mismatch | None:
    """The whole pipeline keeps the meaning, in planned memory too; names the first bad pass."""
    module = copy(drawn.module)
    PassManager(parse_pipeline(DEFAULT_PIPELINE)).run(module)
    found = compare("pipeline", drawn, run(module, drawn.inputs, precise=True))
    if found is not None:
        return check_each_pass(drawn) or found
    plan = plan_memory(module)
    return compare("memory plan", drawn, Arena(module, plan, drawn.inputs).run())


@guarded
def check_each_pass(drawn: Drawn) -> Mismatch | None:
    """Every pass keeps the meaning and says truly whether it changed anything."""
    module = copy(drawn.module)
    found: list[Mismatch] = []

    def observe(step: Pass, now: Module, _: bool) -> None:
        if not found:
            bad = compare(f"pass {step.name}", drawn, run(now, drawn.inputs, precise=True))
            found.extend([bad] if bad else [])

    PassManager(parse_pipeline(DEFAULT_PIPELINE), debug=True, observer=observe).run(module)
    return found[0] if found else None


@guarded
def check_compiled(drawn: Drawn) -> Mismatch | None:
    """Compiled code gives the outputs, and the same bits by one thread and by two."""
    artifact = build(copy(drawn.module), Options())
    one, two = (execute(artifact, drawn.inputs, threads) for threads in (1, 2))
    for n, (a, b) in enumerate(zip(one, two, strict=True)):
        if a.tobytes() != b.tobytes():
            return Mismatch("threads", f"output {n} depends on the number of threads")
    return compare("compiled", drawn, one)


def execute(artifact: Artifact, inputs: Sequence[Array], threads: int) -> list[Array]:
    """The outputs of one run."""
    return list(in_process(artifact, threads)(*inputs))


def compare(kind: str, drawn: Drawn, got: Sequence[Array]) -> Mismatch | None:
    """Compare outputs with the expected ones."""
    if len(got) != len(drawn.expected):
        return Mismatch(kind, f"{len(got)} outputs in place of {len(drawn.expected)}")
    for n, (a, e) in enumerate(zip(got, drawn.expected, strict=True)):
        if a.shape != e.shape:
            return Mismatch(kind, f"output {n} has the shape {a.shape}, not {e.shape}")
        error = distance(a, e)
        if error > SHARE and error > SHARE + CONDITION * conditions(drawn)[n]:
            return Mismatch(kind, f"output {n} is off by {error:.1e} of its largest magnitude")
    return None


def distance(a: Arr, e: Arr) -> float:
    """The largest difference as a share of the largest magnitude."""
    a, e = a.astype(np.float64), e.astype(np.float64)
    if not np.isfinite(a).all():
        return np.inf
    most = float(np.abs(e).max(initial=0))
    return float(np.abs(a - e).max(initial=0)) / max(most, 1e-6)


def conditions(drawn: Drawn) -> list[float]:
    """For each output the error of NumPy's float32, and the effect of moving all arguments by ulps.

    Several moves: a gradient jumps where a value is as close to the bend of a function as that.
    """
    rng = np.random.default_rng(0)
    runs = [run(drawn.module, drawn.inputs)]
    for _ in range(3):
        moved = [moved_by(x, 5e-7 * rng.uniform(-1, 1, x.shape)) for x in drawn.inputs]
        runs.append(run(drawn.module, moved, precise=True))
    return [max(distance(r, e) for r in rs) for *rs, e in zip(*runs, drawn.expected, strict=True)]


def moved_by(x: Arr, share: Arr) -> Array:
    """Floating elements moved by a share of them, in float64."""
    return x * (1 + share) if x.dtype.kind == "f" else x
