"""Runs passes with the checks around them; a failing pass leaves a reproducer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from baryon.ir import Array, BaryonError, Module, UnsupportedError
from baryon.ir.module import INLINE_CONSTANT
from baryon.passes.base import Pass, PassError
from baryon.passes.pipeline import parse_pipeline, print_pipeline
from baryon.passes.stages import verify_stage

Observer = Callable[[Pass, Module, bool], None]


@dataclass(frozen=True)
class Timing:
    """How long one pass took, in seconds, and whether it changed anything."""

    name: str
    seconds: float
    changed: bool


@dataclass(frozen=True)
class PassManager:
    """A pipeline ready to run.

    check: verify the module before the first pass and after each that changed it.
    debug: also compare each pass's changed-bit with the printed text (slow on large modules).
    observer: called after each pass, for inspection and progress, with whether it changed anything.
    repro_dir: where a failing pass writes repro.ir and repro.npz; None writes nothing.
    """

    passes: tuple[Pass, ...]
    check: bool = True
    debug: bool = False
    observer: Observer | None = None
    repro_dir: Path | None = None

    def run(self, module: Module) -> list[Timing]:
        """Run all passes on the module in place. Raises PassError naming the pass that failed."""
        return [self._step(number, module) for number in range(len(self.passes))]

    def _step(self, number: int, module: Module) -> Timing:
        step = self.passes[number]
        before = str(module) if self.debug or self.repro_dir is not None else ""
        constants = dict(module.constants) if self.repro_dir is not None else {}
        try:
            self._check_needs(number, module)
            start = time.perf_counter()
            changed = step.run(module)
            seconds = time.perf_counter() - start
            self._check(number, module, before, changed)
        except UnsupportedError:  # the user's network, not the pass, is the reason
            raise
        except Exception as error:
            raise self._failure(number, error, before, constants) from error
        if self.observer is not None:
            self.observer(step, module, changed)
        return Timing(step.name, seconds, changed)

    def _check_needs(self, number: int, module: Module) -> None:
        """Verify the stage that a pass needs, unless the pass before it has left that one."""
        needs = self.passes[number].needs
        if self.check and (number == 0 or self.passes[number - 1].leaves is not needs):
            verify_stage(module, needs)

    def _check(self, number: int, module: Module, before: str, changed: bool) -> None:
        step = self.passes[number]
        if self.check and (changed or step.leaves is not step.needs):
            verify_stage(module, step.leaves)
        if self.debug and changed != (before != str(module)):
            raise PassError(f"it reports changed={changed}, but its text says otherwise")

    def _failure(
        self, number: int, error: Exception, before: str, constants: dict[str, Array]
    ) -> PassError:
        done = print_pipeline(self.passes[:number]) or "none"
        step = self.passes[number]
        text = (
            error.message if isinstance(error, BaryonError) else f"{type(error).__name__}: {error}"
        )
        hint = f"passes that ran before it: {done}"
        if self.repro_dir is not None:
            path = write_repro(self.repro_dir, before, constants)
            hint += f'\n  to repeat it: baryon opt {path} -p "{step}"'
        where, excerpt = getattr(error, "where", None), getattr(error, "excerpt", None)
        return PassError(f"pass {step} failed: {text}", where=where, hint=hint, excerpt=excerpt)


def write_repro(folder: Path, text: str, constants: dict[str, Array]) -> Path:
    """Write repro.ir, and beside it repro.npz with the constants that the text calls external."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "repro.ir"
    path.write_text(text)
    large = {k: v for k, v in constants.items() if v.size > INLINE_CONSTANT}
    if large:
        np.savez(path.with_suffix(".npz"), allow_pickle=False, **large)
    return path


def run_pipeline(
    module: Module, pipeline: str | Sequence[Pass], *, check: bool = True, debug: bool = False
) -> bool:
    """Run a pipeline given as text or passes; True when anything changed."""
    passes = parse_pipeline(pipeline) if isinstance(pipeline, str) else tuple(pipeline)
    timings = PassManager(passes, check=check, debug=debug).run(module)
    return any(t.changed for t in timings)
