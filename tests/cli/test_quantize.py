"""`baryon quantize`: the whole path from files to files, and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from baryon.cli.quantization import DropError, refuse_a_drop
from baryon.gluon import nn
from baryon.importers.onnx import import_onnx
from baryon.interp import run as interpret
from baryon.quantization import QuantizationReport, SearchReport
from baryon.runtime import load

from .conftest import Run

RNG = np.random.default_rng(2)
IMAGES = RNG.standard_normal((24, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, data=IMAGES)
    return path


@pytest.fixture(scope="module")
def gluon_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported network: 3x3 convolution, relu, product; (N, 3, 8, 8) to (N, 4)."""
    folder = tmp_path_factory.mktemp("gluon")
    mx.random.seed(0)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(8, 3, padding=1, activation="relu"), nn.GlobalAvgPool2D(), nn.Dense(4))
    net.initialize(mx.init.Xavier(magnitude=6))
    net.hybridize()
    np.savez(folder / "eval.npz", data=IMAGES, label=np.asarray(net(mx.np.array(IMAGES))).argmax(1))
    net.export(folder / "net")
    return folder / "net-symbol.json"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_onnx_to_int8(baryon: Run, model: Path, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.baryon"
    result = baryon("quantize", model, "--calib-data", data, "-o", output, "--calib-mode", "naive")
    assert result.status == 0, result.err
    assert "ops compute in INT8" in result.out
    assert names(tmp_path) == ["out.baryon"]
    (scores,) = load(output)(data=IMAGES[:1])
    (expected,) = interpret(import_onnx(model), [IMAGES[:1]])
    assert np.abs(scores - expected).max() < 0.05 * np.abs(expected).max()


def test_gluon_to_int8_with_a_search(
    baryon: Run, gluon_net: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--json has the report, which is also the page's; the artifact answers several samples."""
    monkeypatch.chdir(tmp_path)
    result = baryon(
        "quantize", gluon_net, "--calib-data", data, "--eval-data", gluon_net.with_name("eval.npz"),
        "--max-drop", "10%", "--report", "report.html", "--json",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert names(tmp_path) == ["net.baryon", "report.html"]
    printed = json.loads(result.out)
    assert printed["bytes"] == Path("net.baryon").stat().st_size
    report = QuantizationReport.from_json(json.dumps(printed["report"]))
    assert report.network == "net-symbol.json"
    assert report.search is not None
    assert report.search.metric == "accuracy"
    assert report.search.met
    assert all(layer.name in Path("report.html").read_text() for layer in report.layers)
    (scores,) = load("net.baryon")(data=IMAGES[:7])
    assert scores.shape == (7, 4)


def test_what_is_excluded_stays_in_float32(
    baryon: Run, gluon_net: Path, data: Path, tmp_path: Path
) -> None:
    def kept(*options: str) -> list[str]:
        result = baryon("quantize", gluon_net, "--calib-data", data, "-o", tmp_path / "o.baryon",
                        "--json", *options)  # fmt: skip
        assert result.status == 0, result.err
        layers = json.loads(result.out)["report"]["layers"]
        return [x["op"] for x in layers if x["decision"] == "float32" and "exclude" in x["reason"]]

    assert kept("--exclude", "Convolution") == ["npx.convolution"]
    assert kept("--exclude", "*.fully*", "--exclude", "pooling") == [
        "npx.pooling",
        "npx.fully_connected",
    ]


def bad_data(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.npz"
    arrays = {
        "shape": IMAGES[:, :1],
        "rank": IMAGES[0],
        "nan": np.where(IMAGES > 3, np.nan, IMAGES),
        "empty": IMAGES[:0],
        "constant": np.ones_like(IMAGES),
        "text": np.array([["a"]]),
    }
    np.savez(path, data=arrays[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("shape", "shape (24, 1, 8, 8)"),
        ("rank", "shape"),
        ("nan", "NaN"),
        ("empty", "no calibration data"),
        ("constant", "constant"),
        ("text", "shape"),
    ],
)
def test_bad_data_is_found_before_anything_is_done(
    baryon: Run, model: Path, tmp_path: Path, kind: str, message: str
) -> None:
    path, out = bad_data(tmp_path, kind), tmp_path / "out"
    out.mkdir()
    (out / "old.baryon").write_bytes(b"old")
    result = baryon("quantize", model, "--calib-data", path, "-o", out / "old.baryon", "--report",
                    out / "report.html")  # fmt: skip
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert line.startswith("baryon: error: ")
    assert message in line
    assert str(path) in line
    assert names(out) == ["old.baryon"]
    assert (out / "old.baryon").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--exclude", "convolutoin0"], "did you mean"),
        (["--target", "pdp-11"], "pdp-11"),
        (["--eval-data", "DATA", "--metric", "accuracy"], "has no labels"),
        (["--eval-data", "DATA", "--metric", "beauty"], "beauty"),
        (["--report", "/nowhere/x.html"], "no such folder"),
        (["-o", "/nowhere/x.baryon"], "no such folder"),
        (["--mean", "0,0"], "--mean has 2 numbers"),
        (["--report", "/dev/full"], "/dev/full"),
    ],
)
def test_what_cannot_be_is_one_line(
    baryon: Run, model: Path, data: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    given = [str(data) if text == "DATA" else text for text in options]
    result = baryon("quantize", model, "--calib-data", data, "-o", tmp_path / "x.baryon", *given)
    assert result.status == 1, result.err
    (line,) = result.err.splitlines()
    assert message in line
    assert not names(tmp_path)


@pytest.mark.parametrize(
    "options",
    [[], ["--calib-mode", "guess"], ["--size", "0"], ["--size", "1x2x3"], ["--mean", "a"],
     ["--max-drop", "-1"], ["--metric", "accuracy"], ["--calib-data", "/nowhere.npz"],
     ["-o", "x.html", "--report", "x.html"]],
)  # fmt: skip
def test_bad_use_is_status_2(baryon: Run, model: Path, data: Path, options: list[str]) -> None:
    extra = ["--calib-data", str(data)] if options and "--calib-data" not in options else []
    result = baryon("quantize", model, *extra, *options)
    assert result.status == 2
    assert result.err.startswith("baryon: error: ")


def test_a_drop_that_is_too_large_writes_the_page_alone(tmp_path: Path) -> None:
    search = SearchReport("accuracy", 0.9, 0.1, 0.8, 0.002, False, ())
    report = QuantizationReport("net", "x86-64", (), search=search)
    page = tmp_path / "page.html"
    with pytest.raises(DropError, match=r"from 0.9000 to 0.8000, more than the allowed 0.002"):
        refuse_a_drop(report, page)
    assert "MORE THAN the allowed 0.2 %" in page.read_text()
    refuse_a_drop(replace(report, search=replace(search, met=True)), tmp_path / "none.html")
    assert names(tmp_path) == ["page.html"]


def test_an_exported_network_needs_both_files(
    baryon: Run, gluon_net: Path, data: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "net-symbol.json"
    shutil.copy(gluon_net, alone)
    result = baryon("quantize", alone, "--calib-data", data, "-o", tmp_path / "x.baryon")
    assert result.status == 1
    assert "net-0000.params is not there" in result.err


def test_the_console_script_is_the_same_command(model: Path) -> None:
    script = "from baryon.cli.quantize import main; main()"
    command = [sys.executable, "-c", script, str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Missing option '--calib-data'" in done.stderr
