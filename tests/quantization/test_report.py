"""Reports go to JSON and come back."""

import json

import pytest

import baryon as mx
from baryon.quantization import (
    CalibrationReport,
    ErrorReport,
    Histogram,
    LayerReport,
    QuantizationReport,
    ReportError,
    SearchReport,
    SearchStep,
    TensorReport,
    WeightReport,
)


def _report() -> QuantizationReport:
    histogram = Histogram(-1.0, 1.0, (1, 2, 3))
    x = TensorReport("x", -1.0, 1.5, "int8", 0.01, 0, -1.27, 1.27, 0.001, histogram)
    layer = LayerReport(
        "0.conv", "npx.convolution", "must", "float32", "it hurts", (x,), x,
        WeightReport("0.conv.weight", -0.5, 0.5, 8, 0.001, 0.004, 41.5),
        ErrorReport(30.0, 0.999), ErrorReport(25.0, 0.99), 1.5, 0.5,
    )  # fmt: skip
    search = SearchReport(
        "accuracy", 0.95, 0.5, 0.949, 0.002, True, ("0.conv",), (SearchStep((), 0.5, False),)
    )
    return QuantizationReport(
        "net", "x86-64-v3", (layer,), {"calib_mode": "naive"},
        CalibrationReport("naive", 2, 16, 0.25, 1 << 20), ErrorReport(24.0, 0.98), search,
        4000, 1000, ("0.conv was smoothed",),
    )  # fmt: skip


def test_json_comes_back_as_the_same_report() -> None:
    report = _report()
    assert QuantizationReport.from_json(report.to_json()) == report
    assert json.loads(report.to_json()) == json.loads(json.dumps(report.to_dict()))


def test_layers_are_found_by_name() -> None:
    report = _report()
    assert report.layer("0.conv").reason == "it hurts"
    assert report.kept == ("0.conv",)
    with pytest.raises(KeyError):
        report.layer("nothing")


@pytest.mark.parametrize("text", ["{}", "[]", "nothing", '{"format": 99}', '{"format": 1}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ReportError):
        QuantizationReport.from_json(text)


def test_names_of_symbols_say_what_to_use() -> None:
    with pytest.raises(AttributeError, match="quantize a block"):
        _ = mx.quantization.quantize_model
    assert mx.contrib.quantization.quantize_net is mx.quantization.quantize_net
