"""`baryon inspect MODEL --explain NODE`: what rewriting and fusion did with one node, and why."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.text import Text

from baryon.cli.console import plain_table, print_json, stdout
from baryon.cli.files import FileError
from baryon.cli.modules import read_module
from baryon.ir import Module, Op
from baryon.ops.structure import FUSED
from baryon.passes import (
    DEFAULT_PIPELINE,
    GROUPS,
    PassManager,
    parse_pipeline,
    set_variable,
    switched_off,
    without_patterns,
)
from baryon.rewrite import Attempt, tracing

Step = dict[str, str]
"""One attempt: its pass, rule, op, outcome and reason."""

_SHOWN_REASONS = 3
_COLOURS = {"fired": "green", "joined": "green", "anchor": "green", "part": "green",
            "refused": "yellow", "left out": "yellow"}  # fmt: skip


def show(path: Path, node: str, given: Mapping[str, Any], *, json: bool) -> None:
    """Print the explanation of a node of a model; FileError with near names for a wrong one.

    given: what `to_module` takes besides the file.
    """
    found = explain(read_module(path, given=given), node, os.environ)
    if json:
        print_json({"file": str(path), **found})
    else:
        _print(path, found)


def explain(module: Module, node: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What happens to a node while the pipeline runs over the module, which it changes."""
    ops = _named(module, node)
    about = [{"op": op.name, "result": _name(op), "source": str(op.loc)} for op in ops]
    chosen = _follower(ops)
    steps: list[Step] = []
    off = switched_off(environment=environment)
    with tracing(chosen) as trace:

        def observe(step: object, _: Module, __: bool) -> None:
            name = str(step).partition("{")[0]
            new = trace.attempts[len(steps) :]
            steps.extend(_step(name, attempt, environment) for attempt in new)

        passes = without_patterns(parse_pipeline(DEFAULT_PIPELINE), off)
        PassManager(passes, check=False, observer=observe).run(module)
    known: list[Step] = []
    known += (step for step in steps if step not in known)
    return {"node": node, "ops": about, "steps": known, "kernel": _kernel(module, chosen)}


def _named(module: Module, node: str) -> list[Op]:
    """The ops of a node; several where an importer writes it as such."""
    ops = [op for op in module.main.body.walk() if op.results]
    found = [op for op in ops if node in _names(op)]
    if found:
        return found
    known = list(dict.fromkeys(name for op in ops for name in _names(op)))
    near = difflib.get_close_matches(node, known, 3, 0.5) or [n for n in known if node in n][:3]
    hint = f"near it: {', '.join(near)}" if near else "baryon inspect MODEL --ir lists the values"
    raise FileError(f"there is no node or value {node!r}", hint=hint)


def _names(op: Op) -> list[str]:
    """What people may call an op: its results, and its node in the file."""
    source = op.loc.source.partition("#")[2]
    return [*filter(None, (source, *(r.name for r in op.results)))]


def _name(op: Op) -> str:
    return op.results[0].name


def _follower(ops: Sequence[Op]) -> Callable[[Op], bool]:
    """Chooses the ops that stand for a node: same result, or same place in the file."""
    results = {_name(op) for op in ops}
    places = {op.loc for op in ops if "#" in op.loc.source}
    return lambda op: bool(op.results) and (_name(op) in results or op.loc in places)


def _step(name: str, attempt: Attempt, environment: Mapping[str, str]) -> Step:
    return {
        "pass": name,
        "rule": attempt.rule,
        "op": attempt.op,
        "outcome": attempt.outcome,
        "reason": _with_cause(attempt.reason, environment),
    }


def _with_cause(reason: str, environment: Mapping[str, str]) -> str:
    """The reason, with the variable where a pattern is switched off."""
    for group in GROUPS:
        variable, text = set_variable(group, environment), f"{group.name} is switched off"
        if variable is not None and text in reason:
            return reason.replace(text, f"{text} by {variable}")
    return reason


def _kernel(module: Module, chosen: Callable[[Op], bool]) -> list[str] | None:
    """The ops of the kernel in which the node ended, None where it is in none."""
    for group in (op for op in module.main.body.ops if op.name == FUSED):
        inside = group.regions[0].ops[:-1]
        if any(map(chosen, inside)):
            return [f"%{_name(op)} {op.name}" for op in inside]
    return None


def _print(path: Path, found: Mapping[str, Any]) -> None:
    console = stdout()
    for op in found["ops"]:
        console.print(f"[bold]%{op['result']}[/bold] {op['op']}, from {op['source']}")
    for name, steps in groupby(found["steps"], key=lambda step: step["pass"]):
        console.print(f"\n{name}")
        table = plain_table("  rule", "at", "outcome", "why")
        for step in steps:
            outcome = Text(step["outcome"], style=_colour(step["outcome"]))
            table.add_row(f"  {step['rule']}", step["op"], outcome, _shortened(step["reason"]))
        console.print(table)
    if not found["steps"]:
        console.print("\nNo rule has such an op at its root, and fusion did not look at it.")
    kernel = found["kernel"]
    ending = "It is in no kernel of its name." if kernel is None else _listed(kernel)
    console.print(f"\n{ending}", markup=False)


def _listed(kernel: Sequence[str]) -> str:
    return "\n    ".join(["It is in the kernel of", *kernel])


def _colour(outcome: str) -> str:
    return _COLOURS.get(outcome.partition(" by ")[0], "")


def _shortened(reason: str) -> str:
    reasons = reason.split("; ")
    more = len(reasons) - _SHOWN_REASONS
    return reason if more <= 0 else "; ".join([*reasons[:_SHOWN_REASONS], f"{more} more"])
