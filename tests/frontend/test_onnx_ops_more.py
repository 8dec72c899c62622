"""Ops of other domains, random ones, and those with results that inference does not need."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from onnx import TensorProto, helper, parser

from baryon.importers import ModelError, import_onnx
from baryon.interp import run
from frontend.onnx_cases import Case, f, i64, pos
from frontend.onnx_models import one_node

TRAINING, ML = "ai.onnx.preview.training", "ai.onnx.ml"
TESTED = {
    "Optional", "OptionalGetElement", "OptionalHasElement", "RandomNormal", "RandomNormalLike",
    "RandomUniform", "RandomUniformLike", "SequenceMap",
}  # fmt: skip
RATE, FIRST, LATER = numpy.float32(0.1), numpy.array(0), numpy.array(3)
CACHE = (f(2, 3, 5, 4), f(2, 3, 2, 4))
ATTENTION = tuple(f(2, 3, n, 4) for n in (2, 6, 6))

CASES = [
    *(Case("Adagrad", (RATE, t, f(2), f(3), f(2), f(3), pos(2), pos(3)),
           {"norm_coefficient": 0.1, "decay_factor": 0.2}, 1, outputs=4, domain=TRAINING)
      for t in (FIRST, LATER)),
    *(Case("Adam", (numpy.float64(0.1), t, *(pos(2).astype(numpy.float64) for _ in range(4))),
           {"norm_coefficient": 0.1, "alpha": 0.8, "norm_coefficient_post": 0.2}, 1, outputs=3,
           domain=TRAINING) for t in (FIRST, LATER)),
    *(Case("Momentum", (RATE, t, f(2), f(2), f(2)),
           {"norm_coefficient": 0.1, "alpha": 0.8, "beta": 0.7, "mode": mode}, 1, outputs=2,
           domain=TRAINING) for t in (FIRST, LATER) for mode in ("standard", "nesterov")),
    Case("Binarizer", (f(2, 3),), {"threshold": 0.3}, 1, domain=ML),
    Case("ArrayFeatureExtractor", (f(2, 3), i64(2, 0)), {}, 1, domain=ML),
    Case("EyeLike", (f(3, 4),), {"k": 1}),
    Case("EyeLike", (f(3, 2),), {"dtype": TensorProto.INT32}),
    *(Case("LpNormalization", (numpy.concatenate([f(2, 3), numpy.zeros((1, 3), numpy.float32)]),),
           {"axis": axis, "p": p}, judge="ort") for axis in (0, -1) for p in (1, 2)),
    Case("ReverseSequence", (f(4, 3, 2), i64(4, 1, 2)), {"time_axis": 0, "batch_axis": 1}, 10),
    Case("ReverseSequence", (f(3, 4), i64(4, 1, 2)), {"time_axis": 1, "batch_axis": 0}, 10),
    Case("TensorScatter", (*CACHE, i64(1, 3)), {}, 24),
    Case("TensorScatter", (*CACHE, i64(1, 4)), {"mode": "circular"}, 24),
    Case("TensorScatter", CACHE, {}, 24), Case("TensorScatter", (f(2, 5, 3), f(2, 1, 3)), {}, 24),
    Case("Dropout", (f(2, 3),), {"ratio": 0.3}, 9),
    Case("Dropout", (f(2, 3), numpy.float32(0.3)), {}, 13, (1,), 2),
    Case("LayerNormalization", (f(2, 3, 4), f(4), f(4)), {"epsilon": 1e-3}, outputs=3),
    Case("LayerNormalization", (f(2, 3, 4), f(3, 4)), {"axis": 1}, outputs=3),
    Case("BatchNormalization", (f(2, 3, 4), pos(3), f(3), f(3), pos(3)),
         {"training_mode": 1, "momentum": 0.7}, 15, outputs=3),
    Case("PRelu", (f(2, 3, 4, 5), f(3, 1, 1)), opset=9),
    Case("Pad", (f(2, 3), i64(1, 4, 3, 0)), {"mode": "wrap"}, 19, (1,)),
    *(
        Case("Pad", (f(4, 6), i64(*pads)), {"mode": mode}, 18, (1,), judge="ort")
        for mode in ("constant", "reflect", "edge")
        for pads in ((-1, 2, 0, -2), (0, -1, 2, 3), (-1, -2, -1, -1))
    ),
    *(Case(op, (numpy.zeros((2, 0, 3), t), i64(1)), {}, 20, (1,))
      for op in ("ReduceMax", "ReduceMin") for t in (numpy.float32, numpy.bool_)),
    Case("ReduceLogSumExp", (numpy.zeros((2, 0, 3), numpy.float32), i64(1)), {}, 18, (1,)),
]  # fmt: skip

BODIES = [  # of the standard, with inputs and attributes left out
    Case("Attention", (*ATTENTION, None, f(2, 3, 5, 4), f(2, 3, 5, 4)), {"is_causal": 1}, 24,
         outputs=3),
    Case("Celu", (f(2, 3),)), Case("Celu", (f(2, 3),), {"alpha": 0.4}),
    Case("CenterCropPad", (f(5, 3), i64(2, 6)), {}, 18, (1,)),
]  # fmt: skip


@pytest.mark.parametrize("case", [*CASES, *BODIES], ids=str)
def test_op(case: Case) -> None:
    case.check()


def drawn(op: str, like: bool, **attrs: Any) -> Any:
    if not like:
        attrs |= {"shape": [40, 50]}
    given = (numpy.zeros((40, 50), numpy.float64),) if like else ()
    made, feeds = one_node(op, given, **attrs)
    (x,) = run(import_onnx(made), [*feeds.values()])
    assert x.shape == (40, 50)
    return x


@pytest.mark.parametrize("like", [False, True])
def test_random_numbers_have_their_distribution(like: bool) -> None:
    tail = "Like" if like else ""
    x = drawn(f"RandomUniform{tail}", like, low=2.0, high=4.0, seed=3.0)
    assert x.dtype == ("float64" if like else "float32")
    assert 2 <= x.min() < 2.1
    assert 3.9 < x.max() < 4
    y = drawn(f"RandomNormal{tail}", like, mean=5.0, scale=0.5, dtype=TensorProto.DOUBLE)
    assert y.dtype == "float64"
    assert abs(y.mean() - 5) < 0.05
    assert abs(y.std() - 0.5) < 0.05


def test_dropout_that_trains_drops_its_share() -> None:
    x = numpy.ones((40, 50), numpy.float32)
    made, _ = one_node(
        "Dropout", (x, numpy.float32(0.2), numpy.array(True)), outputs=2, constants=(1, 2)
    )
    got: list[Any] = run(import_onnx(made), [x])
    y, mask = got
    numpy.testing.assert_allclose(y, numpy.where(mask, 1.25, 0))
    assert 0.75 < mask.mean() < 0.85


def test_draws_of_one_model_differ() -> None:
    text = """g () => (float[20] d) {
        x = RandomUniform <shape = [20]> ()  y = RandomUniform <shape = [20]> ()  d = Sub (x, y)
    }"""
    model = parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> ' + text)
    (difference,) = run(import_onnx(model), [])
    assert numpy.count_nonzero(difference) == 20


SEQUENCE = """
    g (seq(float[k]) s, float[3] x) => (seq(float[k]) t) {
        t = SequenceMap (s, x) <
            body = b (float[k] p, float[k] q) => (float[k] r) { r = Add (p, q) }>
    }"""
OPTIONAL = """
    g (optional(float[k]) x, float[3] y) => (float[k] z) {
        b = OptionalHasElement (x)
        z = If (b) <then_branch = t () => (float[k] p) { e = OptionalGetElement (x)  p = Neg (e) },
                    else_branch = e () => (float[k] q) { q = Identity (y) }>
    }"""


def test_sequence_map() -> None:
    model = parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> ' + SEQUENCE)
    parts, x = [f(3), f(3)], f(3)
    got = run(import_onnx(model, examples=[parts, x]), [*parts, x])
    for y, part in zip(got, parts, strict=True):
        numpy.testing.assert_array_equal(y, part + x)


def test_optionals() -> None:
    model = parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> ' + OPTIONAL)
    x, y = f(3), f(3)
    (there,) = run(import_onnx(model, examples=[x, y]), [x, y])
    numpy.testing.assert_array_equal(there, -x)
    (absent,) = run(import_onnx(model, examples=[None, y]), [y])
    numpy.testing.assert_array_equal(absent, y)


def test_a_function_without_what_it_needs_is_refused() -> None:
    node = helper.make_node("Attention", ["", "x", "x", "x"], ["y"], name="the_node")
    made, _ = one_node("Neg", (f(2, 3, 4, 5),), 24)
    node.input[:] = ["", "x0", "x0", "x0"]
    node.output[:] = ["y0"]
    made.graph.node[0].CopyFrom(node)
    with pytest.raises(ModelError, match="its input Q must be a tensor"):
        import_onnx(made)
