"""Ops on signals and sequences: Fourier transforms, their filters, counts of n-grams, norms."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from baryon.importers.onnx import fourier, import_onnx
from baryon.interp import run
from frontend.onnx_cases import Case, compiled, f
from frontend.onnx_models import one_node

REAL, COMPLEX = f(2, 10, 3, 1), f(2, 10, 3, 2)


def scalar(value: float, dtype: str = "int64") -> Any:
    return numpy.array(value, dtype)


GRAMS = {
    "ngram_counts": [0, 4], "ngram_indexes": [0, 1, 2, 3, 4, 5, 6],
    "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7], "max_gram_length": 2,
    "weights": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
}  # fmt: skip
WORDS = numpy.array([[1, 1, 3, 3, 3, 7], [8, 6, 7, 5, 6, 8]], numpy.int32)

CASES = [
    *(Case("DFT", (x,), {"axis": axis, "inverse": inverse}, 17)
      for x in (REAL, COMPLEX) for axis in (1, 2) for inverse in (0, 1)
      if x is COMPLEX or not inverse),
    Case("DFT", (REAL,), {"onesided": 1}, 17),
    Case("DFT", (REAL, scalar(7)), {"onesided": 1}, 17, (1,)),
    Case("DFT", (COMPLEX, scalar(13), scalar(-3)), {}, 20, (1, 2)),
    Case("DFT", (COMPLEX, None, scalar(1)), {"inverse": 1, "onesided": 1}, 20, (2,)),
    Case("DFT", (COMPLEX, scalar(7), scalar(1)), {"inverse": 1, "onesided": 1}, 20, (1, 2)),
    Case("STFT", (f(2, 32, 1), scalar(4), f(16)), {"onesided": 1}, 17, (1,)),
    Case("STFT", (f(1, 32, 1), scalar(5), None, scalar(8)), {"onesided": 0}, 17, (1, 3)),
    Case("MelWeightMatrix", (scalar(8), scalar(16), scalar(8192), scalar(0.0, "float32"),
                             scalar(4096.0, "float32")), {}, 17, (0, 1, 2, 3, 4)),
    *(Case("TfIdfVectorizer", (WORDS,),
           {**GRAMS, "mode": mode, "min_gram_length": least, "max_skip_count": skips}, 9,
           judge="ort")
      for mode in ("TF", "IDF", "TFIDF") for least in (1, 2) for skips in (0, 5)),
    Case("TfIdfVectorizer", (WORDS[1],), {**GRAMS, "mode": "TF", "min_gram_length": 1,
                                          "max_skip_count": 1}, 9, judge="ort"),
    *(Case("LpNormalization", (f(2, 3, 4),), {"axis": axis, "p": p}, judge="ort")
      for axis in (0, -1) for p in (1, 2)),
    Case("LpNormalization", (numpy.zeros((2, 3), numpy.float32),), judge="ort"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled(case: Case) -> None:
    case.check(compiled)


@pytest.mark.parametrize("count", [6, 16, 36])
@pytest.mark.parametrize("attrs", [{}, {"inverse": 1}, {"inverse": 1, "onesided": 1}])
def test_long_transforms_are_made_of_short_ones(
    count: int, attrs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = f(2, count // 2 + 1 if attrs.get("onesided") else count, 2)
    made, feeds = one_node("DFT", (x,), 17, **attrs)
    whole: Any
    (whole,) = run(import_onnx(made), [*feeds.values()])
    monkeypatch.setattr(fourier, "SHORT", 3)
    split: Any
    (split,) = run(import_onnx(made), [*feeds.values()])
    numpy.testing.assert_allclose(split, whole, rtol=2e-5, atol=2e-5)
