"""Networks of layers, loops and codes as ONNX files: names, symbols, constants beside the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
import pytest

import baryon as mx
from baryon.exporters.onnx import export_onnx, to_onnx
from baryon.gluon import nn, rnn
from baryon.ir import BaryonError, Module, UnsupportedError, parse_module
from exporters.onnx_runs import compare


def session(path: str | Path) -> Any:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Mixed(nn.HybridSequential):
    """Convolution, normalization, pooling, and a layer that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.add(nn.Conv2D(4, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
        self.add(nn.MaxPool2D(2), nn.Flatten(), nn.Dense(6, activation="tanh"), nn.Dropout(0.5))


class Words(mx.gluon.HybridBlock):
    """Embedding, two kinds of recurrent layers with their states, and a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.lstm = rnn.LSTM(6, 2, bidirectional=True)
        self.gru = rnn.GRU(5)
        self.head = nn.Dense(4, flatten=False)

    def forward(self, x: Any) -> Any:
        states = self.lstm.begin_state(batch_size=3)
        y, (hidden, cell) = self.lstm(self.embedding(x), states)
        return self.head(self.gru(y)), hidden, cell


def called(net: Any, *inputs: Any) -> list[Any]:
    net.initialize()
    net.hybridize()
    outputs = net(*inputs)
    return [y.asnumpy() for y in (outputs if isinstance(outputs, tuple) else (outputs,))]


def test_layers_with_their_names(tmp_path: Path) -> None:
    net, x = Mixed(), mx.np.random.uniform(size=(2, 3, 8, 8))
    (want,) = called(net, x)
    file, data = net.export(tmp_path / "mixed", format="onnx")
    assert (file, data) == (str(tmp_path / "mixed.onnx"), None)
    np.testing.assert_allclose(session(file).run(None, {"data": x.asnumpy()})[0], want, atol=1e-6)
    graph = onnx.load(file).graph
    assert [node.name for node in graph.node[:3]] == ["0/convolution", "1/batch_norm", "2/relu"]
    assert {"0.weight", "1.running_mean", "5.bias"} <= {t.name for t in graph.initializer}
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_any_batch(tmp_path: Path) -> None:
    net = Mixed()
    called(net, mx.np.ones((2, 3, 8, 8)))
    file, _ = net.export(tmp_path / "mixed.onnx", format="onnx", opset=21)
    x = mx.np.random.uniform(size=(5, 3, 8, 8))
    got = session(file).run(None, {"data": x.asnumpy()})[0]
    np.testing.assert_allclose(got, net(x).asnumpy(), atol=1e-6)


def test_recurrent_layers_are_nodes_of_the_standard(tmp_path: Path) -> None:
    x = mx.np.array(np.random.default_rng(0).integers(0, 20, (5, 3)), dtype="int32")
    net = Words()
    want = called(net, x)
    file, _ = net.export(tmp_path / "words", format="onnx")
    for got, y in zip(session(file).run(None, {"data": x.asnumpy()}), want, strict=True):
        np.testing.assert_allclose(got, y, atol=1e-6)
    ops = [node.op_type for node in onnx.load(file).graph.node]
    assert ops.count("LSTM") == 4
    assert ops.count("GRU") == 1
    assert "Scan" not in ops


def test_codes_are_written_with_scales_and_zero_points(tmp_path: Path) -> None:
    net, x = Mixed(), mx.np.random.uniform(size=(4, 3, 8, 8))
    called(net, x)
    quantized = mx.quantization.quantize_net(net, calib_data=[x], calib_mode="naive",
                                             refuse_slower=False)  # fmt: skip
    file, _ = quantized.export(tmp_path / "codes", format="onnx")
    got = session(file).run(None, {"data": x.asnumpy()})[0]
    np.testing.assert_allclose(got, quantized(x).asnumpy(), atol=0.02)
    graph = onnx.load(file).graph
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    decoded = [n for n in graph.node if n.op_type == "DequantizeLinear" and n.input[0] in arrays]
    assert decoded
    assert all(arrays[n.input[0]].dtype == np.int8 for n in decoded)


def test_constants_beside_the_file(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    module = mx.trace(lambda x: mx.np.matmul(x, mx.np.array(weight)), np.ones((2, 64), "f4"))
    files = export_onnx(module, tmp_path / "model.onnx", external=True)
    assert {f.name for f in files} == {"model.onnx", "model.onnx.data"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    x = np.random.default_rng(1).normal(size=(2, 64)).astype(np.float32)
    got = session(tmp_path / "model.onnx").run(None, {"x": x})[0]
    np.testing.assert_allclose(got, x @ weight, rtol=1e-5, atol=1e-5)


def test_small_elements_beside_the_file_share_bytes(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(-8, 8, (64, 65)).astype(ml_dtypes.int4)
    text = """module {
      constant @w : i4[64,65] = external
      func @main(%x: f32[64,65]) -> (out) {
        %w = ir.constant() {name="w"} : i4[64,65]
        %f = npx.cast(%w) {dtype=!f32} : f32[64,65]
        %y = np.add(%x, %f) : f32[64,65]
        ir.return(%y)
      }
    }"""
    module = parse_module(text, constants={"w": codes})
    data, path = export_onnx(module, tmp_path / "codes.onnx", external=True)
    assert data.stat().st_size == codes.size // 2
    got = session(path).run(None, {"x": np.zeros((64, 65), np.float32)})[0]
    np.testing.assert_array_equal(got, codes.astype(np.float32))


def loop(body: Any, *inputs: Any) -> Module:
    return mx.trace(body, *inputs)


def test_foreach_is_a_scan() -> None:
    def sums(x: Any, start: Any) -> Any:
        def step(row: Any, state: Any) -> Any:
            new = state + row * start
            return mx.np.tanh(new), new

        return mx.npx.foreach(step, x, start)

    xs = [np.random.default_rng(0).normal(size=s).astype(np.float32) for s in ((4, 3), (3,))]
    proto = compare(loop(sums, *xs), xs)
    assert [n.op_type for n in proto.graph.node].count("Scan") == 1


@pytest.mark.parametrize("limit", [2.0, 100.0])
def test_while_loop_is_a_loop(limit: float) -> None:
    def grow(x: Any) -> Any:
        return mx.npx.while_loop(
            lambda v: mx.np.sum(v) < limit, lambda v: (v * 2, v + 1), [x], max_iterations=6
        )

    x = np.full((2,), 0.25, np.float32)
    compare(loop(grow, x), [x])


@pytest.mark.parametrize("sign", [1, -1])
def test_cond_is_an_if(sign: int) -> None:
    def choose(x: Any) -> Any:
        return mx.npx.cond(mx.np.sum(x) > 0, lambda: (x + 1, x), lambda: (x * 2, x))

    x = np.full((2,), sign, np.float32)
    compare(loop(choose, x), [x])


def test_sizes_that_depend_on_elements() -> None:
    text = """module {
      func @main(%x: f32[6]) -> (out) {
        %at, %n = ir.nonzero(%x) {size="K"} : i64[K,1], i64[1]
        %y = np.reshape(%at) {newshape=("K",)} : i64[K]
        %z = np.broadcast_to(%n) {shape=("K",)} : i64[K]
        %s = np.add(%y, %z) : i64[K]
        ir.return(%s)
      }
    }"""
    module = parse_module(text)
    module.symbols.setdefault("K", (0, 6))
    proto = to_onnx(module)
    onnx.checker.check_model(proto, full_check=True)
    x = np.array([0, 1, 0, 2, 0, 3], np.float32)
    got = ort.InferenceSession(proto.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_array_equal(got, [1 + 3, 3 + 3, 5 + 3])


def test_outputs_that_are_inputs_or_equal() -> None:
    def same(x: Any) -> Any:
        y = x + 1
        return x, y, y

    x = np.ones((2,), np.float32)
    compare(mx.trace(same, x), [x])


def test_refusals(tmp_path: Path) -> None:
    module = mx.trace(lambda x: mx.np.linalg.inv(x) + 1, np.eye(2, dtype=np.float32))
    with pytest.raises(UnsupportedError, match=r"linalg_inv in ONNX: .*factorization") as caught:
        export_onnx(module, tmp_path / "inverse.onnx")
    assert __file__.rsplit("/", 1)[-1] in str(caught.value.where)
    with pytest.raises(UnsupportedError, match="opset 12"):
        to_onnx(module, opset=12)
    assert not [*tmp_path.iterdir()]


def test_formats() -> None:
    net = Mixed()
    called(net, mx.np.ones((1, 3, 8, 8)))
    with pytest.raises(BaryonError, match="'pickle'") as caught:
        net.export("mixed", format="pickle")
    assert "symbol, onnx" in str(caught.value.hint)
