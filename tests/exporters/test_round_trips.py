"""A sample of `scripts/round_trip`: small forms of its networks, out to ONNX and compared."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import onnx
import pytest

from benchmark.networks.convolutional import mobilenet_v2, resnet50
from benchmark.networks.recurrent import lstm_lm
from benchmark.networks.transformer import Size, bert_base, vit_s16
from round_trips.trips import Trip, file_trip, zoo_trip

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
    trip = file_trip(name, path, tmp_path, {"ids": 11, "segments": 2, "valid": 2})
    assert trip.good, trip.line()


def test_zoo(tmp_path: Path) -> None:
    trip = zoo_trip("mobilenetv2_0.25", tmp_path, size=32)
    assert trip.good, trip.line()
    names = {node.name for node in onnx.load(tmp_path / "mobilenetv2_0.25.onnx").graph.node}
    assert "features.0/convolution" in names


def test_a_line_says_what_failed() -> None:
    assert Trip("net", 3, 0.5, 1e-4).line().endswith("difference 5.0e-01  FAILED")
