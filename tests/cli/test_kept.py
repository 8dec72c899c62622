"""What was compiled before is taken from the cache, and from nothing that differs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from baryon.cli.kept import Kept, find_kept
from baryon.codegen import cache

from .conftest import Run

PROGRAM = """
import sys
from baryon.command.main import main
try:
    main(sys.argv[1:])
finally:
    print(sorted({"tvm", "onnx", "baryon.build"} & {*sys.modules}), file=sys.stderr)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own."""
    path = tmp_path / "kernels"
    monkeypatch.setenv("BARYON_CACHE", str(path))
    yield path
    cache._opened.cache_clear()


def place(model: Path, *choices: object) -> Kept:
    found = find_kept(model, choices, "off")
    assert found is not None
    return found


def test_the_second_time_needs_no_compiler(
    baryon: Run, model: Path, folder: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.baryon", tmp_path / "second.baryon"
    compiled = json.loads(baryon("compile", model, "-o", first, "--json").out)
    assert folder.is_dir()
    command = [sys.executable, "-c", PROGRAM, "compile", str(model), "-o", str(second), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken = json.loads(done.stdout)
    assert done.stderr.strip() == "[]"
    assert first.read_bytes() == second.read_bytes()
    assert [*taken["seconds"]] == ["kept"]
    assert taken["output"] == str(second)
    assert all(taken[name] == compiled[name] for name in ("bytes", "kernels", "target", "tuning"))


def test_other_models_and_options_are_other_artifacts(
    model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / model.name
    changed.write_bytes(model.read_bytes() + b"\0")
    places = {place(model, "native").artifact, place(changed, "native").artifact}
    places.add(place(model, "x86-64-v3").artifact)
    monkeypatch.setenv("MXNET_DISABLE_ONEDNN_OPT", "1")
    places.add(place(model, "native").artifact)
    tuned = tmp_path / "choices.json"
    tuned.write_text("{}")
    with_choices = find_kept(model, ("native",), str(tuned))
    assert with_choices is not None
    assert len(places | {with_choices.artifact}) == 5


def test_what_is_damaged_is_compiled_again(
    baryon: Run, model: Path, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.baryon"
    baryon("compile", model, "-o", output)
    (artifact,) = folder.glob("*.baryon")
    whole, notes = artifact.read_bytes(), artifact.with_suffix(".json")
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged, content in ((artifact, b"{"), (notes, b"{"), (artifact, flipped)):
        damaged.write_bytes(content)
        first = json.loads(baryon("compile", model, "-o", output, "--json").out)
        assert "kept" not in first["seconds"]
        assert output.read_bytes() == whole
        again = json.loads(baryon("compile", model, "-o", output, "--json").out)
        assert "kept" in again["seconds"]


def test_weights_in_other_files_are_not_looked_up(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "external.onnx"
    onnx.save(
        onnx.load(model), path, save_as_external_data=True, location="weights", size_threshold=0
    )
    assert find_kept(path, (), "off") is None
    (tmp_path / "empty.onnx").touch()
    assert find_kept(tmp_path / "empty.onnx", (), "off") is None


def test_nothing_is_kept_without_a_cache(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARYON_CACHE", "off")
    cache._opened.cache_clear()
    assert find_kept(model, (), "off") is None


def test_large_artifacts_do_not_push_out_all_others(folder: Path, tmp_path: Path) -> None:
    store = cache.KernelCache(cache.private(folder), limit=1000)
    kept, output = Kept(store, folder / "key.baryon"), tmp_path / "out.baryon"
    output.write_bytes(bytes(600))
    kept.keep(output, {"bytes": 600})
    assert kept.take(output) is None
    output.write_bytes(bytes(300))
    kept.keep(output, {"bytes": 300})
    assert kept.take(output) is not None
