"""`scripts/large_model`: a line on memory and time; status 1 if memory is above the bound."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import onnxruntime

from baryon.runtime import load
from large.model import write_model

LIMIT = 1.5
"""Peak memory of a compilation over the bytes of the model."""


@click.command()
@click.option("--gigabytes", default=3.0, show_default=True, help="Of weights, 10^9 bytes each.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the files are written and "
              "removed again; twice the size must be free. [default: a temporary one]")  # fmt: skip
@click.option("--check", is_flag=True, help="Run it too, and compare with ONNX Runtime.")
def main(gigabytes: float, folder: Path | None, check: bool) -> None:
    """Compile a large ONNX model in a process of its own, and measure what that takes."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="baryon-large-") as name:
        model, out = Path(name) / "large.onnx", Path(name) / "large.baryon"
        size = write_model(model, gigabytes * 1e9)
        seconds, peak = _compile(model, out)
        ratio = peak / size
        click.echo(
            f"{size / 1e9:.2f} GB of model: compiled in {seconds:.1f} s, {peak / 1e9:.2f} GB of "
            f"memory at most, {ratio:.2f} times its size; {out.stat().st_size / 1e9:.2f} GB written"
        )
        if check:
            click.echo(f"off by {_error(model, out):.1e} from ONNX Runtime")
    sys.exit(ratio > LIMIT)


def _compile(model: Path, out: Path) -> tuple[float, int]:
    """Seconds, and bytes of memory at most, files that are mapped included."""
    # without the folder where compilations are kept, to which the file would be copied
    environment = os.environ | {"BARYON_CACHE": "off"}
    command: list[str | Path] = [sys.executable, "-m", "baryon.command", "compile", model]
    command += ["-o", out]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"error: the compilation ended with status {done.returncode}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return time.perf_counter() - start, peak


def _error(model: Path, out: Path) -> float:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (port,) = session.get_inputs()
    x = np.random.default_rng(1).standard_normal(port.shape).astype(np.float32)
    (expected,) = session.run(None, {port.name: x})
    return float(np.abs(np.asarray(load(out)(x)) - expected).max())


if __name__ == "__main__":
    main()
