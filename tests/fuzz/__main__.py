"""`scripts/fuzz_inputs onnx|mxnet|http`: inputs nobody should send."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from fuzz.campaign import Target, run

TARGETS = {
    "onnx": ("fuzz.onnx_models", "Models"),
    "mxnet": ("fuzz.mxnet_symbols", "Symbols"),
    "http": ("fuzz.http_requests", "Requests"),
}


def target_of(name: str) -> Target:
    """A target by name, whose modules are imported now."""
    module, kind = TARGETS[name]
    made: Target = getattr(importlib.import_module(module), kind)()
    return made


def main() -> int:
    """Exit status: 1 if an input was bad."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz_inputs", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--count", type=int, default=10_000, help="inputs")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for inputs that were bad")
    parser.add_argument(
        "--again", type=Path, nargs="*", default=[], help="judge these files instead"
    )
    options = parser.parse_args()
    target = target_of(options.target)
    for path in options.again:
        print(path, target.judge(path.read_bytes()))
    count = 0 if options.again else options.count
    bad = run(target, count=count, seed=options.seed, seconds=options.seconds, keep=options.keep)
    target.close()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
