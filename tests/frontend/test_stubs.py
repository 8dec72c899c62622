"""The .pyi stubs are those that scripts/generate_stubs would write now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_stubs_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate_stubs", "--check"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
