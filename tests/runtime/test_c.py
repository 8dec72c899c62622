"""The C interface as its users have it: the shared library, the header, and the example."""

from __future__ import annotations

import ctypes
import fcntl
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.artifacts import affine, affine_of, build

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed() -> Path:
    """The library and its header in build/c-library, compiled where something changed."""
    folder = ROOT / "build" / "c-library"
    options = ["-DBARYON_PYTHON=OFF", f"-DPython_EXECUTABLE={sys.executable}"]
    options += ["-DCMAKE_INSTALL_LIBDIR=lib", f"-DCMAKE_INSTALL_PREFIX={folder / 'install'}"]
    commands = (
        ["cmake", "-S", str(ROOT / "runtime"), "-B", str(folder), *options],
        ["cmake", "--build", str(folder), "-j", "2"],
        ["cmake", "--install", str(folder)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in commands:
            subprocess.run(command, check=True, capture_output=True)
    return folder / "install"


@pytest.fixture(scope="module")
def example(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled example."""
    program = tmp_path_factory.mktemp("example") / "run_artifact"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{installed / 'include'}"]
    flags += [f"-L{installed / 'lib'}", f"-Wl,-rpath,{installed / 'lib'}", "-lbaryon_runtime"]
    source = ROOT / "docs" / "examples" / "run_artifact.c"
    subprocess.run(["cc", source, *flags, "-o", program], check=True)
    return program


def test_example(example: Path, tmp_path: Path) -> None:
    x = np.array([[0.1, 1.2, 0.3, 0.4]], np.float32)
    (tmp_path / "net.baryon").write_bytes(build(affine()))
    (tmp_path / "input.raw").write_bytes(x.tobytes())
    run = subprocess.run(
        [example, tmp_path / "net.baryon", tmp_path / "input.raw"], check=True, capture_output=True
    )
    index, value = run.stdout.split()
    assert int(index) == int(np.argmax(affine_of(x)))
    assert float(value) == pytest.approx(float(affine_of(x).max()), rel=1e-4)


def test_example_says_what_is_wrong(example: Path, tmp_path: Path) -> None:
    (tmp_path / "net.baryon").write_bytes(b"something else")
    run = subprocess.run(
        [example, tmp_path / "net.baryon", tmp_path / "none"], check=False, capture_output=True
    )
    assert run.returncode == 1
    assert b"net.baryon: not a baryon artifact" in run.stderr


def test_library_is_small_and_exports_only_its_interface(installed: Path) -> None:
    library = installed / "lib" / "libbaryon_runtime.so"
    assert library.stat().st_size <= 500_000
    table = subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True
    )
    names = [line.split()[-1] for line in table.stdout.splitlines()]
    assert [name for name in names if not name.startswith("bry_")] == []
    assert ctypes.CDLL(str(library)).bry_format_version() == 2


def test_header_is_cplusplus_too(installed: Path, tmp_path: Path) -> None:
    source = tmp_path / "use.cc"
    source.write_text("#include <baryon/runtime.h>\nint main() { return bry_version() == 0; }\n")
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-fsyntax-only"]
    subprocess.run(["c++", *flags, f"-I{installed / 'include'}", source], check=True)
