"""Inputs that decide shapes, open dimensions, sequences: what their examples say of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from numpy.testing import assert_array_equal
from onnx import parser

import baryon as mx
from baryon import runtime
from baryon.importers import ModelError, import_onnx
from baryon.interp import run
from baryon.ir import IRTypeError, UnsupportedError, parse_module, verify
from baryon.ops import lookup

X = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
SHAPE = numpy.array([2, 6], numpy.int64)
HEAD = '<ir_version: 9, opset_import: ["" : 18]> '
RESHAPE = "g (float[4, 3] x, int64[2] shape) => (float[a, b] y) { y = Reshape (x, shape) }"
COMPUTED = """
    g (float[4, 3] x, int64[1] n) => (float[a, b] y) {
        m = Constant <value_ints = [-1]> ()  s = Concat <axis = 0> (n, m)  y = Reshape (x, s)
    }"""
IN_A_BODY = """
    g (bool b, float[4, 3] x, int64[2] shape) => (float[a, b] y) {
        y = If (b) <then_branch = t () => (float[2, 6] p) { p = Reshape (x, shape) },
                    else_branch = e () => (float[2, 6] q) { r = Neg (x)  q = Reshape (r, shape) }>
    }"""


def made(text: str) -> onnx.ModelProto:
    return parser.parse_model(HEAD + text)


def saved(text: str, folder: Path) -> Path:
    path = folder / "model.onnx"
    onnx.save(made(text), path)
    return path


@pytest.mark.parametrize(
    ("text", "inputs", "fixed"),
    [
        (RESHAPE, [X, SHAPE], "shape"),
        (COMPUTED, [X, SHAPE[:1]], "n"),
        (IN_A_BODY, [numpy.array(True), X, SHAPE], "shape"),
    ],
    ids=["an input", "computed", "in a body"],
)
def test_what_decides_a_shape_is_fixed(text: str, inputs: list[Any], fixed: str) -> None:
    module = import_onnx(made(text), examples=inputs)
    verify(module, lookup)
    assert [*module.fixed] == [fixed]
    assert [v.name for v in module.main.inputs] == [i.name for i in made(text).graph.input]
    assert_array_equal(run(module, inputs)[0], X.reshape(2, 6))


def test_only_what_has_to_be_known_is_fixed() -> None:
    text = "g (float[4, 3] x, int64[1] at) => (float[1, 3] y) { y = Gather <axis = 0> (x, at) }"
    assert not import_onnx(made(text), examples=[X, SHAPE[:1]]).fixed


def test_without_an_example_the_error_names_the_input() -> None:
    with pytest.raises(UnsupportedError, match="computed from n: give an example"):
        import_onnx(made(COMPUTED))


def test_an_executable_refuses_another_value(tmp_path: Path) -> None:
    exe = mx.compile(saved(RESHAPE, tmp_path), X, SHAPE)
    exe.save(tmp_path / "model.baryon")
    for loaded in (exe, runtime.load(tmp_path / "model.baryon")):
        assert [port.name for port in loaded.inputs] == ["x", "shape"]
        assert_array_equal(loaded(X, SHAPE)[0], X.reshape(2, 6))
        with pytest.raises(
            runtime.InputError, match="'shape' is not what the network was compiled"
        ):
            loaded(X, SHAPE[::-1].copy())


def test_the_meaning_refuses_another_value() -> None:
    module = import_onnx(made(RESHAPE), examples=[X, SHAPE])
    with pytest.raises(IRTypeError, match="'shape' is fixed to"):
        run(module, [X, SHAPE[::-1].copy()])


def test_several_targets_share_the_value(tmp_path: Path) -> None:
    exe = mx.compile(saved(RESHAPE, tmp_path), X, SHAPE, target=["x86-64", "x86-64-v3"])
    exe.save(tmp_path / "model.baryon")
    for variant in exe.variants:
        loaded = runtime.load(tmp_path / "model.baryon", variant=variant)
        assert_array_equal(loaded(X, SHAPE)[0], X.reshape(2, 6))


def test_an_input_whose_name_is_a_number_keeps_it() -> None:
    text = 'g (float[4, 3] "0") => (float[4, 3] y) { y = Neg ("0") }'.replace('"0"', "x")
    model = made(text)
    model.graph.input[0].name = model.graph.node[0].input[0] = "0"
    module = import_onnx(model)
    assert [v.name for v in parse_module(str(module)).main.inputs] == ["0"]
    assert mx.compile(module).inputs[0].name == "0"


def test_open_dimensions_are_those_of_the_example() -> None:
    text = "g (float[n, k] x) => (float[n, k] y) { y = Neg (x) }"
    module = import_onnx(made(text), examples=[X])
    assert [str(d) for d in module.main.inputs[0].type.shape] == ["n", "3"]


@pytest.mark.parametrize(
    ("examples", "message"),
    [([X], "1 examples of inputs"), ({"z": X}, "examples names z")],
)
def test_examples_are_those_of_the_inputs(examples: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        import_onnx(made(RESHAPE), examples=examples)


SEQUENCE = """
    g (seq(float[k, 3]) s, float[4, 3] x) => (seq(float[k, 3]) t, int64 n) {
        t = SequenceInsert (s, x)  n = SequenceLength (t)
    }"""


@pytest.mark.parametrize("parts", [[], [X], [X, X[:2]]], ids=len)
def test_a_sequence_is_as_long_as_its_example(parts: Sequence[Any]) -> None:
    module = import_onnx(made(SEQUENCE), examples=[parts, X])
    assert module.main.output_names == [f"t[{i}]" for i in range(len(parts) + 1)] + ["n"]
    *got, count = run(module, [*parts, X])
    for y, want in zip(got, [*parts, X], strict=True):
        assert_array_equal(y, want)
    assert count == len(parts) + 1


def test_a_sequence_needs_an_example() -> None:
    with pytest.raises(ModelError, match="what it holds is not known"):
        import_onnx(made(SEQUENCE))
