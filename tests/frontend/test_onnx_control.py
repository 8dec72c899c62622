"""Branches and loops of ONNX files, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto, helper, parser

import baryon as mx
from baryon.importers import ModelError, import_onnx
from baryon.interp import run
from baryon.ir import UnsupportedError, verify
from baryon.ops import lookup

TESTED = {"Constant", "If", "Loop", "Scan"}
RNG = numpy.random.default_rng(3)
X = RNG.normal(size=(4, 3)).astype(numpy.float32)
COUNT = "seven = Constant <value_ints = [7]> ()  n = Squeeze (seven)"

MODELS = {
    "if": """
        (bool b, float[4, 3] x) => (float[4, 3] y) {
            w = Constant <value_floats = [2.0, 3.0, 4.0]> ()
            y = If (b) <then_branch = a () => (float[4, 3] p) { q = Mul (x, w)  p = Relu (q) },
                        else_branch = c () => (float[4, 3] p) { p = Neg (x) }>
        }""",
    "if in an if": """
        (bool b, float[4, 3] x) => (float[4, 3] y) {
            z = Exp (x)
            y = If (b) <
                then_branch = a () => (float[4, 3] p) {
                    p = If (b) <then_branch = d () => (float[4, 3] r) { r = Add (z, x) },
                                else_branch = e () => (float[4, 3] r) { r = Identity (x) }>
                },
                else_branch = c () => (float[4, 3] p) { p = Neg (z) }>
        }""",
    "loop": f"""
        (bool b, float[4, 3] x) => (float[4, 3] y, float[7, 3] rows) {{
            {COUNT}
            half = Constant <value_float = 0.5> ()
            y, rows = Loop (n, , x) <body = l (int64 i, bool go, float[4, 3] s)
                => (bool more, float[4, 3] t, float[3] row) {{
                    more = Identity (go)
                    t = Mul (s, half)
                    row = ReduceSum <keepdims = 0> (t, zero)
                }}>
        }}""",
    "loop that reads its number": f"""
        (bool b, float[4, 3] x) => (float[4, 3] y) {{
            {COUNT}
            y = Loop (n, , x) <body = l (int64 i, bool go, float[4, 3] s)
                => (bool more, float[4, 3] t) {{
                    more = Identity (go)
                    f = Cast <to = 1> (i)
                    t = Add (s, f)
                }}>
        }}""",
    "loop whose state grows": f"""
        (bool b, float[4, 3] x) => (float[32, 3] y) {{
            {COUNT}
            y = Loop (n, , x) <body = l (int64 i, bool go, float[k, 3] s)
                => (bool more, float[m, 3] t) {{
                    more = Identity (go)
                    t = Concat <axis = 0> (s, x)
                }}>
        }}""",
    "loop until": f"""
        (bool b, float[4, 3] x) => (float[4, 3] y) {{
            {COUNT}
            limit = Constant <value_float = 9.0> ()
            y = Loop (n, b, x) <body = l (int64 i, bool go, float[4, 3] s)
                => (bool more, float[4, 3] t) {{
                    t = Add (s, s)
                    a = Abs (t)
                    m = ReduceMax <keepdims = 0> (a)
                    more = Less (m, limit)
                }}>
        }}""",
    "loop that counts rows": """
        (bool b, float[4, 3] x) => (float[3] last, float[4, 3] sums) {
            four = Shape <start = 0, end = 1> (x)
            rows = Squeeze (four)
            i0 = Constant <value_int = 0> ()
            one = Constant <value_int = 1> ()
            s0 = Constant <value_floats = [0.0, 0.0, 0.0]> ()
            go0 = Less (i0, rows)
            i9, last, sums = Loop (, go0, i0, s0) <body = l (int64 n, bool go, int64 i, float[3] s)
                => (bool more, int64 j, float[3] t, float[3] u) {
                    row = Gather (x, i)
                    t = Add (s, row)
                    u = Identity (t)
                    j = Add (i, one)
                    more = Less (j, rows)
                }>
        }""",
    "scan": """
        (bool b, float[4, 3] x) => (float[3] last, float[3, 4] sums) {
            zeros = Constant <value_floats = [0.0, 0.0, 0.0]> ()
            last, sums = Scan <num_scan_inputs = 1, scan_output_axes = [1],
                               scan_input_directions = [1], scan_output_directions = [1],
                               body = s (float[3] state, float[3] row) => (float[3] t, float[3] u) {
                t = Add (state, row)
                u = Identity (t)
            }> (zeros, x)
        }""",
}


def made(text: str) -> onnx.ModelProto:
    """A model of a graph as text; `zero` is the axis 0."""
    model = parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> g ' + text)
    model.graph.initializer.append(helper.make_tensor("zero", TensorProto.INT64, [1], [0]))
    return model


@pytest.mark.parametrize("condition", [True, False])
@pytest.mark.parametrize("text", MODELS.values(), ids=list(MODELS))
def test_control(text: str, condition: bool) -> None:
    model, feeds = made(text), {"b": numpy.array(condition), "x": X}
    module = import_onnx(model)
    verify(module, lookup)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    want: Sequence[Any] = session.run(None, feeds)
    for got in (run(module, [*feeds.values()]), mx.compile(import_onnx(model))(**feeds)):
        results: list[Any] = [*got]
        for y, expected in zip(results, want, strict=True):
            assert y.shape == expected.shape
            assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_a_known_condition_leaves_one_branch() -> None:
    module = import_onnx(made(MODELS["if"]), values={"b": numpy.array(False)})
    assert [op.name for op in module.main.body.ops][:-1] == ["np.negative"]


def test_a_loop_needs_a_number_of_iterations() -> None:
    text = MODELS["loop until"].replace("(bool b,", "(int64 n, bool b,").replace(COUNT, "")
    with pytest.raises(UnsupportedError, match="the number of iterations must be a constant"):
        import_onnx(made(text))


def test_a_loop_without_a_limit_needs_known_conditions() -> None:
    text = MODELS["loop until"].replace("Loop (n, b, x)", "Loop (, b, x)")
    with pytest.raises(UnsupportedError, match="condition of a loop without a limit must be a"):
        import_onnx(made(text))


def test_names_of_a_body_stay_inside() -> None:
    text = MODELS["if"].replace("y = If", "z = Neg (q)  y = If")
    with pytest.raises(ModelError, match="'q', which nothing before it computes"):
        import_onnx(made(text))
