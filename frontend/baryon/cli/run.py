"""`baryon run`: arrays from files through a compiled network."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click
import numpy as np

from baryon.cli.console import JSON_OPTION, THREADS_OPTION, plain_table, print_json, stdout
from baryon.cli.files import FileError, bind_inputs, write_arrays
from baryon.cli.groups import measure, print_groups
from baryon.cli.outputs import check_destination
from baryon.cli.trace import Phases, trace, write_trace
from baryon.command.options import ARTIFACT_ARGUMENT, SIGNATURE_OPTION
from baryon.ir import Array
from baryon.runtime import load


@click.command("run")
@ARTIFACT_ARGUMENT
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=FILE",
    help="An input from a .npy, .npz or .pb (ONNX tensor) file; NAME= may be left out. Repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where the outputs go: .npz, or .npy for a single one. [default: a summary is shown]",
)
@THREADS_OPTION
@click.option("--profile", is_flag=True, help="Show how long each group of ops took.")
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Write when each kernel ran, for ui.perfetto.dev or chrome://tracing.",
)
@click.option(
    "--check-numerics",
    "kinds",
    is_flag=False,
    flag_value="all",
    type=click.Choice(["all", "nan"]),
    metavar="[all|nan]",
    help="Name the first op with a NaN or Inf (nan: NaN only) in its result, and exit with 1 if "
    "there is one. A model (.onnx) can be checked too.",
)
@SIGNATURE_OPTION
@JSON_OPTION
def command(
    artifact: Path,
    inputs: tuple[str, ...],
    output: Path | None,
    threads: int | None,
    profile: bool,
    trace_file: Path | None,
    kinds: str | None,
    require_signature: Path | None,
    as_json: bool,
) -> None:
    """Run ARTIFACT, a .baryon file, once on arrays from files.

    \b
    baryon run resnet50.baryon --input data=image.npy -o scores.npz
    baryon run resnet50.onnx --input data=image.npy --check-numerics
    baryon inspect resnet50.baryon      shows the names and shapes of the inputs
    """
    if kinds is not None:
        if output or profile or trace_file:
            raise click.UsageError("--check-numerics goes with --input, --threads and --json.")
        numerics = importlib.import_module("baryon.cli.numerics")  # which other runs do not need
        keys = require_signature
        raise SystemExit(numerics.check(artifact, inputs, kinds, threads, keys, as_json=as_json))
    if trace_file is not None:
        check_destination(trace_file)  # before the work, not after it
    phases = Phases()
    with phases.of("load"):
        executable = load(artifact, threads=threads, signed_by=require_signature)
    names = [port.name for port in executable.outputs]
    _check_suffix(output, names)
    with phases.of("read inputs"):
        feeds = bind_inputs([port.name for port in executable.inputs], inputs)
    with phases.of("first run"):
        outputs = dict(zip(names, executable(**feeds), strict=True))
    if output is not None:
        with phases.of("write outputs"):
            write_arrays(output, outputs)
    if trace_file is not None:
        write_trace(trace_file, trace(executable, feeds, phases))
    if as_json:
        print_json({name: _describe(array) for name, array in outputs.items()})
    else:
        _show(outputs)
    if profile:
        inspection = importlib.import_module("baryon.inspection")  # which other runs do not need
        estimate = inspection.estimate_file(artifact, executable.threads)
        print_groups(executable.meta, estimate, measure(executable, feeds))


def _check_suffix(output: Path | None, names: list[str]) -> None:
    """Refuse a bad output file before the work, not after it."""
    if output is None:
        return
    if output.suffix not in (".npz", ".npy"):
        raise FileError(f"{output} does not end with .npz or .npy")
    if output.suffix == ".npy" and len(names) != 1:
        raise FileError(f"{output} takes one output; there are {len(names)}", hint="use .npz")


def _describe(array: Array) -> dict[str, Any]:
    known: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.size:
        values = array.astype(np.float64)
        known |= {"min": values.min(), "mean": values.mean(), "max": values.max()}
        known["argmax"] = int(values.argmax())
    return known


def _show(outputs: dict[str, Array]) -> None:
    table = plain_table("output", "shape", "dtype", "min", "mean", "max", "argmax")
    for name, array in outputs.items():
        known = _describe(array)
        numbers = [f"{known[k]:.6g}" for k in ("min", "mean", "max", "argmax") if k in known]
        table.add_row(name, "x".join(map(str, array.shape)), known["dtype"], *numbers)
    stdout().print(table)
