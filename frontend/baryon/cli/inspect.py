"""`baryon inspect`: what is in a model, or in a compiled file."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from baryon.cli.console import JSON_OPTION, THREADS_OPTION
from baryon.cli.files import FileError
from baryon.cli.foreign import PARAMS_OPTION, SHAPES_OPTION, Example, foreign_options

MAGIC = b"BARYON\r\n"


@click.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--ir",
    "stage",
    metavar="[STAGE]",
    is_flag=False,
    flag_value="source",
    help="Print the IR instead: as imported (source, the default), simplified (graph), grouped "
    "into kernels (fused), or as compiled (lowered).",
)
@click.option(
    "--explain",
    "node",
    metavar="NODE",
    help="Of a model: which rules were tried on a node and why they did not fire, and which kernel "
    "took it in. NODE is its name, that of its result, or of an IR value.",
)
@click.option(
    "--variant",
    metavar="NAME",
    help="Of a file for several CPUs: whose groups and IR to show. [default: the best one]",
)
@click.option("--verify", is_flag=True, help="Check the hash of the weights too.")
@click.option("--profile", is_flag=True, help="Run it on random input and show measured times.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PAGE",
    help="Write a page for a browser: passes, groups with their times, memory over time, weights.",
)
@SHAPES_OPTION
@PARAMS_OPTION
@THREADS_OPTION
@JSON_OPTION
def command(
    file: Path,
    stage: str | None,
    node: str | None,
    variant: str | None,
    page: Path | None,
    verify: bool,
    profile: bool,
    shapes: tuple[Example, ...],
    params: Path | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Show what is inside FILE, a compiled .baryon file or a model (.onnx, -symbol.json, .ir
    with --explain).

    Of a compiled file: inputs, outputs, sizes, and the groups of ops that became one kernel each,
    with their cost. Of a model: its ops, parameters and work, and what baryon cannot compile yet.

    \b
    baryon inspect resnet50.onnx
    baryon inspect resnet50-symbol.json --shape data=1x3x224x224
    baryon inspect resnet50.baryon --profile --threads 2
    baryon inspect resnet50.baryon --html resnet50.html
    baryon inspect resnet50.baryon --ir fused
    baryon inspect resnet50.onnx --explain /4/body/body.2/Relu
    """
    with file.open("rb") as head:
        compiled = head.read(len(MAGIC)) == MAGIC or file.suffix == ".baryon"
    given = foreign_options(file, shapes, params)
    if node is not None:
        if compiled or stage or variant or verify or profile or threads is not None:
            raise click.UsageError("--explain is for models, and goes with --json only.")
        importlib.import_module("baryon.cli.explain").show(file, node, given, json=as_json)
        return
    if not compiled and file.suffix not in (".onnx", ".json"):
        raise FileError(f"{file} is neither a compiled file nor an .onnx or -symbol.json model")
    if page is not None:
        if stage or verify or profile or as_json or (variant and not compiled):
            raise click.UsageError("--html goes with --threads, and of compiled files --variant.")
        html = importlib.import_module("baryon.cli.inspect_html")
        html.write(file, page, threads, variant, given, compiled=compiled)
        return
    if compiled:
        # these two are slow to import, and only one is needed
        artifact = importlib.import_module("baryon.cli.inspect_artifact")
        how = {"verify": verify, "profile": profile, "threads": threads, "json": as_json}
        artifact.show(file, stage, variant, **how)
        return
    if variant or verify or profile or threads is not None:
        raise click.UsageError(
            "--variant, --verify, --profile and --threads are for compiled files."
        )
    importlib.import_module("baryon.cli.inspect_model").show(file, stage, given, json=as_json)
