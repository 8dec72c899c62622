"""`scripts/aarch64`: a line for each network, status 1 if one is further off than allowed."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np

from baryon import interp
from baryon.build import Options, build, in_process
from baryon.importers.onnx import import_onnx
from baryon.ir import Array
from cross.emulated import TARGET, build_runtime, compiled, run
from cross.networks import NETWORKS, Network, imported

LIMIT = 1e-4
"""How far an output may be off: absolute, and relative to the largest of its output."""


@click.command()
@click.argument("networks", nargs=-1, metavar="[NETWORK | FILE.onnx]...")
def main(networks: tuple[str, ...]) -> None:
    """Compile networks for aarch64-linux, run them under qemu-user and compare their outputs.

    Without arguments: mlp, resnet, mobilenet, vit, bert and lstm, which are small. A file is
    compared with what a compilation for this machine computes.
    """
    unknown = [n for n in networks if n not in NETWORKS and not Path(n).is_file()]
    if unknown:
        raise click.UsageError(f"there is no {unknown[0]}; networks are {', '.join(NETWORKS)}")
    program, is_right = build_runtime(), True
    for name in networks or tuple(NETWORKS):
        expected, got = _native(name, program) if name not in NETWORKS else _small(name, program)
        error = max(map(_error, expected, got))
        is_right &= error <= LIMIT
        verdict = "ok" if error <= LIMIT else f"WRONG: more than {LIMIT:g}"
        click.echo(f"{Path(name).stem:>20} on {TARGET}: largest difference {error:.1e}  {verdict}")
    sys.exit(0 if is_right else 1)


def _small(name: str, program: Path) -> tuple[list[Array], list[Array]]:
    """Outputs of the interpreter, and of the emulated machine."""
    module, inputs = NETWORKS[name]()
    expected = interp.run(module, inputs, precise=True)
    return expected, run(program, compiled(module), inputs)


def _native(path: str, program: Path) -> tuple[list[Array], list[Array]]:
    """Outputs on this machine, and on the emulated one."""

    def network() -> Network:
        return imported(import_onnx(path))

    module, inputs = network()
    expected = in_process(build(network()[0], Options()))(*inputs)
    return expected, run(program, compiled(module), inputs)


def _error(expected: Array, got: Array) -> float:
    difference = float(np.abs(got.astype(np.float64) - expected.astype(np.float64)).max(initial=0))
    if not np.isfinite(got).all():
        return float("inf")
    return difference / max(1.0, float(np.abs(expected).max(initial=0)))


if __name__ == "__main__":
    main()
