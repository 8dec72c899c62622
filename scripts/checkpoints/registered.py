"""Runs in an environment with MXNet: writes the names of all operators that it registers.

python -m checkpoints.registered FILE.txt
"""

from __future__ import annotations

import sys
from pathlib import Path

import mxnet as mx


def main(path: str) -> None:
    """One name a line."""
    names = sorted(mx.operator.get_all_registered_operators())
    Path(path).write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
