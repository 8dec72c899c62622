"""Compilation with choices that were measured: those of a file, or of a tuning of now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from baryon.build import Lowered, Options, generate, lower
from baryon.codegen.artifact import Artifact
from baryon.codegen.cache import tuning_path
from baryon.codegen.compiler import compile_groups
from baryon.codegen.group import Group
from baryon.codegen.kernels import candidates
from baryon.codegen.targets import Target
from baryon.codegen.tuning import (
    Choices,
    Machine,
    TuningFileError,
    by_model,
    problem_of,
)
from baryon.ir import Module
from baryon.tune.tuner import Report, Settings, tune


@dataclass(frozen=True)
class Tuning:
    """How measured choices take part in a compilation.

    seconds: to spend on measuring; 0 takes what is remembered. threads: that will run the network;
    None for one and for as many as this process may use. file: with the choices, `off` for none,
    None for what BARYON_TUNING says or the user's own.
    """

    seconds: float = 0.0
    threads: int | None = None
    file: str | None = None

    @property
    def thread_counts(self) -> tuple[int, ...]:
        """Numbers of threads that count."""
        if self.threads is not None:
            return (self.threads,)
        return tuple(sorted({1, len(os.sched_getaffinity(0))}))


@dataclass
class Outcome:
    """What came of it. remembered: kernels by choices of before; report: of a tuning of now;
    problems: sentences on files and entries that were left out.
    """

    artifact: Artifact
    file: str | None = None
    remembered: int = 0
    report: Report | None = None
    problems: Sequence[str] = field(default_factory=list)


def build_tuned(module: Module, options: Options, tuning: Tuning) -> Outcome:
    """Compile a module, which is changed.

    Raises BaryonError and OSError: tuning that cannot write its file says so before it measures.
    """
    choices, problems = _read(tuning)
    lowered = lower(module, options)
    if tuning.seconds:
        artifact, report = _measured(lowered, options, tuning, choices)
        outcome = Outcome(artifact, report=report)
    else:
        outcome = _remembered(lowered, options, tuning, choices)
    return _described(outcome, choices, problems)


def _read(tuning: Tuning) -> tuple[Choices, list[str]]:
    path = tuning_path(tuning.file)
    if path is None:
        return Choices(), []
    try:
        choices = Choices.read(path)
    except TuningFileError as error:
        return Choices(path), [str(error)]
    damaged = f"{path}: {choices.damaged} damaged entries are left out"
    return choices, [damaged] if choices.damaged else []


def _measured(
    lowered: Lowered, options: Options, tuning: Tuning, choices: Choices
) -> tuple[Artifact, Report]:
    compiled = compile_groups(lowered.groups, lowered.target, options.jobs, options.progress)
    settings = Settings(tuning.seconds, tuning.thread_counts, options.jobs, options.progress)
    artifact, report = tune(lowered, compiled, settings, choices)
    if choices.path is not None and report.choices:
        choices.write(report.choices)
    return artifact, report


def _remembered(lowered: Lowered, options: Options, tuning: Tuning, choices: Choices) -> Outcome:
    chooser = Remembered(choices, Machine.of(lowered.target, tuning.thread_counts), lowered.target)
    artifact = generate(lowered, options, chooser if choices.found else by_model)
    return Outcome(artifact, remembered=chooser.used)


@dataclass
class Remembered:
    """A chooser of what was measured before. used: groups for which something was."""

    choices: Choices
    machine: Machine
    target: Target
    used: int = 0

    def __call__(self, group: Group) -> str | None:
        """The candidate's name; None for one that is unknown, or no candidate any more."""
        known = self.choices.found.get((self.machine, problem_of(group)))
        names = [c.name for c in candidates(group, self.target)] if known else []
        if known is None or known.name not in names:
            return None
        self.used += 1
        # the model's own choice has no name: it is the same kernel as in a compilation without it
        return known.name if known.name != names[0] else None


def _described(outcome: Outcome, choices: Choices, problems: Sequence[str]) -> Outcome:
    notes: dict[str, Any] = {"remembered": outcome.remembered}
    if outcome.report is not None:
        report = outcome.report
        notes |= {"measured": report.measured, "replaced": report.replaced, "ratio": report.ratio}
    outcome.artifact = outcome.artifact.noted(tuning=notes)
    outcome.file, outcome.problems = str(choices.path) if choices.path else None, problems
    return outcome
