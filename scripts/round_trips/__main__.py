"""The command line of `scripts/round_trip`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from baryon.ir import BaryonError
from round_trips.networks import Start, networks
from round_trips.sources import Source, drawn
from round_trips.trips import take


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


def main() -> int:
    """Exit status 0 if every network gives the same results."""
    options = arguments()
    given: dict[str, Start] = {p.stem: partial(_file, p) for p in options.files}
    known = given or networks()
    chosen = {name: start for name, start in known.items() if fnmatch(name, options.only)}
    if not chosen:
        sys.exit(f"error: no network is called {options.only}; --list names them")
    if options.list:
        print("\n".join(chosen))
        return 0
    begin = time.perf_counter()
    good = [_goes(name, start) for name, start in chosen.items()]
    spent = time.perf_counter() - begin
    print(f"{len(good)} networks, {good.count(False)} failed ({spent:.0f} s)")
    return int(not all(good))


def _file(path: Path, _: Path) -> Source:
    return drawn(path)


def _goes(name: str, start: Start) -> bool:
    """Print what came of a network; whether it is good."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            trip = take(name, start(Path(folder)), Path(folder))
        except BaryonError as error:
            print(f"{name:28} refused: {error}", flush=True)
            return False
    print(trip.line(), flush=True)
    return trip.good


if __name__ == "__main__":
    sys.exit(main())
