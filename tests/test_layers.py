"""Imports point down only, and serving loads no compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def loaded_after(statement: str) -> set[str]:
    """The modules that a new process has after a statement."""
    script = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import baryon.runtime", "from baryon.runtime import load", "import baryon; baryon.runtime"],
)
def test_the_runtime_loads_nothing_of_the_compiler(statement: str) -> None:
    loaded = loaded_after(statement)
    own = {name.split(".")[1] for name in loaded if name.startswith("baryon.")}
    assert own == {"runtime"}
    assert not loaded & {"tvm", "tvm_ffi", "onnx", "llvmlite", "elftools", "click", "rich"}


def test_the_server_loads_nothing_of_the_compiler() -> None:
    loaded = loaded_after("import baryon.server.app, baryon.server.fronts")
    own = {name.split(".")[1] for name in loaded if name.startswith("baryon.")}
    assert own == {"runtime", "server"}
    assert not loaded & {"tvm", "tvm_ffi", "onnx", "llvmlite", "elftools", "click", "rich"}


def test_the_command_loads_nothing_of_the_compiler() -> None:
    loaded = loaded_after("import baryon.command.main, baryon.command.serve, baryon.command.sign")
    own = {name.split(".")[1] for name in loaded if name.startswith("baryon.")}
    assert own == {"runtime", "command"}
    assert not loaded & {"tvm", "tvm_ffi", "onnx", "llvmlite", "elftools", "rich"}


def test_the_package_itself_loads_nothing() -> None:
    assert not [name for name in loaded_after("import baryon") if name.startswith("baryon.")]


def test_only_codegen_loads_tvm() -> None:
    packages = ("np", "npx", "deferred", "importers.onnx", "passes", "rewrite", "interp", "ops")
    names = ", ".join(f"baryon.{name}" for name in (*packages, "codegen.artifact"))
    assert not loaded_after(f"import {names}") & {"tvm", "tvm_ffi", "llvmlite"}


def test_the_layers_of_pyproject_hold() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "layers.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
