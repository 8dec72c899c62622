"""A sample of `scripts/round_trip`: its small networks, and small forms of others."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import onnx
import pytest

from benchmark.networks.convolutional import mobilenet_v2, resnet50
from benchmark.networks.recurrent import lstm_lm
from benchmark.networks.transformer import Size, bert_base, vit_s16
from round_trips.networks import networks
from round_trips.sources import drawn, zoo_source
from round_trips.trips import Trip, take

SMALL = {
    "resnet50": partial(resnet50, size=32, stages=((1, 8), (1, 8)), classes=5),
    "mobilenet_v2": partial(mobilenet_v2, size=32, stages=((1, 8, 1, 1), (3, 8, 2, 2)), classes=5),
    "vit_s16": partial(vit_s16, size=Size(16, 2, 1, 5), patch=4, classes=5),
    "bert_base": partial(bert_base, size=Size(16, 2, 1, 6), vocabulary=11),
    "lstm_lm": partial(lstm_lm, tokens=4, width=8, vocabulary=11),
}


@pytest.mark.parametrize("name", SMALL)
def test_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / "in.onnx"
    onnx.save(SMALL[name](2), str(path))
    source = drawn(path, {"ids": 11, "segments": 2, "valid": 2})
    trip = take(name, source, tmp_path)
    assert trip.good, trip.line()


def test_zoo(tmp_path: Path) -> None:
    trip = take("mobilenetv2_0.25", zoo_source("mobilenetv2_0.25", 32), tmp_path)
    assert trip.good, trip.line()
    names = {node.name for node in onnx.load(tmp_path / "out.onnx").graph.node}
    assert "features.0/convolution" in names


@pytest.mark.parametrize("name", [n for n in networks() if n.startswith(("mxnet", "torch"))])
def test_small_networks(name: str, tmp_path: Path) -> None:
    trip = take(name, networks()[name](tmp_path), tmp_path)
    assert trip.good, trip.line()


def test_a_line_says_what_failed() -> None:
    assert Trip("net", 3, 0.5, 1e-4).line().endswith("difference 5.0e-01  FAILED")
