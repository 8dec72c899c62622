"""Writes the expected values of the cases in `cases`, with MXNet 2.0.0b1.

    python3.11 -m venv oracle && oracle/bin/pip install mxnet==2.0.0b1 numpy==1.23.5
    oracle/bin/python tests/oracle/make.py [AREA ...]

Each area becomes `data/<area>.npz`; the key of output i of a case is `<case>/<i>`. MXNet is needed
here alone: `test_oracle.py` reads the files and runs the same cases on baryon.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # of a script

from oracle.cases import areas, cases_of, outputs

DATA = Path(__file__).resolve().parent / "data"
MAX_BYTES = 100_000
"""Of one file: the repository keeps every version."""


def expected(area: str, mx: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs of all cases of an area by key."""
    return {
        f"{name}/{i}": array
        for name, case in cases_of(area).items()
        for i, array in enumerate(_run(area, name, case, mx))
    }


def _run(area: str, name: str, case: Any, mx: Any) -> list[np.ndarray[Any, Any]]:
    try:
        found = outputs(case, mx)
    except Exception as error:
        error.add_note(f"in case {name!r} of area {area!r}")
        raise
    if any(x.dtype == object for x in found):
        raise TypeError(f"case {name!r} of area {area!r} returns something that is not an array")
    return found


def make(area: str, mx: Any) -> None:
    """Write the file of an area; SystemExit if it is too big to be kept."""
    path = DATA / f"{area}.npz"
    arrays = expected(area, mx)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    size = path.stat().st_size
    print(f"{path.name}: {len(arrays)} arrays, {size} bytes")
    if size > MAX_BYTES:
        path.unlink()
        raise SystemExit(f"{path.name} would have {size} bytes; make its inputs smaller")


def main(asked: list[str]) -> None:
    """Make the asked areas, or all."""
    mxnet = importlib.import_module("mxnet")  # which only the oracle's interpreter has
    mxnet.npx.set_np()
    DATA.mkdir(exist_ok=True)
    for area in asked or areas():
        make(area, mxnet)


if __name__ == "__main__":
    main(sys.argv[1:])
