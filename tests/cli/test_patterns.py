"""Pattern groups on the command line and in the documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baryon.cli.patterns import page
from baryon.passes import PATTERNS
from baryon.rewrite import function_text

from .conftest import Run

PAGE = Path(__file__).parents[2] / "docs" / "patterns.md"


def test_the_page_is_current() -> None:
    command = "python -m baryon.cli.patterns > docs/patterns.md"
    assert PAGE.read_text(encoding="utf-8") == page(), command


def test_opt_lists_them(baryon: Run) -> None:
    shown = baryon("opt", "--list").out
    assert all(name in shown for name in PATTERNS)
    assert "MXNET_DISABLE_ONEDNN_FUSE_CONV_SUM" in shown


def test_compile_switches_them_off(baryon: Run, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "small.baryon"
    assert baryon("compile", model, "-o", output, "--patterns", "-conv-act").status == 0
    shown = json.loads(baryon("inspect", output, "--json").out)
    assert shown["meta"]["patterns_off"] == ["conv-act"]
    assert "without the patterns conv-act" in baryon("inspect", output).out
    assert not any({"npx.convolution", "npx.relu"} <= {*g["ops"]} for g in shown["groups"])


def test_compile_refuses_unknown_names(baryon: Run, model: Path, tmp_path: Path) -> None:
    done = baryon("compile", model, "-o", tmp_path / "x.baryon", "--patterns", "conv-bm")
    assert done.status == 1
    assert "did you mean conv-bn?" in done.err


def test_explain_tells_rules_and_kernel(baryon: Run, model: Path) -> None:
    shown = baryon("inspect", model, "--explain", "relu").out
    assert "%r npx.relu, from small.onnx#relu" in shown
    assert "npx.convolution is not npx.relu" in shown
    assert "joined by conv-act" in shown
    assert "It is in the kernel of\n    %c npx.convolution\n    %r npx.relu" in shown


def test_explain_finds_results_and_prints_json(baryon: Run, model: Path) -> None:
    found = json.loads(baryon("inspect", model, "--explain", "r", "--json").out)
    assert found["ops"][0]["source"] == "small.onnx#relu"
    assert found["kernel"] == ["%c npx.convolution", "%r npx.relu"]
    assert {"pass", "rule", "op", "outcome", "reason"} == found["steps"][0].keys()


def test_explain_names_the_variable(
    baryon: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXNET_DISABLE_ONEDNN_FUSE_CONV_RELU", "1")
    found = json.loads(baryon("inspect", model, "--explain", "relu", "--json").out)
    reasons = [step["reason"] for step in found["steps"] if step["outcome"] == "left out"]
    off = "conv-act is switched off by MXNET_DISABLE_ONEDNN_FUSE_CONV_RELU"
    assert reasons == [f"{off}, so not in the kernel of %c npx.convolution"]


def test_explain_follows_an_op_into_the_one_that_took_it(baryon: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    lines = "%z = npx.relu(%x) : f32[2]\n%w = npx.relu(%z) : f32[2]\n%y = np.negative(%w) : f32[2]"
    path.write_text(function_text("%x: f32[2]", lines))
    shown = baryon("inspect", path, "--explain", "z").out
    assert "part" in shown
    assert "of what it replaced at %w npx.relu" in shown


def test_explain_offers_near_names(baryon: Run, model: Path) -> None:
    done = baryon("inspect", model, "--explain", "convv")
    assert done.status == 1
    assert "near it: conv" in done.err


def test_explain_is_for_models(baryon: Run, artifact: Path) -> None:
    assert baryon("inspect", artifact, "--explain", "r").status == 2
