"""Networks with their inputs in one archive, as `scripts/torch_families --pack` writes it."""

from __future__ import annotations

import io
import tarfile
from functools import cache
from pathlib import Path

import numpy as np

from baryon.ir import Array
from exported.judge import batches_of


@cache
def members(archive: Path) -> dict[str, bytes]:
    """The files of an archive by name."""
    with tarfile.open(archive) as packed:
        found = {member.name: packed.extractfile(member) for member in packed}
        return {name: file.read() for name, file in found.items() if file is not None}


def models_of(archive: Path) -> list[str]:
    """The networks, as NETWORK.EXPORTER."""
    return [name.removesuffix(".onnx") for name in members(archive) if name.endswith(".onnx")]


def inputs_of(archive: Path, name: str) -> dict[int, dict[str, Array]]:
    """Inputs of a network, by batch and name."""
    network = name.partition(".")[0]
    with np.load(io.BytesIO(members(archive)[f"{network}.npz"])) as found:
        return batches_of(found)
