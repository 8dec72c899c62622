"""`baryon quantize`, also called `quantize_net`: a trained network and data in, INT8 out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from baryon.cli.console import (
    JSON_OPTION,
    MODEL_ARGUMENT,
    OUTPUT_OPTION,
    plain_table,
    print_json,
    stages,
    stdout,
)
from baryon.cli.foreign import SHAPES_OPTION
from baryon.cli.kinds import Numbers, Share, Size
from baryon.cli.outputs import check_destination
from baryon.units import format_bytes

if TYPE_CHECKING:
    from baryon.cli.quantization import Outcome
    from baryon.quantization import QuantizationReport


@click.command("quantize")
@MODEL_ARGUMENT
@click.option(
    "--calib-data",
    type=click.Path(exists=True, path_type=Path),
    metavar="DATA",
    help="Samples of what the network will see: an .npz file (arrays by the names of inputs), a "
    "folder of .npy files, or a folder of images. Some hundred are enough.",
)
@OUTPUT_OPTION
@click.option(
    "--calib-mode",
    type=click.Choice(["naive", "entropy", "percentile", "mse", "none"]),
    default="mse",
    show_default=True,
    help="Where ranges of values come from: least and largest, least divergence, all but the "
    "largest 0.01 %, least squared error; none measures them in each run, without data.",
)
@click.option(
    "--num-calib-batches",
    type=click.IntRange(1),
    metavar="N",
    help="Batches to read. [default: all]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Samples of a batch, where files do not say it.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="NAME",
    help="Keep in float32: a layer or op by name, by a pattern (*, ?), or all ops of a type "
    "(Convolution). Repeatable.",
)
@click.option(
    "--quantize-mode", type=click.Choice(["full", "smart"]), default="full", show_default=True,
    help="All ops that can be, or convolutions and products and what lies between them.",
)  # fmt: skip
@click.option(
    "--granularity", type=click.Choice(["tensor-wise", "channel-wise"]), default="channel-wise",
    show_default=True, help="Scales of the weights of products; convolutions have channel-wise.",
)  # fmt: skip
@click.option(
    "--dtype", type=click.Choice(["auto", "int8", "uint8"]), default="auto", show_default=True,
    help="Codes of activations; auto: uint8 for what was never negative.",
)  # fmt: skip
@click.option("--smooth-quant", is_flag=True, help="Move outliers of channels into the weights.")
@click.option("--bias-correction", is_flag=True, help="Take the weights' mean error into biases.")
@click.option("--equalize", is_flag=True, help="Bring the channels of layers to like ranges.")
@click.option(
    "--eval-data",
    type=click.Path(exists=True, path_type=Path),
    metavar="DATA",
    help="Labelled samples, in the forms of --calib-data: search for the fewest ops to keep in "
    "float32. Labels are an array 'label', a file labels.npy, or the images' sub-folders.",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="What is measured on --eval-data: a name of gluon.metric such as accuracy, or agreement "
    "with the float32 network, which needs no labels. [default: accuracy where there are labels]",
)
@click.option(
    "--max-drop", type=Share(), metavar="SHARE",
    help="How much the metric may fall. [default: 0.2%]",
)  # fmt: skip
@click.option(
    "--size", type=Size(), metavar="HxW", help="Of images: the largest middle part with these "
    "proportions, resized. [default: as they are]",
)  # fmt: skip
@click.option(
    "--mean", type=Numbers(), default="0", show_default=True, metavar="R,G,B",
    help="Of images: taken from pixels, which are 0 to 1.",
)  # fmt: skip
@click.option(
    "--std", type=Numbers(), default="1", show_default=True, metavar="R,G,B",
    help="Of images: what pixels less mean are divided by.",
)  # fmt: skip
@click.option("--layout", type=click.Choice(["NCHW", "NHWC"]), default="NCHW", show_default=True)
@click.option("--gray", is_flag=True, help="Of images: one channel in place of three.")
@click.option("--target", default="native", show_default=True, help="As for baryon compile.")
@click.option(
    "--dynamic-batch",
    type=click.IntRange(1, 2**20),
    metavar="MAX",
    help="Answer batches of 1 to MAX with one file. [default: 16 where the model leaves it open]",
)
@SHAPES_OPTION
@click.option(
    "--report",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write what was done to each layer, and what it costs, as a page for a browser.",
)
@JSON_OPTION
def command(model: Path, output: Path | None, page: Path | None, as_json: bool,
            **choices: Any) -> None:  # fmt: skip
    """Turn MODEL, an .onnx file or a network that Gluon exported, into one INT8 file.

    \b
    baryon quantize resnet50.onnx --calib-data images/ --size 224 \\
        --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 -o resnet50.baryon
    baryon quantize net-symbol.json --calib-data train.npz --eval-data test.npz --max-drop 0.2%
    """
    output = output or Path(
        f"{model.name.removesuffix(model.suffix).removesuffix('-symbol')}.baryon"
    )
    for path in (output, page):
        if path is not None:
            check_destination(path)  # before the work, not after it
    _refuse_one_file_for_two([model, output, page, choices["calib_data"], choices["eval_data"]])
    _refuse_contradictions(choices)
    if choices["shapes"] and model.suffix != ".onnx":
        raise click.UsageError("--shape is for an .onnx file; what Gluon exported has its shapes.")
    with stages(show=not as_json) as progress:
        progress("start", 0, 1)
        # loads TVM, for which `--help` and bad arguments should not wait
        work = importlib.import_module("baryon.cli.quantization")
        outcome = work.run(model, output, page, work.Request(**choices), progress)
    if as_json:
        print_json(outcome.to_dict(progress.seconds))
    else:
        _show(outcome, page, progress.seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `quantize_net`."""
    given = sys.argv[1:] if arguments is None else arguments
    importlib.import_module("baryon.command.main").main(["quantize", *given])


def _refuse_one_file_for_two(paths: Sequence[Path | None]) -> None:
    """What is written must be neither what is read nor what else is written."""
    model, output, page, *data = (None if path is None else path.resolve() for path in paths)
    if output in (page, model, *data) or (page is not None and page in (model, *data)):
        raise click.UsageError("MODEL, data, --output and --report must be different files.")


def _refuse_contradictions(choices: dict[str, Any]) -> None:
    if choices["calib_mode"] != "none" and choices["calib_data"] is None:
        raise click.UsageError(
            "Missing option '--calib-data' (--calib-mode none measures ranges in each run)."
        )
    searched = [name for name in ("metric", "max_drop") if choices[name] is not None]
    if searched and choices["eval_data"] is None:
        option = f"--{searched[0].replace('_', '-')}"
        raise click.UsageError(f"{option} needs --eval-data, samples that were not trained on.")


def _show(outcome: Outcome, page: Path | None, seconds: dict[str, float]) -> None:
    report, console = outcome.report, stdout()
    console.print(
        f"[bold]{outcome.output}[/bold]: {format_bytes(outcome.bytes)}, for {report.target}"
    )
    console.print(f"  {outcome.verdict}", soft_wrap=True)
    if report.kept:
        _show_kept(report)
    if page is not None:
        console.print(f"  {page}: a page for a browser")
    spent = ", ".join(f"{name} {s:.2f}" for name, s in seconds.items())
    console.print(f"  {sum(seconds.values()):.2f} s: {spent}", soft_wrap=True)


def _show_kept(report: QuantizationReport) -> None:
    table = plain_table("kept in float32", "op", "error alone", "why", right=("error alone",))
    for layer in report.layers:
        if layer.decision == "float32":
            error = f"{layer.alone.sqnr:.1f} dB" if layer.alone else ""
            table.add_row(layer.name, layer.op, error, layer.reason)
    stdout().print(table)
