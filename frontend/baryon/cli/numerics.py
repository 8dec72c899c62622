"""`baryon run FILE --check-numerics`: the first NaN or infinity of a run, and what made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from baryon.api import to_module
from baryon.cli.console import print_json
from baryon.cli.files import bind_inputs
from baryon.inspection.numerics import Finding, Kinds, check_model, check_numerics
from baryon.runtime import load


def check(
    file: Path,
    inputs: Sequence[str],
    kinds: Kinds,
    threads: int | None,
    keys: Path | None,
    *,
    as_json: bool,
) -> int:
    """Run a compiled file, or a model, which is compiled first; the status to exit with.

    inputs: as `baryon run --input` takes them. keys: that must have signed a compiled file.
    """
    found = (
        _of_model(file, inputs, kinds, threads)
        if file.suffix == ".onnx"
        else _of_artifact(file, inputs, kinds, threads, keys)
    )
    if as_json:
        print_json({"finding": None if found is None else found.to_dict()})
    else:
        looked_for = "NaN" if kinds == "nan" else "NaN and no Inf"
        click.echo(f"no {looked_for} in any result" if found is None else str(found))
    return 0 if found is None else 1


def _of_model(
    file: Path, inputs: Sequence[str], kinds: Kinds, threads: int | None
) -> Finding | None:
    module = to_module(file)
    feeds = bind_inputs([value.name for value in module.main.inputs], inputs)
    return check_model(module, feeds, kinds, threads)


def _of_artifact(
    file: Path, inputs: Sequence[str], kinds: Kinds, threads: int | None, keys: Path | None
) -> Finding | None:
    executable = load(file, threads=threads, signed_by=keys)
    feeds = bind_inputs([port.name for port in executable.inputs], inputs)
    return check_numerics(executable, feeds, kinds)
