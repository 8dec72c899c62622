"""What the benchmark shows: tables for the README, contractions, the roofline plot."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmark.kernels import contractions, print_contractions
from benchmark.machine import Level, Limits
from benchmark.profile import Group, Profile
from benchmark.profile_table import print_profile
from benchmark.readme import MarkerError, write_table

LEVELS = (Level("L1", 1, 200, 200), Level("L2", 2, 80, 80), Level("L3", 3, 40, 40),
    Level("memory", 4, 20, 16))  # fmt: skip
LIMITS = Limits(1, 100, LEVELS)
TWO = Limits(2, 200, LEVELS)


def group(number: int, family: str, shapes: str, flops: float, bytes: float, us: float) -> Group:
    return Group(
        number, f"k_{number}", family, f"n{number}", ("op",), tuple(shapes.split()), {},
        flops, bytes, us / 1e6, us / 2e6,
    )  # fmt: skip


CONVOLUTIONS = [
    group(n, "3x3 convolution", f"1x{c}x14x14 {c}x{c}x3x3 1x{c}x14x14", 9e7, 2e6, 950 + n)
    for n, c in enumerate((64, 65, 66, 67, 68, 69))
]
GROUPS = (
    *CONVOLUTIONS,
    group(10, "matrix product", "128x768 768x768 128x768", 1e8, 3e6, 2000),
    group(11, "matrix product", "1x768 768x768 1x768", 1.2e6, 2.4e6, 130),
    group(12, "matrix product", "1x8 8x8 1x8", 128, 600, 1),
    group(13, "data movement", "8x8 8x8", 0, 600, 1),
)
PROFILE = Profile("net", 1, 1, GROUPS, 0.009)


def test_contractions_are_distinct_and_the_slowest_is_first() -> None:
    twice = Profile("other", 8, 1, GROUPS, 0.01)
    rows = contractions([PROFILE, twice], LIMITS)
    assert len(rows) == 8
    assert [row.group.number for row in rows[:2]] == [11, 10]
    assert rows[0].memory_bound
    assert not rows[1].memory_bound
    assert rows[1].share == pytest.approx(0.5)
    assert rows[1].alone == pytest.approx(1.0)
    assert rows[1].networks == ("net b1", "other b8")


def test_tables_name_what_is_slow(capsys: pytest.CaptureFixture[str]) -> None:
    print_contractions(contractions([PROFILE], LIMITS), LIMITS)
    shown = capsys.readouterr().out
    assert "1 shapes are below 90%" in shown
    assert "matrix product 128x768 768x768 128x768" in shown
    print_profile(PROFILE, LIMITS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("k_10")
    assert "50.0%" in lines[2]


def report(**changes: Any) -> dict[str, Any]:
    rows = [
        {"model": name, "batch": batch, "threads": threads,
         "ms": {"baryon": 2.0, "onnxruntime": 4.0, "openvino": 3.0},
         "error": {"baryon": 3e-7, "onnxruntime": 1e-6, "openvino": 1e-7}}
        for name in ("a", "b") for batch in (1, 8) for threads in (1, 2)
    ]  # fmt: skip
    return {
        "precision": "fp32", "target": "native", "cpu": "a CPU", "environment": {},
        "versions": {"baryon": "0", "onnxruntime": "1", "openvino": "2"},
        "limits": [{"threads": 1, "gflops": 99.6}], "results": rows,
    } | changes  # fmt: skip


def test_the_table_takes_its_place_in_a_text() -> None:
    text = "before\n<!-- bench fp32 native -->\nold\n<!-- end of bench -->\nafter\n"
    written = write_table(text, report())
    assert written.startswith("before\n<!-- bench fp32 native -->\na CPU, ONNX Runtime 1")
    assert written.endswith("<!-- end of bench -->\nafter\n")
    assert "old" not in written
    assert "| a | 2 | 4 | 3 | 1.50 | 2 | 4 | 3 | 1.50 |" in written
    assert "geomean 1.50, least 1.50 (a)" in written
    assert "3e-07 of an output's largest number (1e-06 of any engine)" in written
    assert write_table(written, report()) == written


def test_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    some = report()
    some["results"] = some["results"][:-1]  # one that failed
    lines = write_table("<!-- bench fp32 native --><!-- end of bench -->", some).splitlines()
    assert {line.count("|") for line in lines if line.startswith("|")} == {10}


def test_the_table_of_int8_has_our_float32_beside_it() -> None:
    rows = [
        {"model": name, "batch": 1, "threads": 1, "error": {"baryon": 0.5, "onnxruntime": 2.0},
         "ms": {"baryon": 2.0, "onnxruntime": 3.0, "baryon fp32": 5.0} | more}
        for name, more in (("a", {"openvino": 4.0}), ("b", {}))
    ]  # fmt: skip
    place = "<!-- bench int8 native --><!-- end of bench -->"
    written = write_table(place, report(precision="int8", results=rows))
    assert "| network | 1 thread: baryon | baryon float32 | ONNX Runtime | OpenVINO |" in written
    assert "| a | 2 | 5 | 3 | 4 | 1.50 |" in written
    assert "| b | 2 | 5 | 3 | - | 1.50 |" in written
    assert "against what the file means is 5e-01" in written


def test_a_text_without_a_place_is_refused() -> None:
    with pytest.raises(MarkerError, match="bench bf16 native"):
        write_table("<!-- bench fp32 native --><!-- end of bench -->", report(precision="bf16"))


def test_the_readme_has_the_places() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    places = (("fp32", "native"), ("bf16", "native"), ("fp32", "x86-64-v3"), ("int8", "native"))
    for precision, target in places:
        assert "ratio" in write_table(readme, report(precision=precision, target=target))


def test_the_plot_has_every_kernel_that_computes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot is drawn by it: pip install matplotlib")
    from benchmark import roofline

    found = roofline.bubbles(PROFILE)
    assert [b.group.number for b in found][:2] == [10, 5]
    assert math.isclose(sum(b.share for b in found), 1, rel_tol=1e-3)
    path = tmp_path / "plot.svg"
    roofline.draw(PROFILE, [LIMITS, TWO], "a CPU", [path, tmp_path / "plot.png"])
    ElementTree.parse(path)
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_labels_do_not_overlap() -> None:
    pytest.importorskip("matplotlib", reason="the plot is drawn by it: pip install matplotlib")
    from matplotlib import pyplot as plt

    from benchmark.labels import Point, place_labels

    figure, axes = plt.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    points = [Point(f"point {n}", 0.5 + n / 100, 0.5, 200) for n in range(6)]
    place_labels(axes, points, 6, [], "black")
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    plt.close(figure)
