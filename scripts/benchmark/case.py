"""One network at one batch: the file, and what it reads."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmark.networks import PANEL, Network, model_file
from benchmark.networks.feeds import Port, feeds, ports_of
from benchmark.process import EngineError

OURS = "baryon"
OURS_FP32 = "baryon fp32"
"""Ours with the float network that an INT8 one was made of."""


@dataclass(frozen=True)
class Case:
    """A network at a batch. network: where it is one of the panel. batch: 0 where it is not known.

    model: the ONNX file. real: the float network that it was made of, if it is in INT8.
    """

    name: str
    batch: int
    model: Path
    network: Network | None = None
    real: Path | None = None

    @cached_property
    def ports(self) -> list[Port]:
        """The inputs."""
        return ports_of(self.model)

    def feeds(self) -> dict[str, NDArray[Any]]:
        """What every engine reads."""
        return feeds(self.ports, self.integers)

    @property
    def integers(self) -> Mapping[str, int]:
        """For inputs of whole numbers, how many values they take."""
        return self.network.integers if self.network else {}


def panel_case(name: str, batch: int, precision: str = "fp32") -> Case:
    """A network of the panel; its file is written if need be. KeyError for an unknown name."""
    network = {network.name: network for network in PANEL}[name]
    model = model_file(network, batch)
    if precision != "int8":
        return Case(name, batch, model, network)
    qdq = importlib.import_module("benchmark.networks.qdq")  # which takes seconds to import
    return Case(name, batch, qdq.qdq_file(network, batch), network, model)


def file_case(model: Path) -> Case:
    """A network of the user's."""
    ports = ports_of(model)
    batch = ports[0].shape[0] if ports and ports[0].shape else 1
    return Case(model.stem, batch, model)


@dataclass(frozen=True)
class Build:
    """How to compile ours, without what tuning found. cache: folder of kernels, or "off"."""

    target: str = "native"
    precision: str = "fp32"
    cache: str = "off"


def compile_ours(case: Case, artifact: Path, how: Build) -> dict[str, Any]:
    """Compile by the command line in a fresh process; wall seconds, and what it says itself."""
    precision = "fp32" if how.precision == "int8" else how.precision  # it is in the file
    command = [sys.executable, "-m", "baryon.command", "compile", str(case.model), "--json"]
    command += ["-o", str(artifact), "--target", how.target, "--precision", precision]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"BARYON_CACHE": how.cache, "BARYON_TUNING": "off"},
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise EngineError(f"{OURS}: {done.stderr.strip()}")
    said: dict[str, Any] = json.loads(done.stdout)
    return {"wall_s": seconds} | said
