"""`baryon opt`: passes over IR text, for those who write passes and for reproducers."""

from __future__ import annotations

from pathlib import Path

import click

from baryon.cli.console import plain_table, stdout
from baryon.cli.modules import read_module
from baryon.cli.outputs import replacing
from baryon.cli.patterns import pattern_table
from baryon.ir import print_module
from baryon.passes import DEFAULT_PIPELINE, PASSES, PassManager, Timing, parse_pipeline


@click.command("opt")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "-p",
    "--passes",
    default=DEFAULT_PIPELINE,
    help='A pipeline, such as "canonicalize,fuse{max-ops=8}". [default: that of `compile`]',
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[default: standard output]")
@click.option(
    "--constants",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An .npz with the constants that the text calls external. [default: FILE's with .npz]",
)
@click.option("--locs/--no-locs", default=False, help="Print the source lines of the ops.")
@click.option("--debug", is_flag=True, help="Also check what each pass says of having changed.")
@click.option("--stats", is_flag=True, help="Show on stderr how long each pass took.")
@click.option("--list", "list_passes", is_flag=True, help="List the passes and the pattern groups.")
def command(
    file: Path | None,
    passes: str,
    output: Path | None,
    constants: Path | None,
    locs: bool,
    debug: bool,
    stats: bool,
    list_passes: bool,
) -> None:
    """Run passes over IR text or an .onnx model from FILE (- for standard input); print the result.

    \b
    baryon opt net.ir -p "canonicalize,fold,dce"
    baryon opt resnet50.onnx -p "canonicalize,layout" --stats -o r50.ir
    baryon opt repro.ir -p "layout"                  repeats a failure that `compile` reported
    """
    if list_passes:
        _list()
        return
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    module = read_module(file, constants)
    timings = PassManager(parse_pipeline(passes), debug=debug).run(module)
    text = print_module(module, locs=locs)
    if output is None:
        click.echo(text, nl=False)
    else:
        with replacing(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if stats:
        _show(timings)


def _list() -> None:
    table = plain_table("pass", "options", "what it does")
    for name, cls in PASSES.items():
        options = [f"{f.name.replace('_', '-')}={f.default}" for f in cls.options()]
        summary = (cls.__doc__ or "").strip().split("\n\n")[0]
        table.add_row(name, " ".join(options), " ".join(summary.split()))
    console = stdout()
    console.print(table)
    console.print(f"\n`baryon compile` runs: {DEFAULT_PIPELINE}\n", markup=False)
    console.print(pattern_table())


def _show(timings: list[Timing]) -> None:
    for timing in timings:
        changed = "changed" if timing.changed else ""
        click.echo(f"{timing.seconds * 1e3:9.1f} ms  {timing.name:20} {changed}", err=True)
