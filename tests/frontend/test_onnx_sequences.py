"""Sequences of ONNX files, against the standard's own evaluator."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from numpy.testing import assert_array_equal
from onnx import parser
from onnx.reference import ReferenceEvaluator

from baryon.importers import ModelError, import_onnx
from baryon.interp import run
from baryon.ir import UnsupportedError

TESTED = {
    "ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase",
    "SequenceInsert", "SequenceLength", "SplitToSequence",
}  # fmt: skip
X = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
BODIES = {
    "last of three": "s = SequenceConstruct (x, n, x)  y = SequenceAt (s, minus)",
    "inserted": """
        e = SequenceEmpty <dtype = 1> ()  a = SequenceInsert (e, x)  b = SequenceInsert (a, n, zero)
        y = ConcatFromSequence <axis = 1> (b)""",
    "erased": """
        s = SequenceConstruct (x, n, n)  t = SequenceErase (s, zero)  u = SequenceErase (t)
        y = ConcatFromSequence <axis = 0, new_axis = 1> (u)""",
    "length": "s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = SequenceLength (s)",
    "parts of two": "s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, minus)",
    "parts of sizes": "s = SplitToSequence (x, sizes)  y = SequenceAt (s, minus)",
}


def made(body: str, result: str = "y") -> Any:
    numbers = {"zero": "value_int = 0", "minus": "value_int = -1", "two": "value_int = 2",
               "sizes": "value_ints = [3, 1]"}  # fmt: skip
    known = " ".join(f"{name} = Constant <{value}> ()" for name, value in numbers.items())
    text = f"g (float[4, 3] x) => ({result}) {{ n = Neg (x) {known} {body} }}"
    return parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> ' + text)


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_sequences(body: str) -> None:
    model = made(body, "int64 y" if "Length" in body else "float[k, m] y")
    (want,) = ReferenceEvaluator(model).run(None, {"x": X})
    (got,) = run(import_onnx(model), [X])
    assert_array_equal(got, want)


def test_a_sequence_is_several_outputs() -> None:
    module = import_onnx(made("y = SequenceConstruct (x, n)", "seq(float[4, 3]) y"))
    assert module.main.output_names == ["y[0]", "y[1]"]


def test_sequences_have_ends() -> None:
    with pytest.raises(UnsupportedError, match="position 2 of a sequence of 2 tensors"):
        import_onnx(made("s = SequenceConstruct (x, n)  y = SequenceAt (s, two)"))


def test_a_sequence_is_no_tensor() -> None:
    with pytest.raises(ModelError, match="Exp needs tensors, not a sequence"):
        import_onnx(made("s = SequenceConstruct (x, n)  y = Exp (s)"))
