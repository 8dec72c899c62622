"""The HTML report: what it says, and what a browser makes of it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from baryon.quantization import (
    CalibrationReport,
    ErrorReport,
    Histogram,
    LayerReport,
    QuantizationReport,
    SearchReport,
    SearchStep,
    TensorReport,
    WeightReport,
)
from baryon.quantization.page import to_html
from browser import DARK, document, picture

COUNT, OUTLIER, MIDDLING = 12, 7, 3
"""Layers; the one whose input has outliers (kept in float32), and one that is quantized badly."""


def tensor(name: str, x: NDArray[np.float64], clip: float) -> TensorReport:
    counts, edges = np.histogram(x, 64)
    histogram = Histogram(float(edges[0]), float(edges[-1]), tuple(map(int, counts)))
    clipped = float((x > clip).mean())
    return TensorReport(
        name, float(x.min()), float(x.max()), "uint8", clip / 255, 0, 0.0, clip, clipped, histogram
    )


def error(x: NDArray[np.float64], y: NDArray[np.float64]) -> ErrorReport:
    noise, cosine = ((x - y) ** 2).sum(), (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())
    return ErrorReport(float(10 * np.log10((x**2).sum() / noise)), float(cosine))


def layer(index: int) -> LayerReport:
    """A product of 16 channels with 4 sums of them, whose factors are rounded to 8 bits.

    Outliers are in a channel with small weights, as those that a network has learned to live with.
    """
    rng = np.random.default_rng(index)
    x = np.maximum(rng.standard_normal((500, 16)), 0)
    weight = rng.standard_normal((16, 4))
    factor = {OUTLIER: 2000.0, MIDDLING: 60.0}.get(index, 1.0)
    x[:, 0] *= factor
    weight[0] /= factor
    step = x.max() / 255
    alone = error(x @ weight, np.rint(x / step) * step @ weight)
    kept = index == OUTLIER
    return LayerReport(
        f"stage{index // 4}.conv{index % 4}", "npx.convolution", "must",
        "float32" if kept else "int8",
        "kept by the search: <nothing> helps more" if kept else "INT8 is faster",
        (tensor(f"relu{index}", x, float(x.max()) if kept else 2.5),), None,
        WeightReport(f"w{index}", -1.0, 1.0, 4, 0.01, 0.02, 41.0),
        alone, ErrorReport(30.0 - index / 2, 0.999), 1.0 + index / 10, 0.4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report() -> QuantizationReport:
    layers = tuple(layer(index) for index in range(COUNT))
    search = SearchReport(
        "accuracy", 0.93, 0.41, 0.929, 0.002, True, (layers[OUTLIER].name,),
        (SearchStep((), 0.41, False), SearchStep((layers[OUTLIER].name,), 0.929, True)),
    )  # fmt: skip
    return QuantizationReport(
        "fragile <net>", "x86-64-v3", layers, {"calib_mode": "naive"},
        CalibrationReport("naive", 8, 512, 1.5, 3 << 20), ErrorReport(26.0, 0.998), search,
        4000, 1040, ("relu & batch normalization were folded",),
    )  # fmt: skip


@pytest.fixture
def page(report: QuantizationReport, tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(to_html(report), encoding="utf-8")
    return path


class Reader(HTMLParser):
    """Rows of the table of layers as texts, and all attributes by name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.hidden: list[bool] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.classes: list[str] = []
        self._in_layers = self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [v for k, v in attrs if k in ("href", "src") and v]
        self.ids += [given["id"] or ""] if "id" in given else []
        self.classes += [f"{tag}.{given['class']}"] if "class" in given else []
        if tag == "table":
            self._in_layers = given.get("id") == "layers"
        if tag == "tr" and self._in_layers:
            self.rows.append([])
            self.hidden.append("hidden" in given)
        if tag == "td" and self._in_layers:
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"
        self._in_layers = self._in_layers and tag != "table"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

    @property
    def names(self) -> list[str]:
        """Of the layers that are shown, in order."""
        shown = zip(self.rows, self.hidden, strict=True)
        return [row[1] for row, hidden in shown if row and not hidden]


def test_it_says_everything_without_javascript(report: QuantizationReport, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    reader = Reader(text)
    assert reader.names == [x.name for x in report.layers]
    row = reader.rows[1 + OUTLIER]
    assert row[3] == "float32"
    assert row[-1] == "kept by the search: <nothing> helps more"
    assert "11 of 12 ops compute in INT8." in text
    assert "The metric accuracy falls by 0.1 %, within the allowed 0.2 %." in text
    assert "naive: 512 samples in 8 batches, 1.5 s, statistics of 3.0 MiB" in text
    assert "relu &amp; batch normalization were folded" in text
    assert "% of the elements are cut off" in text


def test_it_needs_no_other_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    reader = Reader(text)
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert not re.search(r"https?:|url\(|@import", text)
    assert len(text) < 120_000


def test_drawings_are_sound(report: QuantizationReport, page: Path) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), re.DOTALL)
    trees = [ElementTree.fromstring(drawing) for drawing in drawings]
    assert len(trees) == COUNT + 2
    bars = trees[0].findall("a/rect[@class]")[1::2]
    heights = [float(bar.attrib["height"]) for bar in bars]
    sqnrs = [x.alone.sqnr for x in report.layers if x.alone]
    assert np.argsort(heights)[::-1].tolist()[:2] == np.argsort(sqnrs).tolist()[:2]
    assert [np.argmax(heights), np.argsort(heights)[-2]] == [OUTLIER, MIDDLING]
    assert bars[OUTLIER].attrib["class"] == "bar kept"


def test_a_bare_report_has_a_page(report: QuantizationReport) -> None:
    bare = LayerReport("x", "np.add", "support", "int8", "between others")
    for layers in ((), (bare,), (replace(report.layers[0], int8_ms=None), bare)):
        assert "</html>" in to_html(QuantizationReport("net", "x86-64", layers))


def test_a_browser_sorts_and_filters(report: QuantizationReport, page: Path) -> None:
    folder = page.parent
    by_error = 'document.querySelectorAll("#layers th")[4].click();'
    first, second, *_ = Reader(document(page, folder, by_error)).names
    assert [first, second] == [report.layers[OUTLIER].name, report.layers[MIDDLING].name]
    words = 'const f = document.getElementById("filter"); f.value = "float32 search";'
    filtered = document(page, folder, words + 'f.dispatchEvent(new Event("input"));')
    assert Reader(filtered).names == [report.layers[OUTLIER].name]
    assert f"1 of {COUNT}" in filtered


def test_long_names_are_short_in_the_drawing(report: QuantizationReport) -> None:
    long = "/".join(f"encoder{i}" for i in range(30))
    layers = list(report.layers)
    layers[OUTLIER] = replace(layers[OUTLIER], name=long)
    text = to_html(replace(report, layers=tuple(layers)))
    (drawn,) = re.findall(r'class="name"[^>]*>([^<]*encoder[^<]*)<', text)
    assert drawn == f"\u2026{long[-47:]}"
    assert f">{long}</a>" in text
    assert "time (estimated), up to 2.1 ms" in text


def test_a_link_of_the_drawing_unfolds_its_layer(page: Path) -> None:
    script = """
        const seen = () => document.getElementById("layer-1").checkVisibility();
        document.body.dataset.before = seen();
        document.querySelector("svg a[href='#layer-1']").dispatchEvent(
          new MouseEvent("click", {bubbles: true, cancelable: true}));
        document.body.dataset.after = seen();
    """
    assert 'data-before="false" data-after="true"' in document(page, page.parent, script)


def share_of(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    near = np.abs(pixels.astype(int) - colour).max(axis=2) < 12
    return float(near.mean())


def test_a_person_sees_which_layer_hurts(report: QuantizationReport, page: Path) -> None:
    """The bad layer is the only red in the drawing, in its column; all is there in the dark."""
    layers = list(report.layers)
    layers[OUTLIER] = replace(layers[OUTLIER], decision="int8")
    page.write_text(to_html(replace(report, layers=tuple(layers), search=None)), encoding="utf-8")
    light = picture(page, page.parent, 1100, 560)
    red = np.abs(light.astype(int) - (208, 59, 47)).max(axis=2) < 12
    columns = np.flatnonzero(red[:-130].sum(axis=0) > 20)  # the legend is below
    step = 60
    left = columns.min()
    assert columns.size > 30
    assert columns.max() - left < step, "one bar"
    dark = picture(page, page.parent, 1100, 560, [DARK])
    assert light.mean() > 200
    assert dark.mean() < 90
    assert share_of(dark, (240, 104, 92)) > 0.005
