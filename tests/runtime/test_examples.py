"""The examples in C and C++: built as users build them, compared with Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import baryon as mx
from baryon import np as mnp
from baryon import npx

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
COMPILERS = {"c": ["cc", "-std=c99"], "cpp": ["c++", "-std=c++17", "-pthread"]}
PROGRAMS = {"c": "classify", "cpp": "classify_files"}
Floats = NDArray[np.float32]


def by_cmake(example: str, prefix: Path, folder: Path) -> Path:
    """Built by the example's own CMakeLists.txt, which calls find_package."""
    configure: list[str | Path] = [
        "cmake",
        "-S",
        EXAMPLES / example,
        "-B",
        folder,
        f"-DCMAKE_PREFIX_PATH={prefix}",
    ]
    subprocess.run(configure, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", folder], check=True, capture_output=True)
    return folder / PROGRAMS[example]


def by_pkg_config(example: str, prefix: Path, folder: Path) -> Path:
    """Built by one line, as the head of the example has it."""
    if shutil.which("pkg-config") is None:
        pytest.skip("there is no pkg-config")
    environment = os.environ | {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    query = ["pkg-config", "--cflags", "--libs", "baryon_runtime"]
    found = subprocess.run(query, check=True, capture_output=True, text=True, env=environment)
    sources = sorted(p for p in (EXAMPLES / example).iterdir() if p.suffix in (".c", ".cc"))
    program = folder / "program"
    run_path = f"-Wl,-rpath,{prefix / 'lib'}"
    subprocess.run(
        [*COMPILERS[example], *WARNINGS, *sources, *found.stdout.split(), run_path, "-o", program],
        check=True,
    )
    return program


def small(x: Any) -> Any:
    """Images (N, 1, 6, 6) -> scores (N, 7)."""
    random = np.random.default_rng(5)
    weight = mnp.array(random.standard_normal((4, 1, 3, 3)).astype(np.float32))
    dense = mnp.array(random.standard_normal((7, 64)).astype(np.float32))
    features = npx.relu(npx.convolution(x, weight, kernel=(3, 3), num_filter=4, no_bias=True))
    return npx.softmax(npx.fully_connected(features, dense, num_hidden=7, no_bias=True))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled network that takes one to eight images."""
    path = tmp_path_factory.mktemp("model") / "small.baryon"
    mx.compile(small, mnp.zeros((1, 1, 6, 6)), dynamic_batch=8).save(path)
    return path


@pytest.fixture(scope="module", params=["cmake", "pkg-config"])
def programs(
    request: pytest.FixtureRequest, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Both examples, built by either."""
    build = by_cmake if request.param == "cmake" else by_pkg_config
    return {name: build(name, installed, tmp_path_factory.mktemp(name)) for name in PROGRAMS}


def said(program: Path, *arguments: Path) -> str:
    """What it prints."""
    done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def best(scores: Floats) -> list[str]:
    """The five best of each row, as the examples print them."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    return [
        "".join(f" {k} ({row[k]:.6g})" for k in ks) for row, ks in zip(scores, order, strict=True)
    ]


def kernels(text: str) -> list[str]:
    """The names in a table of times."""
    return re.findall(r"^ *[0-9.]+ us  (.+)$", text, flags=re.MULTILINE)


def images(count: int) -> Floats:
    return np.random.default_rng(count).random((count, 1, 6, 6), np.float32)


def test_c(programs: dict[str, Path], model: Path, tmp_path: Path) -> None:
    x = images(3)
    x.tofile(tmp_path / "x.raw")
    text = said(programs["c"], model, tmp_path / "x.raw")
    executable = mx.runtime.load(model)
    (scores,) = executable(x)
    assert re.findall(r"^image \d:(.*)$", text, flags=re.MULTILINE) == best(scores)
    assert kernels(text) == [time.kernel for time in executable.profile(x)]


def test_cpp(programs: dict[str, Path], model: Path, tmp_path: Path) -> None:
    """Files of different batches, at the same time."""
    files = {tmp_path / f"{count}.npy": images(count) for count in (8, 1, 5)}
    for path, x in files.items():
        np.save(path, x)
    text = said(programs["cpp"], model, *files)
    executable = mx.runtime.load(model)
    expected = [
        f"{path} {i}:{line}"
        for path, x in files.items()
        for i, line in enumerate(best(executable(x)[0]))
    ]
    assert text.splitlines()[: len(expected)] == expected
    assert set(kernels(text)) <= {time.kernel for time in executable.profile(files.popitem()[1])}


@pytest.mark.parametrize("example", PROGRAMS)
def test_what_is_wrong_is_said(programs: dict[str, Path], example: str, tmp_path: Path) -> None:
    (tmp_path / "net.baryon").write_bytes(b"something else")
    command = [programs[example], tmp_path / "net.baryon", tmp_path / "none"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "net.baryon: BRY_BAD_ARTIFACT: not a baryon artifact" in done.stderr


def test_c_refuses_half_an_image(programs: dict[str, Path], model: Path, tmp_path: Path) -> None:
    images(2).reshape(-1)[:50].tofile(tmp_path / "x.raw")
    command = [programs["c"], model, tmp_path / "x.raw"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "50 elements: expected 1 to 8 images of 36\n")


def test_cpp_passes_on_what_the_runtime_refuses(
    programs: dict[str, Path], model: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", images(9))
    command = [programs["cpp"], model, tmp_path / "x.npy"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "BRY_BAD_INPUT" in done.stderr
