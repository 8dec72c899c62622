"""What a pass is: a frozen dataclass with a kebab-case name, its options as fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Self

from baryon.ir import BaryonError, Module
from baryon.passes.machine import Machine
from baryon.passes.off import NOTHING, Off
from baryon.passes.patterns import switched
from baryon.passes.stages import GRAPH, Stage
from baryon.rewrite import Rule, rewrite


class PassError(BaryonError, RuntimeError):
    """A pass failed or broke its contract; the message says which passes ran before it."""


class PipelineError(BaryonError, ValueError):
    """Pipeline text that names no pass or gives it options that it does not have."""


GIVEN: Mapping[str, bool] = {"given": True}
"""Metadata of fields that are no options: whoever runs the pass gives them, text cannot."""


@dataclass(frozen=True)
class Pass:
    """A change of a module in place: valid IR of stage `needs` in, valid IR of `leaves` out.

    Subclasses are frozen dataclasses; their fields are the options, all with defaults, but for
    those with the metadata `GIVEN`.
    """

    name: ClassVar[str]
    needs: ClassVar[Stage] = GRAPH
    leaves: ClassVar[Stage] = GRAPH

    def run(self, module: Module) -> bool:
        """Do it; True exactly when the module's text changed."""
        raise NotImplementedError

    def on(self, machine: Machine) -> Self:
        """The pass with what it has to know of the machine."""
        del machine
        return self

    @classmethod
    def options(cls) -> list[Field[Any]]:
        """The fields that text can set."""
        return [f for f in fields(cls) if not f.metadata.get("given")]

    def __str__(self) -> str:
        given = [(f, getattr(self, f.name)) for f in self.options()]
        changed = [(f.name, value) for f, value in given if value != f.default]
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
