"""The whole path of a user: train, save, quantize from the shell, look at the report, predict."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import baryon as mx
from baryon import autograd, gluon
from baryon.gluon import nn
from baryon.quantization import QuantizationReport
from baryon.runtime import load
from browser import document

SHELL = "from baryon.cli.quantize import main; main()"
ALLOWED = 0.01
"""Of the accuracy, on 450 images."""

LOOK = """
const rows = [...document.querySelectorAll("#layers tbody tr")];
document.querySelectorAll("#layers th")[4].click();
const bars = [...document.querySelectorAll("svg.overview a")];
const height = (bar) => bar.querySelector(".bar").getBoundingClientRect().height;
const tallest = bars.reduce((a, b) => height(a) >= height(b) ? a : b);
document.body.dataset.seen = JSON.stringify({
  verdict: document.querySelector(".verdict").textContent,
  rows: rows.map((row) => [...row.cells].map((cell) => cell.textContent)),
  worst: document.querySelector("#layers tbody tr").cells[1].textContent,
  tallest: tallest.querySelector("title").textContent,
  histograms: document.querySelectorAll("svg.histogram").length,
  tried: document.querySelectorAll("svg.search circle").length,
});
"""


def digits() -> tuple[Any, ...]:
    """Images (N, 1, 8, 8) and classes to train with, then those to test with."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    x, x_test, y, y_test = train_test_split(
        images, labels.astype(np.int32), test_size=450, random_state=0, stratify=labels
    )
    return x, y, x_test, y_test


def trained(x: Any, y: Any) -> gluon.HybridBlock:
    """Two convolutions and a product, after some epochs."""
    mx.random.seed(0)
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(16, 3, padding=1, activation="relu"),
        nn.Conv2D(32, 3, padding=1, strides=2, activation="relu"),
        nn.Dense(10),
    )
    net.initialize(mx.init.Xavier())
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 3e-3})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    data = gluon.data.ArrayDataset(mx.np.array(x), mx.np.array(y))
    for _ in range(6):
        for images, labels in gluon.data.DataLoader(data, 64, shuffle=True, last_batch="discard"):
            with autograd.record():
                loss = loss_of(net(images), labels)
            loss.backward()
            trainer.step(len(images))
    return net


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], float]:
    """A folder with what the command made, what it printed, and the accuracy in float32."""
    folder = tmp_path_factory.mktemp("path")
    x, y, x_test, y_test = digits()
    net = trained(x, y)
    net.export(folder / "digits")
    np.savez(folder / "calibration.npz", images=x[:256])
    np.savez(folder / "test.npz", images=x_test, label=y_test)
    command = [
        sys.executable, "-c", SHELL, "digits-symbol.json", "--calib-data", "calibration.npz",
        "--eval-data", "test.npz", "--metric", "accuracy", "--max-drop", f"{100 * ALLOWED}%",
        "--report", "report.html", "--json", "-o", "digits.baryon",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scores = np.asarray(net(mx.np.array(x_test)))
    return folder, json.loads(done.stdout), float((scores.argmax(1) == y_test).mean())


def test_the_artifact_predicts(work: tuple[Path, dict[str, Any], float]) -> None:
    folder, printed, expected = work
    _, _, x_test, y_test = digits()
    assert printed["bytes"] == (folder / "digits.baryon").stat().st_size
    executable = load(folder / "digits.baryon")
    parts = [executable(data=x_test[start : start + 15])[0] for start in range(0, 450, 15)]
    found = float((np.concatenate(parts).argmax(1) == y_test).mean())
    assert expected > 0.94
    assert expected - found <= ALLOWED + 1e-9
    search = printed["report"]["search"]
    assert search["float_value"] == pytest.approx(expected, abs=1e-6)
    assert search["value"] == pytest.approx(found, abs=2.5 / 450)


def test_a_browser_shows_what_was_done(work: tuple[Path, dict[str, Any], float]) -> None:
    folder, printed, _ = work
    report = QuantizationReport.from_json(json.dumps(printed["report"]))
    shown = re.search(r'data-seen="([^"]*)"', document(folder / "report.html", folder, LOOK))
    assert shown is not None
    seen = json.loads(unescape(shown.group(1)))
    assert f"of {len(report.layers)} ops compute in INT8" in seen["verdict"]
    assert "The metric accuracy" in seen["verdict"]
    assert "within the allowed 1 %" in seen["verdict"]
    assert [(row[1], row[2], row[3]) for row in seen["rows"]] == [
        (layer.name, layer.op, layer.decision) for layer in report.layers
    ]
    worst = min(report.layers, key=lambda x: x.alone.sqnr if x.alone else 999)
    assert seen["worst"] == worst.name
    assert seen["tallest"].startswith(f"{worst.name} (")
    assert seen["histograms"] >= len(report.layers)
    assert report.search is not None
    assert seen["tried"] == len(report.search.steps)
    assert report.search.samples == 450
