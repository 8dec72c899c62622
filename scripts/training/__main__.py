"""The command line of `scripts/bench_training`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("worker.py")


class Library:
    """A process that trains one network with one library."""

    def __init__(self, name: str, python: str, task: tuple[str, str, str], threads: int) -> None:
        self.name = name
        limits = dict.fromkeys(("OMP_NUM_THREADS", "TVM_NUM_THREADS"), str(threads))
        self._process = subprocess.Popen(
            [python, str(WORKER), name, *task],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | limits,
        )  # fmt: skip

    def __enter__(self) -> Library:
        self.first_s = self._read()["first_s"]
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def burst(self, seconds: float) -> float:
        """The median milliseconds of a step."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"seconds": seconds}) + "\n")
        self._process.stdin.flush()
        return float(self._read()["ms"])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            sys.exit(f"error: {self.name} ended: {self._process.stderr.read().strip()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench_training",
        description="Time training steps of Gluon networks, baryon and MXNet 2 taking turns.",
    )
    parser.add_argument("--mxnet", metavar="PYTHON", help="a Python that has mxnet 2; without it "
                        "baryon is timed alone")  # fmt: skip
    parser.add_argument("--networks", default="lenet,resnet18")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--mode", choices=("hybrid", "eager"), default="hybrid")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="per burst (default 3)")
    return parser.parse_args()


def contest(network: str, options: argparse.Namespace) -> dict[str, Any]:
    """Samples per second of each library."""
    pythons = {"baryon": sys.executable} | ({"mxnet": options.mxnet} if options.mxnet else {})
    task = (network, str(options.batch), options.mode)
    with ExitStack() as stack:
        libraries = [
            stack.enter_context(Library(name, python, task, options.threads))
            for name, python in pythons.items()
        ]
        times: dict[str, list[float]] = {library.name: [] for library in libraries}
        for number in range(options.rounds):
            for library in libraries if number % 2 else libraries[::-1]:
                time.sleep(0.2)  # for the other's threads to stop spinning
                times[library.name].append(library.burst(options.seconds))
    speeds = {n: options.batch * 1e3 / statistics.median(t) for n, t in times.items()}
    return {"speeds": speeds, "first": {lib.name: lib.first_s for lib in libraries}}


def main() -> None:
    """Print a line per network."""
    options = arguments()
    for network in options.networks.split(","):
        row = contest(network, options)
        speeds = row["speeds"]
        shown = "   ".join(f"{n} {s:9.1f} samples/s" for n, s in speeds.items())
        ratio = f"   {speeds['baryon'] / speeds['mxnet']:.2f} times" if "mxnet" in speeds else ""
        print(
            f"{network:10} {options.mode:7} batch {options.batch}   {shown}{ratio}   "
            f"(first step after {row['first']['baryon']:.1f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
