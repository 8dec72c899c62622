"""`baryon compile`: a trained network in, one native file out."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from baryon.cli.console import (
    JSON_OPTION,
    MODEL_ARGUMENT,
    OUTPUT_OPTION,
    THREADS_OPTION,
    print_json,
    show_refused,
    stages,
    stdout,
)
from baryon.cli.foreign import PARAMS_OPTION, SHAPES_OPTION, Example, foreign_options
from baryon.cli.kept import find_kept
from baryon.cli.outputs import check_destination
from baryon.units import format_bytes, plural

if TYPE_CHECKING:
    from baryon.codegen.artifact import Artifact

LARGE = 1 << 29
"""Bytes of weights from which on garbage is looked for: what is left in cycles may hold copies."""


@click.command("compile")
@MODEL_ARGUMENT
@OUTPUT_OPTION
@click.option(
    "--target",
    default="native",
    show_default=True,
    metavar="NAMES",
    help="native (this CPU), x86-64, x86-64-v2 (SSE4.2), x86-64-v3 (AVX2), x86-64-v4 (AVX-512), "
    "x86-64-v3-vnni or x86-64-v4-vnni (with VNNI), x86-64-v4-bf16 (with BF16), aarch64-linux. "
    "Several, with commas between, make one file that takes the best for the CPU that it runs on.",
)
@click.option(
    "--precision",
    default="fp32",
    show_default=True,
    help="fp32, or bf16: bfloat16 factors and storage, float32 sums (docs/precision.md).",
)
@click.option(
    "--dynamic-batch",
    type=click.IntRange(2, 2**20),
    metavar="MAX",
    help="Answer batches of 1 to MAX with one file.",
)
@click.option(
    "--tune",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Time to spend on measuring candidates for kernels. [default: 0]",
)
@click.option(
    "--tune-cache",
    metavar="FILE",
    help="Where measured choices are read, with --tune also written; off: nowhere. [default: "
    "$BARYON_TUNING, else ~/.cache/baryon/tuning/choices.json]",
)
@THREADS_OPTION
@click.option(
    "--patterns",
    default="all",
    show_default=True,
    metavar="NAMES",
    help='Pattern groups to use: all, none, or names with commas between; "-conv-sum" switches '
    "one off (baryon opt --list shows them).",
)
@click.option(
    "--refuse-slower/--keep-codes",
    default=True,
    show_default=True,
    help="Compute layers of a quantized model in float32 where INT8 would be no faster.",
)
@SHAPES_OPTION
@PARAMS_OPTION
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Kernels to compile at a time. [default: the CPUs that this process may use]",
)
@JSON_OPTION
def command(
    model: Path,
    output: Path | None,
    target: str,
    precision: str,
    dynamic_batch: int | None,
    tune: float,
    tune_cache: str | None,
    threads: int | None,
    patterns: str,
    refuse_slower: bool,
    shapes: tuple[Example, ...],
    params: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Turn MODEL, an .onnx file or a -symbol.json of MXNet, into one file of code and weights.

    \b
    baryon compile resnet50.onnx
    baryon compile resnet50.onnx -o r50.baryon --target x86-64-v3 --dynamic-batch 8
    baryon compile resnet50.onnx -o r50.baryon --target x86-64-v2,x86-64-v3,x86-64-v4
    baryon compile bert.onnx --shape ids=1x128
    baryon compile resnet-symbol.json --shape data=1x3x224x224
    """
    output = output or Path(model.with_suffix(".baryon").name)
    check_destination(output)  # before the work, not after it
    choices = (target, precision, dynamic_batch, patterns, threads, refuse_slower, shapes)
    kept = find_kept(model, choices, tune_cache) if not tune else None
    summary = kept.take(output) if kept else None
    if summary is None:
        options = {"precision": precision, "jobs": jobs, "refuse_slower": refuse_slower}
        tuning = (tune, threads, tune_cache)
        targets = [name.strip() for name in target.split(",")]
        read = {"dynamic_batch": dynamic_batch, **foreign_options(model, shapes, params)}
        how = (patterns, read, tuning, targets)
        summary = _compile(model, output, options, how, as_json)
        if kept and not summary["problems"]:  # which should be told again
            kept.keep(output, summary)
    for problem in summary["problems"]:
        click.echo(f"warning: {problem}", err=True)
    if as_json:
        print_json(summary)
    else:
        _show(summary)


def _compile(
    model: Path,
    output: Path,
    settings: dict[str, Any],
    how: tuple[str, dict[str, Any], tuple[float, int | None, str | None], list[str]],
    as_json: bool,
) -> dict[str, Any]:
    """Compile and write; the summary.

    settings: of `baryon.build.Options`. how: patterns, options of `to_module`, tuning, targets.
    """
    patterns, read, tuning, targets = how
    with stages(show=not as_json) as progress, _no_collections():
        progress("start", 0, 1)
        # loads TVM, for which `--help`, bad arguments and what is kept should not wait
        names = ("api", "build", "passes", "tune", "codegen.artifact")
        api, compiler, passes, tuner, artifacts = (
            importlib.import_module(f"baryon.{name}") for name in names
        )
        off = passes.switched_off(patterns, os.environ)
        options = compiler.Options(**settings, progress=progress, off=off)
        progress("import", 0, 1)
        module = api.to_module(model, **read)
        if sum(c.nbytes for c in module.constants.values()) > LARGE:
            gc.enable()
        outcome = tuner.build_variants(module, targets, options, tuner.Tuning(*tuning))
        progress("write", 0, 1)
        artifacts.write_artifact(output, outcome.artifact)
    summary = summarize(outcome.artifact, output, progress.seconds)
    file = outcome.outcomes[0].file
    summary["tuning"] = {**outcome.artifact.meta["tuning"], "file": file}
    summary["left_out"], summary["problems"] = outcome.left_out, outcome.problems
    return summary


@contextmanager
def _no_collections() -> Iterator[None]:
    """Python looks for no garbage: most of what a compilation makes is in use until its end.

    (But `_compile` looks where weights are LARGE: memory matters more than time there.)

    Looking took a tenth of the time of imports, passes and the building of kernels.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def summarize(artifact: Artifact, output: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """What `--json` prints: sizes in bytes, times in seconds by stage.

    Sizes at the top are those of the best variant, but `bytes`, which is the file's."""
    tables = importlib.import_module("baryon.cli.variants")
    variants = tables.variant_rows(artifact)
    best = variants[0]
    return {
        "output": str(output),
        "bytes": output.stat().st_size if output.is_file() else None,
        "target": ",".join(row["name"] for row in variants),
        **{key: best[key] for key in ("code_bytes", "arena_bytes", "kernels", "calls")},
        "variants": variants,
        "weights": tables.sharing_rows(artifact),
        "refused": artifact.meta.get("refused", {}),
        "seconds": {name: round(spent, 3) for name, spent in seconds.items()},
        "total_seconds": round(sum(seconds.values()), 3),
    }


def _show(summary: dict[str, Any]) -> None:
    size = format_bytes(summary["bytes"]) if summary["bytes"] is not None else "written"
    spent = ", ".join(f"{name} {s:.2f}" for name, s in summary["seconds"].items())
    console = stdout()
    console.print(f"[bold]{summary['output']}[/bold]: {size}, for {summary['target']}")
    tables = importlib.import_module("baryon.cli.variants")
    tables.print_variants(console, summary["variants"], summary["weights"])
    for name, before in summary["left_out"].items():
        console.print(f"  {name} is left out: {before} needs no more, and is preferred")
    show_refused(console, summary.get("refused", {}))
    console.print(f"  {summary['total_seconds']:.2f} s: {spent}")
    _show_tuning(console, summary["tuning"])


def _show_tuning(console: Console, tuning: dict[str, Any]) -> None:
    if "measured" in tuning:
        console.print(
            f"  tuned: {plural(tuning['measured'], 'candidate')} measured, "
            f"{plural(tuning['replaced'], 'choice')} replaced, "
            f"{tuning['ratio']:.3f} of the time without"
        )
    if tuning["remembered"]:
        console.print(
            f"  {plural(tuning['remembered'], 'call')} by choices measured before, "
            f"in {tuning['file']} (--tune-cache off ignores them)"
        )
