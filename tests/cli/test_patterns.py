"""Pattern groups on the command line and in the documents."""

from __future__ import annotations

import json
from pathlib import Path

from baryon.cli.patterns import page
from baryon.passes import PATTERNS

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
