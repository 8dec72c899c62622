"""`quantize_net`: all modes on small networks, against the float network and the interpreter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
import baryon.contrib.quantization
from baryon import contrib, gluon
from baryon.interp import run
from baryon.ir import Array
from baryon.quantization import (
    CalibrationCollector,
    CalibrationError,
    MetricError,
    QuantizedBlock,
    SettingError,
)
from quantization.networks import (
    IMAGES,
    NETWORKS,
    Collapsing,
    Winograd,
    initialized,
    made,
    outputs,
    quantize_net,
)


def _sqnr(expected: Array, found: Array) -> float:
    x, y = expected.astype(np.float64), found.astype(np.float64)
    return float(10 * np.log10((x**2).sum() / ((x - y) ** 2).sum()))


def _meaning(net: QuantizedBlock, *x: Array) -> Array:
    return run(net.module, x)[0]


@pytest.mark.parametrize("mode", ["none", "naive", "entropy", "percentile", "mse"])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_near_the_float_networks(name: str, mode: str) -> None:
    net, x = made(name)
    expected = outputs(net, x)
    found = quantize_net(net, calib_data=x, calib_mode=mode)
    assert _sqnr(expected, _meaning(found, x)) > 20
    report = found.quantization_report
    assert any(layer.decision == "int8" for layer in report.layers)
    if mode != "none":
        assert report.output is not None
        assert report.output.sqnr > 20
        assert all(layer.alone and (layer.inputs or layer.weight) for layer in report.layers)
    assert type(report).from_json(report.to_json()) == report


def test_the_input_projection_of_a_recurrent_layer_is_one_product_of_codes() -> None:
    """For all time steps at once; the steps themselves are float32."""
    net, x = made("recurrent")
    found = quantize_net(net, calib_data=x, calib_mode="naive")
    steps = next(op for op in found.module.main.body.ops if op.name == "npx.lstm")
    projection = steps.operands[0].op
    while projection is not None and projection.name != "npx.fully_connected":
        projection = projection.operands[0].op
    assert projection is not None
    factors = [v.op.name for v in projection.operands[:2] if v.op is not None]
    assert factors == ["ir.dequantize", "ir.dequantize"]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "auto"])
@pytest.mark.parametrize("granularity", ["tensor-wise", "channel-wise"])
@pytest.mark.parametrize("mode", ["full", "smart"])
def test_settings_go_together(dtype: str, granularity: str, mode: str) -> None:
    net, x = made("residual v2")
    found = quantize_net(net, dtype, mode, granularity, calib_data=x, calib_mode="naive")
    assert _sqnr(outputs(net, x), _meaning(found, x)) > 20
    dtypes = {t.dtype for layer in found.quantization_report.layers for t in layer.inputs}
    assert dtypes == ({"int8", "uint8"} if dtype == "auto" else {dtype})
    dense = found.quantization_report.layers[-1].weight
    assert dense is not None
    assert dense.channels == (10 if granularity == "channel-wise" else 1)


class Extremes(CalibrationCollector):
    """What naive calibration does, by a user."""

    def __init__(self) -> None:
        super().__init__()
        self.ops: set[str] = set()

    def collect(self, name: str, op_name: str, arr: Any) -> None:
        low, high = self.min_max_dict.get(name, (0.0, 0.0))
        self.ops.add(op_name)
        self.min_max_dict[name] = (
            min(low, float(arr.min())), max(high, float(arr.max()))
        )  # fmt: skip


def test_custom_collectors_say_the_ranges() -> None:
    net, x = made("residual v1")
    collector = Extremes()
    found = quantize_net(net, calib_data=x, calib_mode="custom", LayerOutputCollector=collector)
    naive = quantize_net(net, calib_data=x, calib_mode="naive")
    assert {"npx.convolution", "npx.relu"} <= collector.ops
    np.testing.assert_array_equal(_meaning(found, x), _meaning(naive, x))


class Chosen(Extremes):
    """As MXNet's examples write it: calibration says which layers matter."""

    def collect(self, name: str, op_name: str, arr: Any) -> None:
        assert self.include_layers is not None
        if name not in self.include_layers:
            return
        super().collect(name, op_name, mx.np.array(arr))


def test_collectors_are_told_which_layers_matter() -> None:
    net, x = made("residual v1")
    collector = Chosen()
    found = contrib.quantization.quantize_net(
        net, calib_data=gluon.data.DataLoader(gluon.data.ArrayDataset(x), 32), device=mx.cpu(),
        calib_mode="custom", LayerOutputCollector=collector,
    )  # fmt: skip
    assert collector.include_layers is not None
    assert {*collector.include_layers} == {*collector.min_max_dict}
    assert any(layer.decision == "int8" for layer in found.quantization_report.layers)
    assert contrib.quant.CalibrationCollector is CalibrationCollector
    with pytest.raises(AttributeError, match="there are no symbols"):
        contrib.quantization.quantize_model


def test_what_a_collector_leaves_out_stays_in_float() -> None:
    net, x = made("mlp")
    collector = Extremes()
    collector.include_layers = ["data"]
    found = quantize_net(net, calib_data=x, calib_mode="custom", LayerOutputCollector=collector)
    first, last = found.quantization_report.layers
    assert (first.decision, last.decision) == ("int8", "float32")
    assert "no range" in last.reason


def test_calibration_reads_what_it_is_told() -> None:
    net, x = made("mlp")
    loader = gluon.data.DataLoader(gluon.data.ArrayDataset(x, np.arange(96)), batch_size=10)
    found = quantize_net(net, calib_data=loader, calib_mode="naive", num_calib_batches=3)
    calibration = found.quantization_report.calibration
    assert calibration is not None
    assert (calibration.batches, calibration.samples) == (3, 30)
    few = quantize_net(net, calib_data=iter([x[:15], x[15:30]]), calib_mode="naive")
    np.testing.assert_array_equal(_meaning(found, x), _meaning(few, x))


def test_shapes_are_enough_without_calibration() -> None:
    net, x = made("residual v1")
    found = quantize_net(net, data_shapes=[(1, 3, 12, 12)])
    assert _sqnr(outputs(net, x), _meaning(found, x)) > 25


EXCLUDED: dict[str, tuple[dict[str, Any], int]] = {
    "layers": ({"exclude_layers": ["0", "1.conv2"]}, 2),
    "globs": ({"exclude_layers_match": ["*.conv?*"]}, 5),
    "parts": ({"exclude_layers_match": [".conv"]}, 5),
    "MXNet's operators": ({"exclude_operators": ["Convolution", "FullyConnected"]}, 6),
    "our operators": ({"exclude_operators": ["npx.pooling", "add"]}, 4),
}


@pytest.mark.parametrize("case", EXCLUDED)
def test_what_is_excluded_stays_in_float(case: str) -> None:
    net, x = made("residual v1")
    arguments, count = EXCLUDED[case]
    report = quantize_net(net, calib_data=x, calib_mode="naive", **arguments).quantization_report
    kept = [layer for layer in report.layers if layer.decision == "float32"]
    assert len(kept) == count
    assert all(layer.reason.startswith("excluded") for layer in kept)


def test_the_search_recovers_a_network_that_collapses() -> None:
    net = initialized(Collapsing())
    x, held_out = IMAGES[:32], IMAGES
    choices = outputs(net, held_out).argmax(1)
    naive = quantize_net(net, calib_data=x, calib_mode="naive")
    found = quantize_net(
        net, calib_data=x, calib_mode="naive", eval_data=(held_out, choices), metric="accuracy",
        max_drop=0.02,
    )  # fmt: skip
    search = found.quantization_report.search
    assert search is not None
    assert search.met
    assert search.float_value == 1.0
    assert search.int8_value < 0.8
    assert len(search.kept) <= 2
    assert all("search" in found.quantization_report.layer(n).reason for n in search.kept)
    before = (_meaning(naive, held_out).argmax(1) == choices).mean()
    after = (_meaning(found, held_out).argmax(1) == choices).mean()
    assert before == pytest.approx(search.int8_value, abs=0.02)
    assert after == pytest.approx(search.value, abs=0.02)
    assert after >= 0.96


def test_a_search_without_labels_compares_with_the_float_network() -> None:
    net, x = made("residual v1")
    found = quantize_net(net, calib_data=x, calib_mode="naive", eval_data=x, max_drop=0.05)
    search = found.quantization_report.search
    assert search is not None
    assert (search.float_value, search.met, search.kept) == (1.0, True, ())


def _mean_error(labels: Array, predictions: Array) -> float:
    return float(np.abs(labels - predictions.argmax(1)).mean())


@pytest.mark.parametrize("metric", ["accuracy", gluon.metric.TopKAccuracy(3), _mean_error])
def test_metrics_of_all_kinds(metric: Any) -> None:
    net, x = made("mlp")
    labels = outputs(net, x).argmax(1)
    found = quantize_net(
        net, calib_data=x, calib_mode="naive", eval_data=(x, labels), metric=metric, max_drop=0.1
    )
    search = found.quantization_report.search
    assert search is not None
    assert search.met


def _saved(net: QuantizedBlock, folder: Path) -> Any:
    symbol, params = net.export(folder / "q")
    return gluon.SymbolBlock.imports(symbol, ["data"], params)


def test_exported_networks_come_back(tmp_path: Path) -> None:
    net, x = made("residual v1")
    found = quantize_net(net, calib_data=x, calib_mode="naive")
    back = _saved(found, tmp_path)
    graph, _ = back.export(None) if hasattr(back, "module") else (back._of_graph.module, None)
    np.testing.assert_array_equal(run(graph, [x])[0], _meaning(found, x))
    size = (tmp_path / "q-0000.params").stat().st_size
    net.export(tmp_path / "f")
    assert size < 0.5 * (tmp_path / "f-0000.params").stat().st_size


def test_parameters_are_saved_and_loaded(tmp_path: Path) -> None:
    net, x = made("mlp")
    found = quantize_net(net, calib_data=x, calib_mode="naive")
    found.save_parameters(tmp_path / "q.params")
    expected = _meaning(found, x)
    for name, array in found.module.constants.items():
        found.module.constants[name] = np.zeros_like(array)
    assert not np.array_equal(_meaning(found, x), expected)
    found.load_parameters(tmp_path / "q.params")
    np.testing.assert_array_equal(_meaning(found, x), expected)
    net.save_parameters(tmp_path / "f.params")
    with pytest.raises(mx.ir.BaryonError, match="does not fit"):
        found.load_parameters(tmp_path / "f.params")


def test_modules_and_files_are_quantized(tmp_path: Path) -> None:
    net, x = made("residual v1")
    expected = outputs(net, x)
    net.hybridize()
    net(mx.np.array(x))
    symbol, _ = net.export(tmp_path / "net")
    module = mx.trace(net, x[:8])
    by_file = quantize_net(symbol, calib_data=x, calib_mode="naive")
    by_module = quantize_net(module, calib_data=x, calib_mode="naive")
    assert _sqnr(expected, _meaning(by_file, x)) > 20
    assert _sqnr(expected[:8], _meaning(by_module, x[:8])) > 20


X = IMAGES
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "dtype": ({"quantized_dtype": "int4"}, SettingError, "quantized_dtype is 'int4'"),
    "mode": ({"quantize_mode": "half"}, SettingError, "use one of full, smart"),
    "granularity": ({"quantize_granularity": "row"}, SettingError, "tensor-wise, channel-wise"),
    "calibration": ({"calib_mode": "best"}, SettingError, "none, naive, entropy"),
    "no data": ({"calib_data": None}, SettingError, 'calib_mode="naive" needs calib_data'),
    "no batches": ({"num_calib_batches": 0}, SettingError, "not at least 1"),
    "no collector": ({"calib_mode": "custom"}, SettingError, "go together"),
    "device": ({"device": "gpu(0)"}, SettingError, "for the CPU"),
    "empty": ({"calib_data": []}, CalibrationError, "not one batch"),
    "shape": ({"calib_data": [X, X[:, :, :7]]}, CalibrationError, "batch 2, input data has"),
    "NaN": ({"calib_data": np.where(X > 3, np.nan, X)}, CalibrationError, "NaN"),
    "constant": ({"calib_data": np.ones_like(X)}, CalibrationError, "constant"),
    "layer": ({"exclude_layers": ["1.convv2"]}, SettingError, "did you mean 1.conv2"),
    "pattern": ({"exclude_layers_match": ["stage*"]}, SettingError, "called 'stage\\*'"),
    "operator": ({"exclude_operators": ["Convolutoin"]}, SettingError, "did you mean Convolution"),
    "names": ({"exclude_layers": [3]}, SettingError, "no names"),
    "metric": ({"metric": "accuracies", "eval_data": (X, X[:, 0, 0, 0])}, MetricError,
               "no metric 'accuracies'"),
    "no eval data": ({"metric": "accuracy"}, SettingError, "needs eval_data"),
    "no labels": ({"metric": "accuracy", "eval_data": X}, CalibrationError, "no labels"),
    "failing metric": ({"metric": lambda y, p: 1 / 0, "eval_data": (X, np.arange(96))},
                       MetricError, "failed: ZeroDivisionError"),
    "NaN metric": ({"metric": lambda y, p: np.nan, "eval_data": (X, np.arange(96))},
                   MetricError, "is nan"),
    "labels of others": ({"metric": "accuracy", "eval_data": [(X, np.arange(95))]},
                         CalibrationError, "96 samples and 95 labels"),
    "NaN labels": ({"metric": "accuracy", "eval_data": (X, np.full(96, np.nan))},
                   CalibrationError, "labels that are NaN"),
    "labels of no class": ({"metric": "accuracy", "eval_data": (X, np.full(96, 77))},
                           MetricError, "the accuracy of the float network is 0"),
    "metric of words": ({"metric": lambda y, p: "good", "eval_data": (X, np.arange(96))},
                        MetricError, "could not convert string to float: 'good'"),
    "drop": ({"eval_data": X, "max_drop": -1}, SettingError, "max_drop is -1"),
    "search without ranges": ({"eval_data": X, "calib_mode": "none"}, SettingError, "search needs"),
    "percentile": ({"percentile": 0}, SettingError, "above 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_refused(case: str) -> None:
    net, x = made("residual v1")
    changed, kind, message = BAD[case]
    arguments: Any = {"calib_data": x, "calib_mode": "naive", **changed}
    with pytest.raises(kind, match=message):
        quantize_net(net, **arguments)


def test_what_is_no_block_is_refused() -> None:
    with pytest.raises(mx.ir.UnsupportedError, match="cannot be quantized"):
        quantize_net(object(), calib_data=X, calib_mode="naive")  # type: ignore[arg-type]


def test_calls_and_artifacts_compute_what_the_module_means(tmp_path: Path) -> None:
    net, x = made("residual v1")
    found = quantize_net(net, calib_data=x, calib_mode="naive")
    expected = _meaning(found, x).astype(np.float32)
    slack = 0.02 * float(np.abs(expected).max())  # a code of 127, or two
    np.testing.assert_allclose(outputs(found, x).astype(np.float32), expected, atol=slack)
    back = _saved(found, tmp_path)
    back.hybridize()
    np.testing.assert_array_equal(outputs(back, x), outputs(found, x))
    exe = mx.compile(found, mx.np.array(x[:1]), dynamic_batch=8)
    for count in (1, 5, 8):
        np.testing.assert_allclose(exe(x[:count])[0], expected[:count], rtol=0, atol=slack)


def test_what_would_not_get_faster_stays_in_float() -> None:
    net = initialized(Winograd())
    x = np.random.default_rng(0).normal(size=(4, 64, 28, 28)).astype(np.float32)
    settings: Any = {"calib_data": x, "calib_mode": "naive", "target": "x86-64-v3"}
    report = quantize_net(net, refuse_slower=True, **settings).quantization_report
    for layer in report.layers:
        if layer.float_ms is not None and layer.int8_ms is not None:
            is_slow = layer.int8_ms >= layer.float_ms
            assert (layer.decision == "float32") == is_slow
            assert not is_slow or "would not get faster on x86-64-v3" in layer.reason
    kept = quantize_net(net, refuse_slower=False, **settings).quantization_report
    assert not kept.kept
