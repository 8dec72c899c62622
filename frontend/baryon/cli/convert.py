"""`baryon convert`: a trained network of any kind in, an ONNX file out."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import click

from baryon.cli.console import JSON_OPTION, MODEL_ARGUMENT, print_json, stages, stdout
from baryon.cli.foreign import PARAMS_OPTION, SHAPES_OPTION, Example, foreign_options
from baryon.cli.outputs import check_destination
from baryon.units import format_bytes, plural


@click.command("convert")
@MODEL_ARGUMENT
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The .onnx file to write. Constants of more than 2 GiB go to OUTPUT.data beside it.",
)
@SHAPES_OPTION
@PARAMS_OPTION
@click.option(
    "--dynamic-batch",
    type=click.IntRange(2, 2**20),
    metavar="MAX",
    help="The first axis of every input is symbolic, up to MAX.",
)
@click.option(
    "--opset",
    type=click.IntRange(21, 26),
    default=26,
    show_default=True,
    help="The version of the ONNX standard.",
)
@click.option("--external", is_flag=True, help="Put constants into OUTPUT.data in any case.")
@JSON_OPTION
def command(
    model: Path,
    output: Path,
    shapes: tuple[Example, ...],
    params: Path | None,
    dynamic_batch: int | None,
    opset: int,
    external: bool,
    as_json: bool,
) -> None:
    """Write MODEL, an .onnx file or a -symbol.json (of baryon or of MXNet), as an ONNX file.

    The file is checked before it appears. What MODEL computes stays the same; old operators and
    those of other domains become ones of the standard.

    \b
    baryon convert old.onnx -o new.onnx
    baryon convert resnet-symbol.json --shape data=1x3x224x224 -o resnet.onnx
    baryon convert net-symbol.json --params net-0000.params -o net.onnx
    """
    if output.suffix != ".onnx":
        raise click.UsageError(f"--output must end with .onnx, not {output.name!r}.")
    check_destination(output)
    with stages(show=not as_json) as progress:
        progress("import", 0, 1)
        source = _read(model, shapes, params, dynamic_batch)
        progress("write", 0, 1)
        exporter = importlib.import_module("baryon.exporters.onnx")
        files = exporter.export_onnx(
            source.module, output, source.weights, opset=opset, external=external
        )
    summary = _summary(output, files, opset, progress.seconds)
    if as_json:
        print_json(summary)
    else:
        _show(summary)


def _read(
    model: Path, shapes: tuple[Example, ...], params: Path | None, dynamic_batch: int | None
) -> Any:
    """The module and the parameters of a file."""
    sources = importlib.import_module("baryon.onnx.export")
    checkpoints = importlib.import_module("baryon.importers.mxnet")
    if model.suffix == ".json" and not checkpoints.is_symbol(model):
        if shapes or dynamic_batch is not None:
            raise click.UsageError("A graph that baryon saved has its shapes already.")
        return sources.saved(model, params)
    options = foreign_options(model, shapes, params)
    to_module = importlib.import_module("baryon.api").to_module
    module = to_module(model, dynamic_batch=dynamic_batch, **options)
    return sources.Source(module, {}, {})


def _summary(
    output: Path, files: list[Path], opset: int, seconds: dict[str, float]
) -> dict[str, Any]:
    """What `--json` prints: sizes in bytes, times in seconds by stage."""
    onnx = importlib.import_module("onnx")
    graph = onnx.load(output, load_external_data=False).graph
    return {
        "output": str(output),
        "files": [str(f) for f in files],
        "bytes": sum(f.stat().st_size for f in files),
        "opset": opset,
        "ops": dict(Counter(node.op_type for node in graph.node).most_common()),
        "inputs": [value.name for value in graph.input],
        "outputs": [value.name for value in graph.output],
        "seconds": {name: round(spent, 3) for name, spent in seconds.items()},
    }


def _show(summary: dict[str, Any]) -> None:
    console = stdout()
    nodes = plural(sum(summary["ops"].values()), "node")
    size = format_bytes(summary["bytes"])
    console.print(f"[bold]{summary['output']}[/bold]: {size}, {nodes} of opset {summary['opset']}")
    for name in summary["files"]:
        if name != summary["output"]:
            console.print(f"  constants are in {name}; keep it beside the file", markup=False)
