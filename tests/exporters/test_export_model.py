"""`mx.onnx.export_model` and `baryon convert`: what they take, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from click.testing import CliRunner

import baryon as mx
from agreement import difference
from baryon.command.main import cli
from baryon.gluon import nn
from baryon.ir import BaryonError, UnsupportedError

X = np.random.default_rng(0).uniform(size=(2, 6)).astype(np.float32)


def net_of() -> Any:
    net = nn.HybridSequential()
    net.add(nn.Dense(5, activation="relu"), nn.Dense(3))
    net.initialize()
    net.hybridize()
    net(mx.np.array(X))
    return net


def answer(path: str | Path, x: Any = X) -> Any:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def dims(path: str | Path) -> list[Any]:
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape
    return [d.dim_param or d.dim_value for d in shape.dim]


def test_block(tmp_path: Path) -> None:
    net, path = net_of(), str(tmp_path / "net.onnx")
    assert mx.onnx.export_model(net, in_shapes=[(2, 6)], onnx_file_path=path) == path
    np.testing.assert_allclose(answer(path), net(mx.np.array(X)).asnumpy(), atol=1e-6)
    assert dims(path) == [2, 6]


def test_parameters_that_are_given(tmp_path: Path) -> None:
    net, other, path = net_of(), net_of(), str(tmp_path / "net.onnx")
    other.save_parameters(tmp_path / "other.params")
    mx.onnx.export_model(net, str(tmp_path / "other.params"), [X.shape], np.float32, path)
    np.testing.assert_allclose(answer(path), other(mx.np.array(X)).asnumpy(), atol=1e-6)


def test_dynamic_shapes_by_their_old_names(tmp_path: Path) -> None:
    net, path = net_of(), str(tmp_path / "net.onnx")
    mx.onnx.export_model(
        net, onnx_file_path=path, input_shape=[(2, 6)], input_type=np.float32, dynamic=True,
        dynamic_input_shapes=[("batch", 6)],
    )  # fmt: skip
    assert dims(path) == ["batch", 6]
    x = np.repeat(X, 3, axis=0)
    np.testing.assert_allclose(answer(path, x), net(mx.np.array(x)).asnumpy(), atol=1e-6)


def test_graph_and_parameters(tmp_path: Path) -> None:
    net, path = net_of(), str(tmp_path / "net.onnx")
    module, params = net.export(None)
    mx.onnx.export_model(module, params, onnx_file_path=path)
    np.testing.assert_allclose(answer(path), net(mx.np.array(X)).asnumpy(), atol=1e-6)


def test_saved_files(tmp_path: Path) -> None:
    net, path = net_of(), str(tmp_path / "net.onnx")
    symbol, params = net.export(str(tmp_path / "net"))
    mx.onnx.export_model(symbol, params, onnx_file_path=path, large_model=True)
    np.testing.assert_allclose(answer(path), net(mx.np.array(X)).asnumpy(), atol=1e-6)
    assert not Path(f"{path}.data").exists()  # there is nothing large


def test_refusals(tmp_path: Path) -> None:
    not_a_network: Any = []
    with pytest.raises(UnsupportedError, match="in_shapes is missing"):
        mx.onnx.export_model(net_of(), onnx_file_path=str(tmp_path / "a.onnx"))
    with pytest.raises(UnsupportedError, match="a list cannot be exported"):
        mx.onnx.export_model(not_a_network, onnx_file_path=str(tmp_path / "a.onnx"))
    with pytest.raises(BaryonError, match=r"0\.weight"):
        mx.onnx.export_model(net_of(), {}, [(2, 6)], onnx_file_path=str(tmp_path / "a.onnx"))
    assert not [*tmp_path.iterdir()]


def test_operators_are_listed() -> None:
    names = mx.onnx.get_operator_support()
    assert {"np.add", "npx.convolution"} <= {*names}
    assert "ir.fused" not in names
    assert mx.contrib.onnx.export_model is mx.onnx.export_model


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["convert", *arguments])


def test_convert(tmp_path: Path) -> None:
    net = net_of()
    symbol, _ = net.export(str(tmp_path / "net"))
    first, second = str(tmp_path / "first.onnx"), str(tmp_path / "second.onnx")
    told = run(symbol, "-o", first, "--json")
    assert told.exit_code == 0, told.output
    summary = json.loads(told.stdout)
    assert summary["ops"] == {"Gemm": 2, "Relu": 1}
    assert summary["inputs"] == ["data"]
    assert run(first, "-o", second, "--opset", "21").exit_code == 0
    np.testing.assert_allclose(answer(second), net(mx.np.array(X)).asnumpy(), atol=1e-6)
    assert onnx.load(second).opset_import[0].version == 21


def test_convert_refuses(tmp_path: Path) -> None:
    symbol, _ = net_of().export(str(tmp_path / "net"))
    assert "must end with .onnx" in run(symbol, "-o", str(tmp_path / "net.bin")).output
    shaped = run(symbol, "-o", str(tmp_path / "a.onnx"), "--shape", "data=1x6")
    assert "has its shapes already" in shaped.output
    assert run(symbol, "-o", str(tmp_path / "missing" / "a.onnx")).exit_code != 0


SYMBOLS = Path(__file__).parents[1] / "symbols" / "data"


@pytest.mark.parametrize("name", ["lstm", "transformer", "detector", "int8"])
@pytest.mark.parametrize("version", ["1.9.1", "2.0b1"])
def test_networks_of_mxnet(version: str, name: str, tmp_path: Path) -> None:
    folder, path = SYMBOLS / version / name, str(tmp_path / "net.onnx")
    with np.load(folder / "expected.npz") as expected:
        inputs = [expected[k] for k in expected.files if k.startswith("in")]
        outputs = [expected[k] for k in expected.files if k.startswith("out")]
    shapes, types = [x.shape for x in inputs], [x.dtype for x in inputs]
    files = (str(folder / "net-symbol.json"), str(folder / "net-0000.params"))
    mx.onnx.export_model(*files, shapes, types, path)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    found = session.run(None, dict(zip(names, inputs, strict=True)))
    for got, want in zip(found, outputs, strict=True):
        assert difference(got, want, ranked=name == "detector") <= 1e-4
