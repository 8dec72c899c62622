"""What a pass is: a frozen dataclass with a kebab-case name, its options as fields."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from baryon.ir import BaryonError, Module
from baryon.passes.off import NOTHING, Off
from baryon.passes.patterns import switched
from baryon.passes.stages import GRAPH, Stage
from baryon.rewrite import Rule, rewrite


class PassError(BaryonError, RuntimeError):
    """A pass failed or broke its contract; the message says which passes ran before it."""


class PipelineError(BaryonError, ValueError):
    """Pipeline text that names no pass or gives it options that it does not have."""


@dataclass(frozen=True)
class Pass:
    """A change of a module in place: valid IR of stage `needs` in, valid IR of `leaves` out.

    Subclasses are frozen dataclasses; their fields are the options, all with defaults.
    """

    name: ClassVar[str]
    needs: ClassVar[Stage] = GRAPH
    leaves: ClassVar[Stage] = GRAPH

    def run(self, module: Module) -> bool:
        """Do it; True exactly when the module's text changed."""
        raise NotImplementedError

    def __str__(self) -> str:
        given = [(f.name, getattr(self, f.name)) for f in fields(self)]
        changed = [(k, v) for (k, v), f in zip(given, fields(self), strict=True) if v != f.default]
        text = ",".join(f"{k.replace('_', '-')}={_option_text(v)}" for k, v in changed)
        return f"{self.name}{{{text}}}" if text else self.name


def _option_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class PatternPass(Pass):
    """A pass that consults the table of pattern groups. off: those that it leaves alone."""

    off: Off = NOTHING


@dataclass(frozen=True)
class RulePass(PatternPass):
    """A pass that applies rules until none fires."""

    rules: ClassVar[tuple[Rule, ...]]
    backward: ClassVar[bool] = False

    def run(self, module: Module) -> bool:
        """Apply the rules; ops that lose their last user go."""
        rules = [switched(rule, self.off) for rule in self.rules]
        return rewrite(module, rules, backward=self.backward)
