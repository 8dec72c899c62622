"""One network out and back: what it computes, against the exported file in ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from agreement import difference
from round_trips.runtime import run
from round_trips.sources import Source

FLOAT = 1e-4
"""The largest difference, over the largest output: float32 sums in another order."""
CODES = 1 / 127
"""Of networks of 8-bit codes: one step."""


@dataclass(frozen=True)
class Trip:
    """What came back. difference: the largest one, over the largest output. limit: what may be."""

    name: str
    nodes: int
    difference: float
    limit: float

    @property
    def good(self) -> bool:
        """Whether the results are the same."""
        return self.difference <= self.limit

    def line(self) -> str:
        """As it is printed."""
        verdict = "ok" if self.good else "FAILED"
        return f"{self.name:28} {self.nodes:5} nodes  difference {self.difference:.1e}  {verdict}"


def take(name: str, source: Source, folder: Path) -> Trip:
    """Write a network into a folder, and run the file for each of its inputs."""
    path = folder / "out.onnx"
    source.write(path)
    nodes = len(onnx.load(path, load_external_data=False).graph.node)
    differences = [
        difference(found, wanted, ranked=source.ranked)
        for inputs, outputs in source.runs
        for found, wanted in zip(run(path, inputs, plain=source.coded), outputs, strict=True)
    ]
    limit = CODES if source.coded else FLOAT
    return Trip(name, nodes, max(differences, default=0.0), limit)
