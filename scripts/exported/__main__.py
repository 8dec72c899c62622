"""`scripts/torch_families`: a line for each file that torch exports; status 1 for a wrong one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from exported.judge import LIMIT, Verdict, batches_of, judge

_LIST = "written.jsonl"
"""What the writer said, beside the files."""


@click.command()
@click.option("--torch", metavar="PYTHON", default=sys.executable, help="A Python that has torch.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/torch_families"),
              show_default=True, help="Where the files are written.")  # fmt: skip
@click.option("--only", metavar="NAMES", help="Of networks, with commas between. [default: all]")
@click.option("--exporters", default="torchscript,dynamo", show_default=True)
@click.option("--pack", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.tar.xz",
              help="Put the files that are right and their inputs into an archive.")  # fmt: skip
@click.option("--written", is_flag=True, help="Judge the files that are there; write none.")
def main(
    torch: str, folder: Path, only: str | None, exporters: str, pack: Path | None, written: bool
) -> None:
    """Export networks by both exporters of torch, compile them, and compare with ONNX Runtime.

    Each runs with the batch of its example and with another. `torchscript` is
    torch.onnx.export(dynamo=False), `dynamo` is dynamo=True.
    """
    rows = _written(folder) if written else _write(torch, folder, only, exporters)
    failed, families, right = 0, set(), []
    for row in rows:
        verdict = _verdict(folder, row)
        failed += not verdict.is_right
        right += [f"{row['network']}.{row['exporter']}.onnx"] if verdict.is_right else []
        families.add(row["family"])
        click.echo(
            f"{row['family']:<20} {row['network']:<16} {row['exporter']:<11} {_said(verdict)}"
        )
    if pack is not None:
        _pack(folder, right, pack)
    click.echo(f"{len(families)} families; {failed} files failed; off by {LIMIT:g} at most")
    sys.exit(1 if failed else 0)


def _write(python: str, folder: Path, only: str | None, exporters: str) -> Iterator[dict[str, Any]]:
    """What the writer says of each file, as soon as it is there; kept beside the files."""
    command = [python, "-m", "exported.write", str(folder), "--exporters", exporters]
    command += ["--only", only] if only else []
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer,
        (folder / _LIST).open("w", encoding="utf-8") as kept,
    ):
        assert writer.stdout is not None
        for line in writer.stdout:
            kept.write(line)
            yield json.loads(line)
    if writer.returncode:
        sys.exit(f"error: the writer ended with status {writer.returncode}")


def _written(folder: Path) -> Iterator[dict[str, Any]]:
    lines = (folder / _LIST).read_text(encoding="utf-8").splitlines()
    yield from map(json.loads, lines)


def _pack(folder: Path, models: list[str], archive: Path) -> None:
    """The same bytes for the same files: nothing of the time or the user is kept."""
    inputs = {f"{name.partition('.')[0]}.npz" for name in models}
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for name in sorted({*models, *inputs}):
            data, entry = (folder / name).read_bytes(), tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    click.echo(f"{archive}: {len(models)} models, {archive.stat().st_size} bytes")


def _verdict(folder: Path, row: dict[str, Any]) -> Verdict:
    if "problem" in row:
        return Verdict(problem=f"export: {row['problem']}")
    feeds = batches_of(np.load(folder / f"{row['network']}.npz"))
    try:
        return judge(folder / f"{row['network']}.{row['exporter']}.onnx", feeds)
    except Exception as error:  # a bug; the other files are judged all the same
        return Verdict(problem=f"bug: {type(error).__name__}: {error}")


def _said(verdict: Verdict) -> str:
    if verdict.error is None:
        return f"FAILED  {verdict.problem}"
    batches = " and ".join(map(str, verdict.batches))
    word = "ok" if verdict.is_right else "WRONG"
    return f"{word}  batch {verdict.kind}, ran with {batches}; off by {verdict.error:.1e}"


if __name__ == "__main__":
    main()
