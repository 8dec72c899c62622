"""The command line of `scripts/mxnet_zoo`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agreement import difference
from baryon.build import Options, build, in_process
from baryon.importers.mxnet import import_mxnet
from checkpoints.environments import VERSIONS, python_of

ZOO = [
    *(f"resnet{n}_v{v}" for v in (1, 2) for n in (18, 34, 50, 101, 152)),
    *(f"vgg{n}{bn}" for bn in ("", "_bn") for n in (11, 13, 16, 19)),
    "alexnet", *(f"densenet{n}" for n in (121, 161, 169, 201)), "squeezenet1.0", "squeezenet1.1",
    "inceptionv3", *(f"mobilenet{w}" for w in ("1.0", "0.75", "0.5", "0.25")),
    *(f"mobilenetv2_{w}" for w in ("1.0", "0.75", "0.5", "0.25")),
]  # fmt: skip
"""The 34 networks of gluon.model_zoo.vision."""
OTHERS = ["lstm", "transformer", "detector", "int8"]
LIMITS = {"int8": 1 / 127}
"""Of the largest error, in units of the largest number of an output; else LIMIT."""
LIMIT = 1e-4
RANKED = {"detector"}
"""Networks whose outputs have rows by falling score."""


@dataclass(frozen=True)
class Row:
    """What came of one network."""

    name: str
    version: str
    import_s: float = 0.0
    compile_s: float = 0.0
    error: float = float("inf")
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it agrees."""
        return not self.problem and self.error <= LIMITS.get(self.name, LIMIT)

    def __str__(self) -> str:
        verdict = self.problem or f"{self.error:.1e} {'ok' if self.is_good else 'WRONG'}"
        return (
            f"{self.name:18} {self.version:8} {self.import_s:6.2f} {self.compile_s:6.2f}  {verdict}"
        )


class Exporter:
    """MXNet in a process of its own, which exports one network ahead."""

    def __init__(self, python: Path, log: Path) -> None:
        scripts = Path(__file__).parents[1]
        self._process = subprocess.Popen(
            [str(python), "-m", "checkpoints.exporter"], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=log.open("a"),
            env={**os.environ, "PYTHONPATH": str(scripts)},
        )  # fmt: skip

    def ask(self, name: str, folder: Path) -> None:
        """Begin with a network."""
        assert self._process.stdin is not None
        folder.mkdir(parents=True)
        self._process.stdin.write(json.dumps({"name": name, "folder": str(folder)}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What came of it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"error": "MXNet ended"}
        return found

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def check(name: str, version: str, folder: Path) -> Row:
    """Import, compile, run and compare one network."""
    expected = np.load(folder / "expected.npz")
    inputs = [expected[key] for key in sorted(expected.files) if key.startswith("in")]
    wanted = [expected[key] for key in sorted(expected.files) if key.startswith("out")]
    start = time.perf_counter()
    module = import_mxnet(folder / "net-symbol.json", *inputs)
    imported = time.perf_counter()
    executable = in_process(build(module, Options()), None)
    compiled = time.perf_counter()
    found = executable(*inputs)
    outputs = [*found.values()] if isinstance(found, dict) else _listed(found)
    pairs = zip(outputs, wanted, strict=True)
    errors = [difference(a, b, ranked=name in RANKED) for a, b in pairs]
    return Row(name, version, imported - start, compiled - imported, max(errors))


def _listed(found: Any) -> list[Any]:
    return [*found] if isinstance(found, list | tuple) else [found]


def run(version: str, names: list[str], python: Path, folder: Path) -> list[Row]:
    """All networks of one version, each exported while the one before is compiled."""
    exporter, rows = Exporter(python, folder / "mxnet.log"), []
    places = [folder / version / name for name in names]
    exporter.ask(names[0], places[0])
    for i, name in enumerate(names):
        answer = exporter.answer()
        if i + 1 < len(names):
            exporter.ask(names[i + 1], places[i + 1])
        try:
            row = (
                Row(name, version, problem=f"MXNet: {answer['error']}")
                if "error" in answer else check(name, version, places[i])
            )  # fmt: skip
        except Exception as error:
            row = Row(name, version, problem=f"{type(error).__name__}: {error}")
        print(row, flush=True)
        rows.append(row)
        shutil.rmtree(places[i])
    exporter.close()
    return rows


def main() -> int:
    """Print a line for each network; the exit status is 1 if one is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/mxnet_zoo", description=__doc__)
    parser.add_argument("--only", help="networks, with commas between", default="")
    parser.add_argument("--versions", default=",".join(VERSIONS))
    parser.add_argument("--environments", type=Path, default=Path("build"), metavar="FOLDER",
                        help="where environments with MXNet are or will be")  # fmt: skip
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [*ZOO, *OTHERS]
    print(f"{'network':18} {'MXNet':8} import compile  largest error")
    rows, start = [], time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="baryon-mxnet-") as folder:
        for version in options.versions.split(","):
            python = python_of(version, options.environments.resolve())
            rows += run(version, names, python, Path(folder))
    good = sum(row.is_good for row in rows)
    spent = time.perf_counter() - start
    print(f"{good} of {len(rows)} networks agree ({spent:.0f} s)")
    return int(good < len(rows))


if __name__ == "__main__":
    sys.exit(main())
