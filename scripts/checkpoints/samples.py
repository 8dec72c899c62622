"""Runs in an environment with MXNet: writes the small networks of the tests.

python -m checkpoints.samples ../tests/symbols/data/1.9.1
"""

from __future__ import annotations

import sys
from pathlib import Path

from checkpoints import exporter

NAMES = ("lstm", "transformer", "detector", "int8")


def main(folder: str) -> None:
    """Write each into a folder of its own."""
    for name in NAMES:
        place = Path(folder) / name
        place.mkdir(parents=True, exist_ok=True)
        exporter.export(f"{name}-small", str(place))


if __name__ == "__main__":
    main(sys.argv[1])
