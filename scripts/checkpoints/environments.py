"""Environments with MXNet: each version in a folder of its own, made when it is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = {"1.9.1": "mxnet==1.9.1", "2.0b1": "mxnet==2.0.0b1"}
NUMPY = "numpy==1.23.5"
"""The last one that both versions can be imported with."""


def python_of(version: str, folder: Path) -> Path:
    """The Python of an environment below `folder`, which is made if it lacks MXNet."""
    place = folder / f"mxnet-{version}"
    python = place / "bin" / "python"
    if python.exists() and not _run([str(python), "-c", "import mxnet"], check=False):
        return python
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        _run([sys.executable, "-m", "venv", "--clear", str(place)])
        install = [str(python), "-m", "pip", "install", "--quiet"]
    _run([*install, VERSIONS[version], NUMPY])
    return python


def _run(command: list[str], *, check: bool = True) -> int:
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, check=check, env=clean, stdout=subprocess.DEVNULL).returncode
