"""The command line of `scripts/round_trip`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from baryon.gluon.model_zoo import vision
from baryon.ir import BaryonError
from benchmark.networks import PANEL, Network, model_file
from benchmark.networks.qdq import qdq_file
from round_trips.trips import Trip, file_trip, zoo_trip

Start = Callable[[Path], Trip]


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="scripts/round_trip",
        description="Write networks as ONNX files and compare their results in ONNX Runtime with "
        "those of the file that came in, or of the layers.",
    )
    parser.add_argument("files", nargs="*", type=Path, help="ONNX files instead of the list")
    parser.add_argument("--only", default="*", metavar="GLOB", help="networks, as 'resnet*'")
    parser.add_argument("--list", action="store_true", help="name the networks and end")
    return parser.parse_args()


def _panel(network: Network, folder: Path) -> Trip:
    return file_trip(network.name, model_file(network, 1), folder, network.integers)


def _coded(network: Network, folder: Path) -> Trip:
    name = f"{network.name}-int8"
    return file_trip(name, qdq_file(network, 1), folder, network.integers)


def _zoo(name: str, folder: Path) -> Trip:
    trip = zoo_trip(name, folder, 299 if "inception" in name else 224)
    return Trip(f"gluon-{name}", trip.nodes, trip.difference, trip.limit)


def networks() -> dict[str, Start]:
    """All of the list by name: files, the same quantized, and the model zoo."""
    return {
        **{n.name: partial(_panel, n) for n in PANEL},
        **{f"{n.name}-int8": partial(_coded, n) for n in PANEL},
        **{f"gluon-{name}": partial(_zoo, name) for name in vision.MODELS},
    }


def main() -> int:
    """Exit status 0 if every network gives the same results."""
    options = arguments()
    given: dict[str, Start] = {p.stem: partial(file_trip, p.stem, p) for p in options.files}
    known = given or networks()
    chosen = {name: start for name, start in known.items() if fnmatch(name, options.only)}
    if not chosen:
        sys.exit(f"error: no network is called {options.only}; --list names them")
    if options.list:
        print("\n".join(chosen))
        return 0
    failed = 0
    for name, start in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                trip = start(Path(folder))
                print(trip.line(), flush=True)
                failed += not trip.good
            except BaryonError as error:
                failed += 1
                print(f"{name:28} refused: {error}", flush=True)
    print(f"{len(chosen)} networks, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
