"""The tuner: waves of candidates within a budget, then a last comparison of the whole network.

A wave holds one candidate for each of several problems. They are compiled, put into an artifact
beside the untuned kernels of all others, and timed against the untuned artifact: one pair of runs
measures all of them. What won beyond noise is put together and has to win again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from baryon.build import Lowered
from baryon.codegen.artifact import Artifact
from baryon.codegen.compiler import CompiledKernel, Progress, compile_groups, silent
from baryon.codegen.tuning import Choice, Choices, Machine
from baryon.tune.search import Problem, next_wave, problems_of
from baryon.tune.timing import Loaded, Times, compare, typical, wins

MARGIN = 0.02
"""A candidate has to be faster by this much."""
PAIRS = range(5, 41)
"""Pairs of runs of a comparison: as many of these as fit into `MEASURE_SHARE` of the budget."""
MEASURE_SHARE = 0.05
COMPILE_SECONDS = 0.1
"""A first guess at the time that a kernel takes to compile."""


@dataclass(frozen=True)
class Settings:
    """How to tune. seconds: of wall time, beyond those of compiling untuned. threads: numbers of
    threads to measure with. jobs: threads that compile.
    """

    seconds: float
    threads: tuple[int, ...]
    jobs: int | None = None
    progress: Progress = silent


@dataclass
class Report:
    """What tuning did. problems: kernels with a choice; measured: candidates; replaced: problems
    whose candidate is another now; ratio: time of the network over that untuned.
    """

    seconds: float = 0.0
    problems: int = 0
    measured: int = 0
    replaced: int = 0
    ratio: float = 1.0
    choices: Sequence[Choice] = field(default_factory=list)


def tune(
    lowered: Lowered, untuned: Sequence[CompiledKernel], settings: Settings, choices: Choices
) -> tuple[Artifact, Report]:
    """The artifact of a network with the best kernels that the budget found, never a slower one.

    untuned: its kernels as the cost model chose them. choices: what was measured before.
    """
    return _Tuner(lowered, untuned, settings, choices).run()


class _Tuner:
    def __init__(
        self,
        lowered: Lowered,
        untuned: Sequence[CompiledKernel],
        settings: Settings,
        choices: Choices,
    ) -> None:
        self.start = time.perf_counter()
        self.end = self.start + settings.seconds
        self.lowered, self.untuned, self.settings = lowered, untuned, settings
        self.machine = Machine.of(lowered.target, settings.threads)
        self.problems = problems_of(lowered.groups, lowered.target, self.machine, choices)
        self.compiled: dict[tuple[str, str], list[CompiledKernel]] = {}
        self.compile_seconds = COMPILE_SECONDS
        self.measure_seconds = 0.0
        self.waves = 0

    def run(self) -> tuple[Artifact, Report]:
        """Waves until the time is over, then the last comparison."""
        base = self.lowered.assemble(self.untuned)
        if not self.problems:
            return base, Report()
        self._prepare(base)
        while self._wave():
            pass
        tuned, ratio = self._settle()
        measured = [p for p in self.problems if p.ratios]
        choices = [self._choice(p, tuned is not None) for p in measured]
        report = Report(
            seconds=time.perf_counter() - self.start,
            problems=len(self.problems),
            measured=sum(len(p.ratios) for p in measured),
            replaced=sum(p.best is not None for p in measured) if tuned else 0,
            ratio=ratio,
            choices=choices,
        )
        return tuned or base, report

    def _prepare(self, base: Artifact) -> None:
        """Load the untuned network, see where its time goes, and what measuring costs."""
        start = time.perf_counter()
        self.base: Loaded = Loaded(base, self.settings.threads)
        loaded = time.perf_counter()
        times = compare(self.base, self.base, 1)
        pair = (time.perf_counter() - loaded) / times.nanoseconds.shape[1]
        fitting = int(MEASURE_SHARE * self.settings.seconds / pair)
        self.pairs = min(max(fitting, PAIRS.start), PAIRS.stop - 1)
        # an artifact is assembled and loaded again for each wave
        self.measure_seconds = 2 * (loaded - start) + self.pairs * pair
        shares = times.shares()
        for problem in self.problems:
            problem.share = float(shares[list(problem.groups)].sum())

    def _left(self) -> float:
        """Seconds for compiling: one comparison follows, and one of all winners after the waves."""
        return self.end - time.perf_counter() - 2 * self.measure_seconds

    def _wave(self) -> bool:
        """Measure one candidate of several problems; False if there is no time or nothing left."""
        left = self._left()
        self._show()
        most = int(min(left, max(left / 4, self.measure_seconds)) / self.compile_seconds)
        wave = next_wave(self.problems, most) if most > 0 else {}
        if not wave:
            return False
        self._compile(wave)
        measured = self._measure(self._assemble(wave))
        for problem in self._named(wave):
            ratios, name = measured.ratios(problem.groups), wave[problem.text]
            problem.ratios[name] = typical(ratios)
            if wins(ratios, MARGIN):
                problem.wins.add(name)
        self.waves += 1
        return True

    def _named(self, wave: Mapping[str, str]) -> list[Problem]:
        return [p for p in self.problems if p.text in wave]

    def _compile(self, wave: Mapping[str, str]) -> None:
        start = time.perf_counter()
        numbers = [(n, p) for p in self._named(wave) for n in p.groups]
        names = {id(self.lowered.groups[n]): wave[p.text] for n, p in numbers}
        groups = [self.lowered.groups[n] for n, _ in numbers]
        kernels = compile_groups(
            groups, self.lowered.target, self.settings.jobs, chooser=lambda g: names[id(g)]
        )
        for (_, problem), kernel in zip(numbers, kernels, strict=True):
            # the untuned kernels of the artifact are numbered from 0 on, too
            named = replace(kernel, name=f"{kernel.name}_{self.waves}")
            self.compiled.setdefault((problem.text, wave[problem.text]), []).append(named)
        self.compile_seconds = (time.perf_counter() - start) / len({k.name for k in kernels})

    def _assemble(self, wave: Mapping[str, str]) -> Artifact:
        """The network with these candidates, and the untuned kernels where it names none."""
        kernels = list(self.untuned)
        for problem in self._named(wave):
            found = self.compiled[problem.text, wave[problem.text]]
            for number, kernel in zip(problem.groups, found, strict=True):
                kernels[number] = kernel
        return self.lowered.assemble(kernels)

    def _measure(self, artifact: Artifact) -> Times:
        """An artifact against the untuned one."""
        start = time.perf_counter()
        other = Loaded(artifact, self.settings.threads)
        times = compare(self.base, other, self.pairs, until=self.end)
        self.measure_seconds = max(self.measure_seconds, time.perf_counter() - start)
        return times

    def _settle(self) -> tuple[Artifact | None, float]:
        """All winners together, without those that do not win again; None if that is no faster."""
        while winners := {p.text: p.best for p in self.problems if p.best is not None}:
            self._show()
            artifact = self._assemble(winners)
            times = self._measure(artifact)
            lost = [p for p in self._named(winners) if typical(times.ratios(p.groups)) >= 1]
            if not lost or self._left() < 0:
                faster = np.median(times.total, axis=1).max() < 1
                return (artifact, typical(times.total)) if faster else (None, 1.0)
            for problem in lost:
                problem.wins.clear()
        return None, 1.0

    def _choice(self, problem: Problem, is_tuned: bool) -> Choice:
        best = problem.best if is_tuned else None
        ratios = {problem.untuned: 1.0, **problem.ratios}
        return Choice(self.machine, problem.text, best or problem.untuned, ratios)

    def _show(self) -> None:
        spent = min(time.perf_counter() - self.start, self.settings.seconds)
        self.settings.progress("tune", round(10 * spent), round(10 * self.settings.seconds))
