"""The page about a compiled network: what it says, and what a browser makes of it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.build import Options, build
from baryon.codegen.artifact import Artifact, write_artifact
from baryon.command.main import main
from baryon.deferred import trace
from baryon.gluon import nn
from baryon.inspection import Machine, estimate_run
from baryon.inspection.page import to_html
from baryon.inspection.report import InspectionReport, count_ops, inspection_report
from browser import DARK, document, picture

MACHINE = Machine(clock=3e9, memory=1e10, cached=4e10, threads=2)
SEEN = """
document.querySelectorAll("#groups th")[8].click();
const height = (node) => node.getBoundingClientRect().height;
document.body.dataset.seen = JSON.stringify({
  verdict: document.querySelector(".verdict").textContent,
  groups: [...document.querySelectorAll("#groups tbody tr")].map(
    (row) => [...row.cells].map((cell) => cell.textContent)),
  bars: [...document.querySelectorAll("svg.times .bar")].map(height),
  buffers: [...document.querySelectorAll("svg.memory .buffer")].map((box) => {
    const r = box.getBoundingClientRect();
    return [r.left, r.right, r.top, r.bottom];
  }),
  peak: [...document.querySelectorAll("svg.memory text")].map((t) => t.textContent).join(" "),
  weights: [...document.querySelectorAll("#weights tbody tr")].map((r) => r.cells[3].textContent),
  ops: [...document.querySelectorAll("#ops tbody tr")].map(
    (row) => [...row.cells].map((cell) => cell.textContent)),
  passes: [...document.querySelectorAll("details.pass summary b")].map((b) => b.textContent),
  added: document.querySelectorAll("pre .plus").length,
});
"""


def network() -> Artifact:
    """Three convolutions, a pooling and a product."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(16, 3, padding=1, in_channels=3),
        nn.BatchNorm(in_channels=16),
        nn.Activation("relu"),
        nn.Conv2D(16, 3, padding=1, groups=16, in_channels=16),
        nn.Conv2D(32, 1, in_channels=16, activation="relu"),
        nn.GlobalAvgPool2D(),
        nn.Dense(10, in_units=32),
    )
    net.initialize()
    return build(trace(net, mx.np.zeros((1, 3, 32, 32))), Options("x86-64-v3"))


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return network()


@pytest.fixture(scope="module")
def report(artifact: Artifact) -> InspectionReport:
    measured = [10.0 * (n + 1) for n in range(len(artifact.meta["groups"]))]
    estimate = estimate_run(artifact, MACHINE)
    return inspection_report("net <1>", artifact, estimate, measured, size=12345)


@pytest.fixture(scope="module")
def seen(report: InspectionReport, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("page")
    page = folder / "page.html"
    page.write_text(to_html(report), encoding="utf-8")
    found = re.search(r'data-seen="([^"]*)"', document(page, folder, SEEN))
    assert found, "the script did not run to its end"
    known: dict[str, Any] = json.loads(unescape(found[1]))
    return known


def test_a_browser_shows_every_group(report: InspectionReport, seen: dict[str, Any]) -> None:
    assert len(seen["groups"]) == len(seen["bars"]) == len(report.groups)
    total = f"{report.milliseconds:.3g} ms"
    assert total in seen["verdict"]
    assert "measured" in seen["verdict"]
    ops = " ".join(row[2] for row in seen["groups"])
    assert ops.count("convolution") == 3
    assert "relu" in ops


def test_a_click_sorts_by_the_estimate(report: InspectionReport, seen: dict[str, Any]) -> None:
    order = sorted(report.groups, key=lambda g: -g.estimate_us)
    assert [int(row[0]) for row in seen["groups"]] == [g.number for g in order]


def test_bars_are_as_tall_as_times(report: InspectionReport, seen: dict[str, Any]) -> None:
    heights, times = np.array(seen["bars"]), [g.microseconds for g in report.groups]
    np.testing.assert_allclose(heights / heights.max(), np.divide(times, max(times)), atol=0.02)


def test_buffers_do_not_overlap(report: InspectionReport, seen: dict[str, Any]) -> None:
    assert len(seen["buffers"]) == len(report.buffers) > 0
    for n, (left, right, top, bottom) in enumerate(seen["buffers"]):
        for other in seen["buffers"][:n]:
            apart = right <= other[0] + 1 or other[1] <= left + 1
            assert apart or bottom <= other[2] + 1 or other[3] <= top + 1
    assert f"in use in call {report.peak}" in seen["peak"]
    assert max(g.live for g in report.groups) <= report.estimate.memory.arena


def test_weights_and_ops_are_listed(report: InspectionReport, seen: dict[str, Any]) -> None:
    assert len(seen["weights"]) == len(report.weights)
    sizes = [w.size for w in report.weights]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) <= report.estimate.memory.weights
    ops = {row[0]: row[1:] for row in seen["ops"]}
    assert ops["npx.convolution"] == ["3", "3"]
    assert ops["npx.batch_norm"] == ["1", "\u2013"]


def test_each_pass_that_did_something_is_there(
    report: InspectionReport, seen: dict[str, Any]
) -> None:
    assert seen["passes"][0] == "the graph as imported"
    assert seen["passes"][-1] == "the graph as compiled"
    assert {"fold-batch-norm", "layout", "fuse"} <= set(seen["passes"])
    assert len(seen["passes"]) == len(report.snapshots) + 1
    assert seen["added"] > 10


def test_the_page_needs_nothing_else(report: InspectionReport) -> None:
    text = to_html(report)
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "@import" not in text
    assert "url(" not in text
    assert "net &lt;1&gt;" in text
    assert "<1>" not in text


def test_without_a_run_and_a_record_it_says_so(artifact: Artifact) -> None:
    bare = artifact.noted(passes="", memory={"arena_bytes": 0})
    text = to_html(inspection_report("net", bare, estimate_run(bare, MACHINE)))
    assert "did not run on this machine" in text
    assert "holds no record of its passes" in text


def test_light_and_dark(report: InspectionReport, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(to_html(report), encoding="utf-8")
    light, dark = (picture(page, tmp_path, 1000, 700, options).mean() for options in ((), (DARK,)))
    assert light > 200
    assert dark < 90


def test_the_command_writes_it(artifact: Artifact, tmp_path: Path) -> None:
    file, page = tmp_path / "net.baryon", tmp_path / "net.html"
    write_artifact(file, artifact)
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", str(file), "--html", str(page), "--threads", "1"])
    assert stopped.value.code == 0
    text = page.read_text(encoding="utf-8")
    assert f'data-groups="{len(artifact.meta["groups"])}"' in text
    assert "by 1 thread" in text


def test_a_record_of_passes_is_small(artifact: Artifact, report: InspectionReport) -> None:
    whole = sum(len(s.text) for s in report.snapshots)
    assert len(artifact.meta["passes"]) < whole / 5


def test_ops_of_groups_count_and_their_frames_do_not() -> None:
    text = """module {
  func @main(%x: f32[4]) -> (y) {
    %y = ir.fused(%x) {kind="elementwise"} : f32[4] {
    (%a: f32[4]) {
      %b = np.exp(%a) : f32[4]
      %c, %d = np.split(%b) : f32[2], f32[2]
      ir.return(%c)
    }
    ir.return(%y)
  }
}"""
    assert dict(count_ops(text)) == {"np.exp": 1, "np.split": 1}
