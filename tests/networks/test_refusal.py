"""Layers of imported networks that had better compute in float32: chosen once, when compiling."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import baryon as mx
from baryon.build import Options, build, in_process
from baryon.codegen.code_costs import CodeCosts
from baryon.importers import import_onnx
from baryon.interp import run

RNG = np.random.default_rng(3)


def network(path: Path) -> Path:
    """Quantized: a convolution of 3 x 3, whose codes are too many for Winograd's algorithm, and one
    of 1 x 1."""

    def pair(name: str, scale: float, zero: Any, *, quantize: bool = True) -> list[onnx.NodeProto]:
        numbers = [f"{name}_scale", f"{name}_zero"]
        constants.append(numpy_helper.from_array(np.float32(scale), numbers[0]))
        constants.append(numpy_helper.from_array(zero, numbers[1]))
        nodes = [helper.make_node("DequantizeLinear", [f"{name}_q", *numbers], [f"{name}_d"])]
        if quantize:
            nodes.insert(0, helper.make_node("QuantizeLinear", [name, *numbers], [f"{name}_q"]))
        return nodes

    constants: list[onnx.TensorProto] = []
    for name, shape in {"w1_q": (384, 384, 3, 3), "w2_q": (128, 384, 1, 1)}.items():
        codes = RNG.integers(-127, 128, shape).astype(np.int8)
        constants.append(numpy_helper.from_array(codes, name))
    nodes = [
        *pair("x", 0.02, np.uint8(128)),
        *pair("w1", 0.0004, np.int8(0), quantize=False),
        helper.make_node("Conv", ["x_d", "w1_d"], ["a"], "square", pads=[1, 1, 1, 1]),
        *pair("a", 0.02, np.uint8(128)),
        *pair("w2", 0.001, np.int8(0), quantize=False),
        helper.make_node("Conv", ["a_d", "w2_d"], ["y"], "point"),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 14, 14])
        for name, channels in (("x", 384), ("y", 128))
    ]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(tmp_path_factory.mktemp("refusal") / "net.onnx")


def test_a_file_keeps_in_float32_what_would_be_slower(model: Path) -> None:
    x = RNG.standard_normal((1, 384, 14, 14)).astype(np.float32)
    want: Any = run(import_onnx(model), (x,))[0]
    chosen = mx.compile(model, target="x86-64-v3", threads=1)
    whole = mx.compile(model, target="x86-64-v3", threads=1, refuse_slower=False)
    assert [*chosen.meta["refused"]] == ["square"]
    assert "would not get faster on x86-64-v3" in chosen.meta["refused"]["square"]
    assert not whole.meta["refused"]
    for exe in (chosen, whole):
        np.testing.assert_allclose(exe(x)[0], want, rtol=0, atol=0.03)  # some codes differ by one
    assert [g["precision"] for g in whole.meta["groups"]].count("int8") == 2
    assert [g["precision"] for g in chosen.meta["groups"]].count("int8") == 1


def test_a_module_is_as_it_was_made(model: Path) -> None:
    assert not mx.compile(import_onnx(model), target="x86-64-v3").meta["refused"]


def test_vnni_refuses_nothing(model: Path) -> None:
    built = build(import_onnx(model), Options("x86-64-v4-vnni", refuse_slower=True))
    assert not built.meta["refused"]


def test_what_was_refused_gives_the_same_bits_on_other_kernels(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The choice for one target, compiled for CPUs with and without fused multiply-adds."""
    chosen = CodeCosts.on("x86-64-v3").seconds
    monkeypatch.setattr(CodeCosts, "seconds", lambda _, op, sizes: chosen(op, sizes))
    x = RNG.standard_normal((1, 384, 14, 14)).astype(np.float32)
    artifacts = [
        build(import_onnx(model), Options(name, refuse_slower=True))
        for name in ("x86-64-v2", "x86-64-v3")
    ]
    assert all([*artifact.meta["refused"]] == ["square"] for artifact in artifacts)
    first, second = (in_process(artifact, 1)(x)[0] for artifact in artifacts)
    assert first.tobytes() == second.tobytes()


def test_the_command_line_says_so(model: Path, tmp_path: Path) -> None:
    def baryon(*words: object) -> str:
        command = [sys.executable, "-m", "baryon.command", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    out = tmp_path / "net.baryon"
    target = ("--target", "x86-64-v3")
    said = baryon("compile", model, "-o", out, *target)
    assert "1 layer of codes in float32, such as square" in said
    assert "such as square: would not get faster" in baryon("inspect", out)
    kept = json.loads(baryon("compile", model, "-o", out, *target, "--keep-codes", "--json"))
    assert kept["refused"] == {}
