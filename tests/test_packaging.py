"""What the wheel holds: every file of the four source roots, the native part, types, the header."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOTS = ("frontend", "passes", "compiler", "runtime")
MISSING = "the build requirements are not installed here: scripts/test install"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this source tree, built with the build folder that an installation left."""
    pytest.importorskip("scikit_build_core", reason=MISSING)
    folder = tmp_path_factory.mktemp("wheel")
    script = f"from scikit_build_core.build import build_wheel; build_wheel({str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def sources() -> set[str]:
    """The files that must be in the wheel, by their place in it."""
    return {
        str(path.relative_to(ROOT / root))
        for root in ROOTS
        for path in (ROOT / root / "baryon").rglob("*")
        if path.suffix in (".py", ".pyi", ".css", ".js") or path.name == "py.typed"
    }


@pytest.mark.slow
def test_every_source_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert sources() <= set(wheel.namelist())


@pytest.mark.slow
def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    others = [name for name in wheel.namelist() if name not in sources()]
    unexpected = [
        name
        for name in others
        if ".dist-info/" not in name
        and not name.startswith("baryon/runtime/_native.")
        and name != "baryon/runtime/include/baryon/runtime.h"
    ]
    assert not unexpected


@pytest.mark.slow
def test_native_module_header_and_types_are_there(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    (native,) = [n for n in names if n.startswith("baryon/runtime/_native.") and n.endswith(".so")]
    assert wheel.getinfo(native).file_size < 500_000
    assert "baryon/runtime/_native.pyi" in names
    assert "baryon/py.typed" in names
    assert "baryon/runtime/include/baryon/runtime.h" in names


@pytest.mark.slow
def test_every_inner_package_is_one(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    folders = {name.rsplit("/", 1)[0] for name in names if name.endswith(".py")}
    folders.remove("baryon/mxnet/children")  # it goes on the path of processes, as it is
    assert all(f"{folder}/__init__.py" in names for folder in folders)
    inner = {folder.split("/")[1] for folder in folders if "/" in folder}
    assert {"cli", "codegen", "importers", "interp", "ir", "ops", "passes", "runtime"} <= inner


@pytest.mark.slow
def test_metadata(wheel: zipfile.ZipFile) -> None:
    (info,) = {n.split("/")[0] for n in wheel.namelist() if ".dist-info/" in n}
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    assert metadata["Name"] == "baryon"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    assert "baryon = baryon.cli.main:main" in scripts.replace("=", " = ").replace("  ", " ")
    required = metadata.get_all("Requires-Dist") or []
    assert any(line.startswith("apache-tvm-ffi") and "<0.1.15" in line for line in required)
