"""One file for several CPUs: the same bits as a file for one, weights once where they are equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.codegen.artifact import Artifact, Storage, Variant, read_artifact
from baryon.codegen.targets import get_target, runs_here

from .conftest import Run

NAMES = ("x86-64-v4", "x86-64-v3", "x86-64")


@pytest.fixture
def fat(baryon: Run, model: Path, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A file for all of them, and what `compile --json` said of it."""
    path = tmp_path / "fat.baryon"
    names = "x86-64,x86-64-v3, x86-64-v4"
    result = baryon("compile", model, "-o", path, "--target", names, "--json")
    assert result.status == 0, result.err
    return path, json.loads(result.out)


def test_every_variant_is_the_one_of_its_own_file(
    baryon: Run, model: Path, tmp_path: Path, fat: tuple[Path, dict[str, Any]]
) -> None:
    path, _ = fat
    artifact = read_artifact(path, verify=True)
    assert tuple(v.plan.name for v in artifact.variants) == NAMES
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    for variant in artifact.variants:
        name = variant.plan.name
        alone = tmp_path / name
        assert baryon("compile", model, "-o", alone, "--target", name).status == 0
        own = read_artifact(alone)
        assert bytes(variant.code.image) == bytes(own.variants[0].code.image)
        assert _weights_of(artifact, variant) == _weights_of(own, own.variants[0])
        if runs_here(get_target(name)):
            one, of_all = mx.runtime.load(alone), mx.runtime.load(path, variant=name)
            assert of_all.variant == of_all.meta["target"] == name
            assert one(x)[0].tobytes() == of_all(x)[0].tobytes()


def _weights_of(artifact: Artifact, variant: Variant) -> list[bytes]:
    """What the tensors of a variant read."""
    tensors = [t for t in variant.plan.tensors if t.storage is Storage.WEIGHTS]
    return [artifact.weights.read(t.byte_offset, t.byte_extent or 0) for t in tensors]


def test_it_says_what_is_inside(baryon: Run, fat: tuple[Path, dict[str, Any]]) -> None:
    path, summary = fat
    known = json.loads(baryon("inspect", path, "--json").out)
    assert known["variants"] == summary["variants"]
    assert known["weights"] == summary["weights"]
    assert summary["target"] == ",".join(NAMES) and summary["left_out"] == {}
    total = sum(part["bytes"] for part in known["weights"])
    for row in known["variants"]:
        read = [p["bytes"] for p in known["weights"] if row["name"] in p["variants"]]
        assert sum(read) == row["weights_bytes"] <= total
    told = baryon("inspect", path).out
    assert "for x86-64-v4, x86-64-v3, x86-64" in told
    assert "x86-64-v3: " in told and "x86-64: " in told
    assert "weights read by x86-64-v4, x86-64-v3, x86-64: " in told


def test_ir_and_groups_of_one_variant(baryon: Run, fat: tuple[Path, dict[str, Any]]) -> None:
    path, _ = fat
    first, third = (
        baryon("inspect", path, "--ir", "lowered", *how).out
        for how in ((), ("--variant", "x86-64"))
    )
    assert first.startswith("module") and third.startswith("module")
    other = baryon("inspect", path, "--variant", "pentium")
    assert other.status == 1
    assert "has no variant pentium" in other.err and "x86-64-v4, x86-64-v3, x86-64" in other.err
    assert "measured us" in baryon("inspect", path, "--profile", "--variant", "x86-64").out


def test_a_page_about_one_variant(
    baryon: Run, fat: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, page = fat[0], tmp_path / "fat.html"
    result = baryon("inspect", path, "--html", page, "--variant", "x86-64")
    assert result.status == 0, result.err
    assert "x86-64" in page.read_text(encoding="utf-8")
    assert "has no variant pentium" in (
        baryon("inspect", path, "--html", page, "--variant", "pentium").err
    )


def test_what_would_never_run_is_left_out(baryon: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.baryon"
    result = baryon("compile", model, "-o", path, "--target", "native,x86-64,x86-64", "--json")
    summary = json.loads(result.out)
    names = [row["name"] for row in summary["variants"]]
    assert names == ["native", "x86-64"] or summary["left_out"] == {"x86-64": "native"}


def test_in_python(model: Path, tmp_path: Path) -> None:
    exe = mx.compile(model, target=["x86-64", "x86-64-v2"])
    assert exe.variants == ("x86-64-v2", "x86-64")
    exe.save(tmp_path / "net.baryon")
    assert mx.runtime.load(tmp_path / "net.baryon", variant="x86-64").variant == "x86-64"
    with pytest.raises(ValueError, match="no target is named"):
        mx.compile(model, target=[])


def test_tuning_measures_what_runs_here(model: Path, tmp_path: Path) -> None:
    if runs_here(get_target("x86-64-v4-bf16")):
        pytest.skip("this CPU can run every target")
    with pytest.warns(UserWarning, match="x86-64-v4-bf16 is not tuned") as told:
        exe = mx.compile(
            model, target=["x86-64", "x86-64-v4-bf16"], tune=0.2, tune_cache=tmp_path / "choices"
        )
    assert len(told) == 1
    assert exe.variant == "x86-64" and "measured" in exe.meta["tuning"]
