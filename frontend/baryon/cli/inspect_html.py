"""`baryon inspect FILE --html PAGE`: everything about a network, for a browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from baryon.api import to_module
from baryon.build import Options, build, in_process
from baryon.cli.groups import measure
from baryon.cli.inspect_artifact import only_variant
from baryon.cli.outputs import check_destination, replacing
from baryon.codegen.artifact import Artifact, read_artifact
from baryon.feeds import random_feeds
from baryon.inspection import Machine, estimate_run
from baryon.inspection.page import to_html
from baryon.inspection.report import InspectionReport, inspection_report
from baryon.runtime import Executable, UnsupportedCpuError, load
from baryon.units import format_bytes


def write(
    file: Path,
    page: Path,
    threads: int | None,
    variant: str | None,
    given: Mapping[str, Any],
    *,
    compiled: bool,
) -> None:
    """Write the page about an artifact, or about a model, which is compiled for this CPU first.

    Times are measured on random input where the CPU can run the file, estimated elsewhere.
    variant: of an artifact; None for the one that runs here, or else the first.
    given: what `to_module` takes besides the file.
    """
    check_destination(page)  # before the work, not after it
    report = _of_artifact(file, threads, variant) if compiled else _of_model(file, threads, given)
    text = to_html(report)
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    how = "measured" if report.measured else "estimated"
    click.echo(f"{page}: {format_bytes(page.stat().st_size)}, with {how} times")


def _of_artifact(file: Path, threads: int | None, variant: str | None) -> InspectionReport:
    artifact = read_artifact(file)
    shown = only_variant(artifact, variant, file)
    try:
        executable = load(file, threads=threads, variant=variant)
        shown = only_variant(artifact, executable.variant, file)
    except UnsupportedCpuError:
        executable = None
    return _report(file.name, shown, executable, threads, file.stat().st_size)


def _of_model(file: Path, threads: int | None, given: Mapping[str, Any]) -> InspectionReport:
    artifact = build(to_module(file, **given), Options(refuse_slower=True))
    executable = in_process(artifact, threads)
    return _report(file.name, artifact, executable, threads, executable.sizes["file_bytes"])


def _report(
    name: str, artifact: Artifact, executable: Executable | None, threads: int | None, size: int
) -> InspectionReport:
    """Of an artifact with one variant."""
    machine = Machine.measured(threads if executable is None else executable.threads)
    spent = None if executable is None else measure(executable, random_feeds(executable))
    return inspection_report(name, artifact, estimate_run(artifact, machine), spent, size)
