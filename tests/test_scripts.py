"""The scripts: their shell is sound, and the benchmark's arithmetic is right."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.contest import max_error
from benchmark.report import geomean, ratio, summarize
from benchmark.worker import burst, make_inputs

ROOT = Path(__file__).parents[1]
FILES = [ROOT / ".ci" / "run", *(ROOT / "scripts").glob("*"), *(ROOT / "scripts" / "lib").glob("*")]
SHELL = [p for p in FILES if p.suffix == ".sh" or (p.is_file() and b"bash" in p.read_bytes()[:40])]


@pytest.mark.parametrize("path", SHELL, ids=lambda p: p.name)
def test_shell_scripts_are_sound(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    assert path.suffix or path.stat().st_mode & 0o111, "it is not executable"


def test_the_test_script_knows_its_steps() -> None:
    script = ROOT / "scripts" / "test"
    done = subprocess.run([script, "fly"], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "there is no step fly" in done.stderr
    assert "STEP" in subprocess.check_output([script, "--help"], text=True)


def test_ci_runs_the_command_of_the_readme() -> None:
    assert "scripts/test\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "exec scripts/test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def row(ours: float, threads: int, **peers: float) -> dict[str, Any]:
    return {"threads": threads, "ms": {"baryon": ours, **peers}}


def test_ratios_are_to_the_faster_peer() -> None:
    rows = [row(2, 1, a=4, b=1), row(2, 1, a=4, b=8), row(3, 2, a=1, b=2)]
    assert [ratio(r) for r in rows] == [2, 0.5, 3]
    assert ratio({"ms": {"a": 1.0}}) is None
    assert summarize(rows) == {
        1: {"geomean": pytest.approx(1.0), "worst": 2},
        2: {"geomean": pytest.approx(3.0), "worst": 3},
    }
    assert geomean([1, 4]) == pytest.approx(2)


def test_errors_are_relative_to_the_largest_output() -> None:
    a = np.array([1.0, -4.0])
    assert max_error([a], [a]) == 0
    assert max_error([a], [a + 0.4]) == pytest.approx(0.4 / 3.6)
    assert max_error([a], [a[:1]]) == float("inf")


def test_all_engines_get_the_same_inputs() -> None:
    ports = [("x", [2, 3], "float32"), ("ids", [2], "int64")]
    first, second = make_inputs(ports), make_inputs(ports)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].dtype == np.float32
    assert not first[1].any()


def test_a_burst_is_some_runs() -> None:
    runs: list[int] = []
    assert burst(lambda: runs.append(1), 0.0) > 0
    assert len(runs) == 4
