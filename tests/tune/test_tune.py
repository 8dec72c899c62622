"""Tuning inside of a network: a budget that is kept, choices that are remembered, equal results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from baryon import interp
from baryon.build import Options, lower
from baryon.codegen.kernels import candidates
from baryon.codegen.targets import get_target
from baryon.codegen.tuning import Choice, Choices, Machine, problem_of
from baryon.deferred import trace
from baryon.ir import Array, Module
from baryon.runtime import Executable
from baryon.tune import Tuning, build_tuned

THREADS = 1
DATA = np.random.default_rng(0).standard_normal((1, 16, 14, 14)).astype(np.float32)


def weights(*shape: int) -> mx.np.ndarray:
    values = np.random.default_rng(len(shape)).standard_normal(shape) / np.sqrt(shape[1])
    return mx.np.array(values.astype(np.float32))


def network(x: mx.np.ndarray) -> mx.np.ndarray:
    for kernel, channels, filters in ((3, 16, 24), (1, 24, 32)):
        w = weights(filters, channels, kernel, kernel)
        x = mx.npx.convolution(x, w, kernel=(kernel, kernel), num_filter=filters, no_bias=True)
        x = mx.npx.relu(x)
    return mx.npx.fully_connected(x, weights(10, 32 * 12 * 12), num_hidden=10, no_bias=True)


def module() -> Module:
    return trace(network, mx.np.array(DATA))


@pytest.fixture(scope="module")
def expected() -> Array:
    return interp.run(module(), [DATA])[0]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of choices that the environment names."""
    path = tmp_path / "choices.json"
    monkeypatch.setenv("BARYON_TUNING", str(path))
    return path


def check(executable: Executable, expected: Array) -> None:
    error = np.abs(executable(DATA)[0] - expected).max() / np.abs(expected).max()
    assert error < 1e-5


def last_choices(path: Path) -> list[Choice]:
    """For every kernel with a choice the candidate that the model likes least, in a file."""
    lowered = lower(module(), Options())
    machine = Machine.of(get_target("native"), [THREADS])
    found = []
    for group in lowered.groups:
        if offers := candidates(group, lowered.target):
            found.append(Choice(machine, problem_of(group), offers[-1].name, {}))
    Choices(path).write(found)
    return found


def test_tuning_remembers(file: Path, expected: Array) -> None:
    stages = []
    tuned = mx.compile(
        network, mx.np.array(DATA), tune=5, threads=THREADS,
        progress=lambda stage, done, total: stages.append((stage, done, total)),
    )  # fmt: skip
    check(tuned, expected)
    notes = tuned.meta["tuning"]
    assert notes["measured"] > 0
    assert notes["ratio"] <= 1
    shown = [done for stage, done, _ in stages if stage == "tune"]
    assert shown == sorted(shown)
    choices = Choices.read(file)
    assert 0 < len(choices.found) <= 3
    assert all(len(c.ratios) > 1 and c.name in c.ratios for c in choices.found.values())
    again = mx.compile(network, mx.np.array(DATA), threads=THREADS)
    assert again.meta["tuning"] == {"remembered": len(choices.found)}
    check(again, expected)


def test_the_budget_leaves_candidates_unmeasured(file: Path) -> None:
    lowered = lower(module(), Options())
    all_candidates = sum(len(candidates(g, lowered.target)) for g in lowered.groups)
    report = build_tuned(module(), Options(), Tuning(1, THREADS)).report
    assert report is not None
    assert report.measured < all_candidates / 2
    assert all(min(c.ratios.values()) <= 1 for c in report.choices)


def test_remembered_choices_are_followed(file: Path, expected: Array) -> None:
    wanted = last_choices(file)
    executable = mx.compile(network, mx.np.array(DATA), threads=THREADS)
    plans = [g["notes"].get("plan") for g in executable.meta["groups"]]
    assert [plan for plan in plans if plan] == [choice.name for choice in wanted]
    check(executable, expected)
    plain = mx.compile(network, mx.np.array(DATA), threads=THREADS, tune_cache="off")
    assert plain.meta["tuning"] == {"remembered": 0}
    assert [g["notes"].get("plan") for g in plain.meta["groups"]] != plans
    other = mx.compile(network, mx.np.array(DATA), threads=THREADS + 7)  # measured for another
    assert other.meta["tuning"] == {"remembered": 0}


def test_choices_that_exist_no_more_are_not_followed(file: Path, expected: Array) -> None:
    found = [Choice(c.machine, c.problem, "direct magic", {}) for c in last_choices(file)]
    Choices(file).write(found)
    executable = mx.compile(network, mx.np.array(DATA), threads=THREADS)
    assert executable.meta["tuning"] == {"remembered": 0}
    check(executable, expected)


def test_damaged_entries_are_reported_and_left_out(file: Path, expected: Array) -> None:
    last_choices(file)
    document = json.loads(file.read_text())
    document["entries"][0]["choice"] = document["entries"][1]["choice"]
    file.write_text(json.dumps(document))
    with pytest.warns(UserWarning, match="1 damaged entries are left out"):
        executable = mx.compile(network, mx.np.array(DATA), threads=THREADS)
    assert executable.meta["tuning"] == {"remembered": 2}
    check(executable, expected)


def test_a_damaged_file_is_reported_and_left_out(file: Path, expected: Array) -> None:
    file.write_text("{")
    with pytest.warns(UserWarning, match="holds no measured choices"):
        executable = mx.compile(network, mx.np.array(DATA), threads=THREADS)
    assert executable.meta["tuning"] == {"remembered": 0}
    check(executable, expected)


def test_a_network_without_choices_needs_no_time(file: Path) -> None:
    outcome = build_tuned(trace(mx.np.exp, mx.np.ones((3, 4))), Options(), Tuning(60, THREADS))
    assert outcome.report is not None
    assert (outcome.report.problems, outcome.report.measured) == (0, 0)
    assert not file.exists()
