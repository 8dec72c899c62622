"""Help, exit status and errors: 0, 2 for bad use, 1 for a failure with one line and no trace."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from baryon.command.main import COMMANDS, describe
from baryon.ir import BaryonError

from .conftest import Run


def one_line(err: str) -> str:
    """The only line of an error."""
    (line,) = err.splitlines()
    assert line.startswith("baryon: error: ")
    return line


def test_help_names_every_command(baryon: Run) -> None:
    result = baryon("--help")
    assert result.status == 0
    assert baryon() == result
    assert all(f"  {name} " in result.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example(baryon: Run, name: str) -> None:
    result = baryon(name, "--help")
    assert result.status == 0
    assert f"\n  baryon {name} " in result.out


def test_version(baryon: Run) -> None:
    assert baryon("--version").out.startswith("baryon, version ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["teleport"],
        ["compile"],
        ["compile", "/nowhere/net.onnx"],
        ["compile", __file__, "--dynamic-batch", "0"],
        ["run", __file__, "--threads", "none"],
        ["bench", __file__, "--speed"],
        ["opt"],
    ],
)
def test_bad_use_is_status_2_with_one_line(baryon: Run, arguments: list[str]) -> None:
    result = baryon(*arguments)
    assert result.status == 2
    assert one_line(result.err).endswith("--help")


@pytest.mark.parametrize("command", ["run", "bench", "inspect"])
@pytest.mark.parametrize("content", [b"", b"BARYON\r\n", b"BARYON\r\n" + b"\0" * 200, b"\0" * 4096])
def test_a_broken_artifact_is_one_line(
    baryon: Run, command: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "broken.baryon"
    path.write_bytes(content)
    result = baryon(command, path)
    assert result.status == 1
    one_line(result.err)


@pytest.mark.parametrize("command", ["compile", "inspect"])
@pytest.mark.parametrize("content", [b"", b"\xff" * 99, b"\x08\x07"])
def test_a_broken_model_is_one_line(
    baryon: Run, command: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    result = baryon(command, path)
    assert result.status == 1
    assert "broken.onnx" in one_line(result.err)


def test_a_file_of_another_kind(baryon: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.txt"
    path.write_text("hello")
    assert "neither" in one_line(baryon("inspect", path).err)
    assert "not a file that baryon reads" in one_line(baryon("compile", path).err)


def test_verbose_shows_the_excerpt_and_the_trace(baryon: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_text("module {\n  ?\n}\n")
    result = baryon("--verbose", "opt", path)
    assert result.status == 1
    assert "\n    ?\n    ^\n" in result.err
    assert "Traceback" in result.err


def test_errors_become_one_line() -> None:
    error = BaryonError("bad\n shape", where="net.py:3", hint="do\nthis", excerpt="> %x")
    assert describe(error) == "bad shape (at net.py:3); do this"
    assert describe(OSError(errno.ENOSPC, "No space left on device", "a.baryon")) == (
        "a.baryon: No space left on device"
    )
    assert describe(MemoryError()) == "not enough memory"
    assert describe(KeyError("x")).startswith("internal error, please report it: KeyError")


def test_a_closed_pipe_is_silent() -> None:
    script = "from baryon.command.main import main; main(['opt', '--list'])"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_running_does_not_load_the_compiler(artifact: Path, image: Path) -> None:
    script = (
        "import sys\nfrom baryon.command.main import main\n"
        f"try: main(['run', {str(artifact)!r}, '-i', {str(image)!r}])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "loaded = {'tvm', 'onnx', 'baryon.codegen', 'baryon.passes'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_output_of_a_failed_command_stays_as_it_was(
    baryon: Run, artifact: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.npz"
    output.write_bytes(b"old")
    np.save(tmp_path / "x.npy", np.zeros((2, 2), np.float32))
    result = baryon("run", artifact, "-i", tmp_path / "x.npy", "-o", output)
    assert result.status == 1
    one_line(result.err)
    assert output.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npz", "x.npy"]
