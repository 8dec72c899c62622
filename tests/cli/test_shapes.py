"""`--shape`: sizes that an .onnx file leaves open, as exporters write networks of text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import baryon as mx
from baryon.quantization import quantize_net
from baryon.runtime import load

from .conftest import Run

WEIGHT = np.random.default_rng(3).standard_normal((16, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """words and mask of (batch, sequence, 16) to (batch, sequence, 8): (words * mask) @ WEIGHT."""
    kinds = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", "sequence", width])
        for name, width in (("words", 16), ("mask", 16), ("y", 8))
    ]
    nodes = [
        helper.make_node("Mul", ["words", "mask"], ["kept"]),
        helper.make_node("MatMul", ["kept", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "text", kinds[:2], kinds[2:], [numpy_helper.from_array(WEIGHT, "w")]
    )
    path = tmp_path_factory.mktemp("text") / "text.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def feeds(batch: int, length: int) -> dict[str, np.ndarray]:
    words = np.random.default_rng(batch).standard_normal((batch, length, 16)).astype(np.float32)
    return {"words": words, "mask": np.ones_like(words)}


def test_open_sizes_are_named_with_what_to_do(baryon: Run, text: Path, tmp_path: Path) -> None:
    refused = baryon("compile", text, "-o", tmp_path / "a.baryon")
    assert refused.status == 1
    assert "axis 1 is open (sequence)" in refused.err
    assert "--shape words=" in refused.err


@pytest.mark.parametrize("given", ["words=2x5x16", "mask=batch,5,16"])
def test_compiled_for_a_shape(baryon: Run, text: Path, given: str, tmp_path: Path) -> None:
    """The other input follows, as the file calls its sizes by the same names."""
    output = tmp_path / "a.baryon"
    result = baryon("compile", text, "--shape", given, "-o", output, "--json")
    assert result.status == 0, result.err
    assert json.loads(result.out)["kernels"]
    data = feeds(2, 5)
    np.testing.assert_allclose(load(output)(**data)[0], data["words"] @ WEIGHT, 1e-5, 1e-5)


def test_two_shapes_are_two_artifacts(
    baryon: Run, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARYON_CACHE", str(tmp_path / "cache"))
    for length in (3, 4):
        output = tmp_path / f"{length}.baryon"
        assert baryon("compile", text, "--shape", f"words=1x{length}x16", "-o", output).status == 0
        assert load(output)(**feeds(1, length))[0].shape == (1, length, 8)


def test_inspected_for_a_shape(baryon: Run, text: Path) -> None:
    lacking = json.loads(baryon("inspect", text, "--json").out)
    assert "axis 1 is open" in lacking["problem"]
    told = json.loads(baryon("inspect", text, "--shape", "words=2x5x16", "--json").out)
    assert told["flops"] >= 2 * 2 * 5 * 16 * 8
    assert told["problem"] is None


def test_mx_compile_takes_shapes(text: Path) -> None:
    exe = mx.compile(text, input_shapes={"words": ("batch", 7, 16)})
    for batch in (1, 3):
        assert exe(**feeds(batch, 7))[0].shape == (batch, 7, 8)


def test_quantized_for_a_shape(baryon: Run, text: Path, tmp_path: Path) -> None:
    samples, output = tmp_path / "samples.npz", tmp_path / "q.baryon"
    data = feeds(12, 5)
    np.savez(samples, words=data["words"], mask=data["mask"])
    result = baryon(
        "quantize", text, "--calib-data", samples, "--shape", "words=batch,5,16", "-o", output
    )
    assert result.status == 0, result.err
    assert load(output)(**feeds(1, 5))[0].shape == (1, 5, 8)


def test_quantize_net_takes_open_sizes_from_the_samples(text: Path) -> None:
    data = feeds(8, 5)
    net = quantize_net(str(text), calib_data=[[*data.values()]], calib_mode="naive")
    assert [v.type.shape[1:] for v in net.module.main.inputs] == [(5, 16), (5, 16)]


def test_a_compiled_file_has_its_shapes(baryon: Run, text: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.baryon"
    assert baryon("compile", text, "--shape", "words=1x5x16", "-o", output).status == 0
    refused = baryon("inspect", output, "--shape", "words=1x5x16")
    assert refused.status == 2
    assert "--shape is for an .onnx file" in refused.err


@pytest.mark.parametrize("given", ["1x5x16", "words=1x5x16:int32"])
def test_names_without_types_are_wanted(
    baryon: Run, text: Path, given: str, tmp_path: Path
) -> None:
    refused = baryon("compile", text, "--shape", given, "-o", tmp_path / "a.baryon")
    assert refused.status == 2
    assert "write NAME=SHAPE" in refused.err
