"""One network for several CPUs: each build by itself, all over one copy of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from baryon.build import Options
from baryon.codegen.artifact import Artifact, join
from baryon.codegen.targets import get_targets, runs_here
from baryon.ir import Module, parse_module, print_module
from baryon.tune.remembered import Outcome, Tuning, build_tuned


@dataclass(frozen=True)
class Variants:
    """The artifact, and what came of each build, best first. left_out: targets that would never
    run, with the one that is preferred wherever they could.
    """

    artifact: Artifact
    outcomes: Sequence[Outcome]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """Those of all builds, each once."""
        return [*dict.fromkeys(p for outcome in self.outcomes for p in outcome.problems)]


def build_variants(
    module: Module, targets: Sequence[str], options: Options, tuning: Tuning
) -> Variants:
    """Compile a module, which is changed, for every one of the named targets.

    The time of a tuning is divided among the targets that this machine can run. Raises what
    `build_tuned` does.
    """
    chosen = get_targets(targets)
    measured = [target.name for target in chosen.best_first if runs_here(target)]
    outcomes = []
    for number, target in enumerate(chosen.best_first):
        is_last = number == len(chosen.best_first) - 1
        seconds = tuning.seconds / len(measured) if target.name in measured else 0
        outcome = build_tuned(
            module if is_last else _copy(module),
            replace(options, target=target.name),
            replace(tuning, seconds=seconds),
        )
        if tuning.seconds and not seconds:
            unmeasured = f"{target.name} is not tuned: this machine cannot run it"
            outcome.problems = [*outcome.problems, unmeasured]
        outcomes.append(outcome)
    return Variants(join([o.artifact for o in outcomes]), outcomes, chosen.left_out)


def _copy(module: Module) -> Module:
    return parse_module(print_module(module), constants=module.constants)
