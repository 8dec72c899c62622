"""A short run of each fuzzer, and what long ones found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.__main__ import TARGETS

FOUND = Path(__file__).parent / "found"


@pytest.mark.parametrize("name", TARGETS)
def test_short_run(name: str, tmp_path: Path) -> None:
    """In a process of its own, whose memory is limited and whose event loop is its own."""
    command = [sys.executable, "-m", "fuzz", name, "--count", "3000", "--seed", "1"]
    again = sorted(map(str, (FOUND / name).glob("*")))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for arguments in (["--keep", str(tmp_path)], ["--again", *again] if again else []):
        done = subprocess.run(
            [*command, *arguments], env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
