"""The command line of `scripts/bench_training`."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any

from benchmark.process import Engine, EngineError


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
    limits = dict.fromkeys(("OMP_NUM_THREADS", "TVM_NUM_THREADS"), str(options.threads))
    with ExitStack() as stack:
        libraries = [
            stack.enter_context(
                Engine(name, [python, "-m", "training.worker", name, *task], limits)
            )
            for name, python in pythons.items()
        ]
        times: dict[str, list[float]] = {library.name: [] for library in libraries}
        for number in range(options.rounds):
            for library in libraries if number % 2 else libraries[::-1]:
                time.sleep(0.2)  # for the other's threads to stop spinning
                times[library.name].append(library.ask(seconds=options.seconds)["ms"])
    speeds = {n: options.batch * 1e3 / statistics.median(t) for n, t in times.items()}
    return {"speeds": speeds, "first": {lib.name: lib.started["first_s"] for lib in libraries}}


def main() -> None:
    """Print a line per network."""
    options = arguments()
    for network in options.networks.split(","):
        try:
            row = contest(network, options)
        except EngineError as error:
            sys.exit(f"error: {error}")
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
