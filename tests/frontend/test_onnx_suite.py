"""The standard's suite of tests: a sample of it, and that nothing in it can end a run."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from pathlib import Path

import numpy
import pytest
from numpy.testing import assert_array_equal
from onnx import helper

from baryon.ir import UnsupportedError
from baryon.onnx import backend
from frontend.onnx_models import one_node
from standard_suite.cases import PATHS, Suite, SuiteTest
from standard_suite.processes import Limits, run_all
from standard_suite.report import Exclusion, Report, Reviewed

X = numpy.array([[1.0, -2.0, 3.0]], numpy.float32)
LIMITS = Limits(seconds=20, memory=4 << 30)


@cache
def suite(path: str) -> Suite:
    return Suite(path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "name",
    ["test_relu", "test_reshape_negative_dim", "test_range_int32_type_negative_delta",
     "test_sequence_insert_at_back", "test_expand_shape_model1", "test_operator_view"],
)  # fmt: skip
def test_a_sample(path: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONNX_HOME", str(tmp_path))
    (test,) = (t for t in suite(path).tests() if t.name == name)
    suite(path).run(test)


def behave(test: SuiteTest) -> None:
    """What a bad test does, by its name."""
    if test.name == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    if test.name == "hangs":
        time.sleep(60)
    if test.name == "floods":
        bytearray(8 << 30)
    if test.name == "fails":
        raise ValueError("no\n  more")


def test_no_test_ends_the_run() -> None:
    names = ("passes", "crashes", "hangs", "floods", "fails", "passes")
    tests = [SuiteTest("meaning", "node", name) for name in names]
    found = [*run_all(tests, behave, 2, Limits(seconds=5, memory=4 << 30))]
    assert sorted(o.error for o in found) == [
        "", "", "MemoryError: ", "ValueError: no more", f"crash: signal {signal.SIGKILL.value}",
        "timeout: more than 5 s",
    ]  # fmt: skip


def test_what_is_listed_and_passes_is_out_of_date() -> None:
    tests = [SuiteTest("meaning", "node", name) for name in ("fails", "passes", "hangs")]
    outcomes = [*run_all(tests[:2], behave, 1, LIMITS)]
    listed = [Exclusion("fail.*", "why"), Exclusion("passes", "why"), Exclusion("gone", "why")]
    report = Report(outcomes, Reviewed(listed, ()), whole=True)
    assert not report.failures
    assert len(report.stale) == 2
    assert Report(outcomes, Reviewed((), ()), whole=True).failures == [outcomes[0]]
    assert "1     0.00 %" not in report.text()


def test_a_prepared_model_takes_other_shapes_and_values() -> None:
    model, _ = one_node("Reshape", (X, numpy.array([3, 1])))
    for prepared in (backend.prepare(model), backend.prepare(model, interprets=True)):
        for x in (X, numpy.concatenate([X, X])):
            for shape in ([3, -1], [-1, 3], [3, -1]):
                (y,) = prepared.run([x, numpy.array(shape)])
                assert_array_equal(y, x.reshape(shape))


def test_nodes_and_models_run_at_once() -> None:
    node = helper.make_node("Clip", ["x", "", "most"], ["y"])
    (y,) = backend.run_node(node, [X, numpy.float32(2)], opset_version=18)
    assert_array_equal(y, [[1, -2, 2]])
    model, feeds = one_node("Neg", (X,))
    for inputs in (feeds, [X], X):
        assert_array_equal(backend.run_model(model, inputs)[0], -X)


def test_other_devices_are_refused() -> None:
    assert backend.supports_device("CPU:0")
    assert not backend.supports_device("CUDA")
    with pytest.raises(UnsupportedError, match="'CUDA' is not there"):
        backend.prepare(one_node("Neg", (X,))[0], "CUDA")
