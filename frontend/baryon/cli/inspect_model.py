"""`baryon inspect MODEL`: ops by type, parameters, work, and what cannot be compiled yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from baryon.cli.console import plain_table, print_json, stdout
from baryon.cli.modules import read_module
from baryon.inspection.model import ModelReport, inspect_model
from baryon.units import format_bytes, format_count

_NAMED = 8


def show(path: Path, stage: str | None, given: Mapping[str, Any], *, json: bool) -> None:
    """Print what the model holds; with a `stage`, its IR. json: for programs.

    given: what `to_module` takes besides the file.
    """
    if stage is not None:
        if stage != "source":
            raise click.UsageError(f"--ir {stage} is for compiled files; a model has --ir source.")
        click.echo(str(read_module(path, given=given)), nl=False)
        return
    report = inspect_model(path, **given)
    if json:
        print_json(report.to_dict())
    else:
        _print(stdout(), report)


def _print(console: Console, report: ModelReport) -> None:
    opsets = [f"{domain} {version}" for domain, version in report.opsets.items()]
    kind = f"{report.format}, opset {', '.join(opsets)}" if opsets else report.format
    console.print(f"[bold]{report.file}[/bold]: {kind}", end="")
    console.print(f", by {report.producer}" if report.producer else "", markup=False)
    for kind, ports in (("input", report.inputs), ("output", report.outputs)):
        for port in ports:
            console.print(f"  {kind} {port}", markup=False)
    size = f" ({format_bytes(report.parameter_bytes)})" if report.parameter_bytes else ""
    beside = f" in {report.params}" if report.params else ""
    work = f", {format_count(report.flops)} flops a run" if report.flops is not None else ""
    console.print(
        f"  {format_count(report.parameters)} parameters{size}{beside}{work}", markup=False
    )
    if report.unsized:
        console.print(f"  {_about_sizes(report)}", markup=False)
    console.print()
    table = plain_table("op", "count", "", right=("count",))
    for op in report.ops:
        table.add_row(op.op, str(op.count), "" if op.supported else "not supported")
    console.print(table)
    _print_problems(console, report)


def _about_sizes(report: ModelReport) -> str:
    """Why a symbol has no count of operations, and what to give."""
    names = ", ".join(report.unsized[:_NAMED])
    more = len(report.unsized) - _NAMED
    names += f" and {more} more" if more > 0 else ""
    beside = "" if report.params else "; no file of parameters is beside it: --params FILE"
    return f"flops not known: give the shape of {names} by --shape NAME=SHAPE{beside}"


def _print_problems(console: Console, report: ModelReport) -> None:
    missing = [op for op in report.ops if not op.supported]
    if missing:
        console.print("\nbaryon cannot compile it, for want of")
        for op in missing:
            console.print(f"  {op.op}, {op.count} x: {op.remedy}", markup=False)
    elif report.problem is not None:
        console.print(f"\nbaryon cannot compile it: {report.problem}", markup=False)
        if report.hint:
            console.print(f"  {report.hint}", markup=False)
