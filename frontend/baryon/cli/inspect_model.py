"""`baryon inspect MODEL`: ops by type, parameters, work, and what cannot be compiled yet."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from baryon.cli.console import plain_table, print_json, stdout
from baryon.importers.onnx import import_onnx
from baryon.inspection.model import ModelReport, inspect_model
from baryon.units import format_bytes, format_count


def show(path: Path, stage: str | None, *, json: bool) -> None:
    """Print what the model holds; with a `stage`, its IR. json: for programs."""
    if stage is not None:
        if stage != "source":
            raise click.UsageError(f"--ir {stage} is for compiled files; a model has --ir source.")
        click.echo(str(import_onnx(path)), nl=False)
        return
    report = inspect_model(path)
    if json:
        print_json(report.to_dict())
    else:
        _print(stdout(), report)


def _print(console: Console, report: ModelReport) -> None:
    opsets = ", ".join(f"{domain} {version}" for domain, version in report.opsets.items())
    console.print(f"[bold]{report.file}[/bold]: {report.format}, opset {opsets}", end="")
    console.print(f", by {report.producer}" if report.producer else "", markup=False)
    for kind, ports in (("input", report.inputs), ("output", report.outputs)):
        for port in ports:
            console.print(f"  {kind} {port}", markup=False)
    size = f" ({format_bytes(report.parameter_bytes)})" if report.parameter_bytes else ""
    work = f", {format_count(report.flops)} flops a run" if report.flops is not None else ""
    console.print(f"  {format_count(report.parameters)} parameters{size}{work}\n")
    table = plain_table("op", "count", "", right=("count",))
    for op in report.ops:
        table.add_row(op.op, str(op.count), "" if op.supported else "not supported")
    console.print(table)
    _print_problems(console, report)


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
