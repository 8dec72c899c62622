"""The shared library as its users have it: built without Python, installed."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh prefix with the library; it is compiled in build/c-library, where it changed."""
    folder = ROOT / "build" / "c-library"
    prefix = tmp_path_factory.mktemp("prefix")
    commands: tuple[list[str | Path], ...] = (
        ["cmake", "-S", ROOT / "runtime", "-B", folder, "-DBARYON_PYTHON=OFF",
         "-DCMAKE_INSTALL_LIBDIR=lib"],
        ["cmake", "--build", folder, "-j", "2"],
        ["cmake", "--install", folder, "--prefix", prefix],
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in commands:
            subprocess.run(command, check=True, capture_output=True)
    return prefix
