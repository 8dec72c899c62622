"""Pipelines as text: "canonicalize,fuse{max-ops=8}" to passes and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from baryon.passes.base import Pass, PatternPass, PipelineError
from baryon.passes.off import Off
from baryon.passes.registry import PASSES

_STEP = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:\{([^}]*)\})?\s*(?:,|$)")
_TRUTH = {"true": True, "false": False, "": True}


def parse_pipeline(text: str) -> tuple[Pass, ...]:
    """The passes that a text names, in order. Options are `key=value`; a lone key means true.

    Raises PipelineError with what would be right.
    """
    passes, at = [], 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise PipelineError(f"cannot read the pipeline at {text[at:]!r}", hint=_HINT)
        passes.append(_make(step[1], _options(step[2] or "")))
        at = step.end()
    return tuple(passes)


def print_pipeline(passes: Sequence[Pass]) -> str:
    """The text that `parse_pipeline` reads back."""
    return ",".join(map(str, passes))


def without_patterns(passes: Sequence[Pass], off: Off) -> tuple[Pass, ...]:
    """The same passes, with some pattern groups switched off in all that know any."""
    return tuple(
        replace(step, off=Off(step.off | off)) if isinstance(step, PatternPass) else step
        for step in passes
    )


_HINT = 'write passes with a comma between, as in "canonicalize,fuse{max-ops=8}"'


def _options(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(",") if item.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _make(name: str, options: Mapping[str, str]) -> Pass:
    cls = PASSES.get(name)
    if cls is None:
        raise PipelineError(f"there is no pass {name}", hint=f"passes: {', '.join(PASSES)}")
    known = {f.name.replace("_", "-"): f for f in cls.options()}
    for key in options:
        if key not in known:
            has = ", ".join(known) or "none"
            raise PipelineError(f"{name} has no option {key}", hint=f"it has: {has}")
    return cls(**{known[k].name: _value(name, k, known[k].default, v) for k, v in options.items()})


def _value(name: str, key: str, default: Any, text: str) -> Any:
    """Convert an option to the type of its default."""
    try:
        return _TRUTH[text.lower()] if isinstance(default, bool) else type(default)(text)
    except (KeyError, ValueError) as error:
        kind = type(default).__name__
        raise PipelineError(f"{name}: {key} must be of type {kind}, not {text!r}") from error
