"""What the wheels hold. baryon: every file of the four source roots, the native part, types, the
header. baryon-runtime: of these, what runs and serves compiled networks."""

from __future__ import annotations

import email
import email.message
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import baryon
import baryon.runtime
from runtime_wheel import build

ROOT = Path(__file__).parents[1]
ROOTS = ("frontend", "passes", "compiler", "runtime")
PROJECTS = {"baryon": ROOT, "baryon-runtime": ROOT / "runtime"}
OF_RUNTIME = ("baryon/runtime/", "baryon/server/", "baryon/command/")
HEADER = "baryon/runtime/include/baryon/runtime.h"
MISSING = "the build requirements are not installed here: scripts/test install"
Wheels = dict[str, zipfile.ZipFile]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Both wheels of this source tree, by name."""
    pytest.importorskip("scikit_build_core", reason=MISSING)
    return {
        name: zipfile.ZipFile(build(path, tmp_path_factory.mktemp(name)))
        for name, path in PROJECTS.items()
    }


@pytest.fixture(params=PROJECTS)
def wheel(request: pytest.FixtureRequest, wheels: Wheels) -> zipfile.ZipFile:
    return wheels[request.param]


def sources() -> set[str]:
    """The files that must be in the wheel, by their place in it."""
    return {
        str(path.relative_to(ROOT / root))
        for root in ROOTS
        for path in (ROOT / root / "baryon").rglob("*")
        if path.suffix in (".py", ".pyi", ".css", ".js") or path.name == "py.typed"
    }


def content(wheel: zipfile.ZipFile) -> set[str]:
    """Its files, but for its description and the native module, whose name is the machine's."""
    return {
        name
        for name in wheel.namelist()
        if ".dist-info/" not in name and not name.startswith("baryon/runtime/_native.cpython")
    }


def described(wheel: zipfile.ZipFile) -> tuple[str, email.message.Message]:
    """The folder of the description, and the metadata in it."""
    (info,) = {n.split("/")[0] for n in wheel.namelist() if ".dist-info/" in n}
    return info, email.message_from_bytes(wheel.read(f"{info}/METADATA"))


def test_every_source_file_is_in_the_wheel_and_nothing_else(wheels: Wheels) -> None:
    assert content(wheels["baryon"]) == sources() | {HEADER}


def test_the_runtime_is_a_part_of_it(wheels: Wheels) -> None:
    """The same files at the same places: only one of the two wheels can be installed."""
    part = {name for name in content(wheels["baryon"]) if name.startswith(OF_RUNTIME)}
    assert content(wheels["baryon-runtime"]) == part
    assert all(wheels["baryon"].read(n) == wheels["baryon-runtime"].read(n) for n in part)


def test_native_module_is_there(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    (native,) = [n for n in names if n.startswith("baryon/runtime/_native.") and n.endswith(".so")]
    assert wheel.getinfo(native).file_size < 500_000
    assert "baryon/runtime/_native.pyi" in names


def test_every_inner_package_is_one(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    folders = {name.rsplit("/", 1)[0] for name in names if name.endswith(".py")}
    folders -= {"baryon", "baryon/mxnet/children"}  # the latter goes on the path of processes
    assert all(f"{folder}/__init__.py" in names for folder in folders)
    assert {f.split("/")[1] for f in folders} >= {"command", "runtime", "server"}


def test_metadata(wheel: zipfile.ZipFile) -> None:
    info, metadata = described(wheel)
    assert metadata["Name"] in PROJECTS
    assert metadata["License-Expression"] == "Apache-2.0"
    assert b"Apache License" in wheel.read(f"{info}/licenses/LICENSE")
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    assert "baryon = baryon.command.main:main" in scripts.replace("=", " = ").replace("  ", " ")


def test_compiler_requires_the_ffi_that_its_tvm_was_built_for(wheels: Wheels) -> None:
    _, metadata = described(wheels["baryon"])
    required = metadata.get_all("Requires-Dist") or []
    assert any(line.startswith("apache-tvm-ffi") and "<0.1.15" in line for line in required)


def test_what_both_projects_say_is_the_same() -> None:
    whole, part = (
        tomllib.loads((path / "pyproject.toml").read_text("utf-8")) for path in PROJECTS.values()
    )
    project, runtime = whole["project"], part["project"]
    for field in ("version", "license", "requires-python"):
        assert runtime[field] == project[field]
    assert set(runtime["dependencies"]) <= set(project["dependencies"])
    extras: dict[str, Any] = project["optional-dependencies"]
    for name in ("serve", "sign"):
        assert runtime["optional-dependencies"][name] == extras[name]
    assert runtime["scripts"].items() <= project["scripts"].items()
    packages = part["tool"]["scikit-build"]["wheel"]["packages"]
    known = whole["tool"]["scikit-build"]["wheel"]["packages"]
    assert all(known[name] == f"runtime/{folder}" for name, folder in packages.items())


def test_there_is_one_version() -> None:
    """In the projects, the packages, CMake and the header."""
    header = (ROOT / "runtime/include/baryon/runtime.h").read_text("utf-8")
    parts = re.findall(r"#define BRY_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    cmake = (ROOT / "runtime/CMakeLists.txt").read_text("utf-8")
    projects = [p / "pyproject.toml" for p in PROJECTS.values()]
    versions = {tomllib.loads(p.read_text("utf-8"))["project"]["version"] for p in projects}
    versions |= {".".join(parts), *re.findall(r"project\(baryon_runtime VERSION (\S+)", cmake)}
    assert versions == {baryon.__version__} == {baryon.runtime.__version__}


def test_the_runtime_needs_no_compiler() -> None:
    """In a fresh environment: what is installed, and what it computes, by itself and served."""
    script = ROOT / "scripts" / "runtime_wheel"
    text = subprocess.check_output(
        [script], text=True, env=os.environ | {"BARYON_PYTHON": sys.executable}
    )
    (alone, _) = re.findall(r"packages\n  (.*)", text)
    assert re.findall(r"([a-z-]+) [0-9]", alone) == ["baryon-runtime", "click", "numpy"]
    for title in ("run", "serve"):
        assert f"{title}: 30 outputs, bit for bit those of the compiler's environment\n" in text
    assert "compile needs the compiler: pip install baryon\n" in text
