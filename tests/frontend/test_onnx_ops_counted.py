"""ONNX ops whose results have as many rows as the data says, interpreted and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

import baryon as mx
from baryon import interp
from baryon.importers import import_onnx
from frontend.detection_head import BOXES, CLASSES, head
from frontend.onnx_cases import Case, f, i64
from frontend.onnx_models import one_node

RNG = np.random.default_rng(11)
FLAGS = np.array([False, True, True])
MIXED = np.array([2.0, 1.0, 1.0, 3.0, 4.0, 3.0], np.float32)
TABLE = np.array([[1, 0, 0], [1, 0, 0], [2, 3, 4], [0, 7, 1]], np.float32)


def boxes_of(batch: int, count: int, centers: bool = False) -> Any:
    low = RNG.uniform(0, 3, (batch, count, 2))
    sides = RNG.uniform(0.3, 2, (batch, count, 2))
    second = sides if centers else low + sides
    return np.concatenate([low, second], axis=2).astype(np.float32)


def suppression(
    batch: int, classes: int, count: int, limit: int, overlap: float, least: float | None = None,
    centers: bool = False, **more: Any,
) -> Case:  # fmt: skip
    scores = RNG.permutation(batch * classes * count).reshape(batch, classes, count) / 50
    given = [boxes_of(batch, count, centers), scores.astype(np.float32), i64(limit)]
    given.append(np.array([overlap], np.float32))
    given += [] if least is None else [np.array([least], np.float32)]
    attrs = {"center_point_box": 1} if centers else {}
    return Case("NonMaxSuppression", tuple(given), attrs, opset=11, judge="ort", **more)


CASES = [
    Case("NonZero", (np.rint(f(3, 4)),)),
    Case("NonZero", (np.rint(f(2, 3, 2)),), opset=9),
    Case("NonZero", (np.array([0, 1, 1]),)),
    Case("NonZero", (np.zeros((2, 2), np.float32),)),
    Case("Compress", (f(3, 2), FLAGS), {"axis": 0}),
    Case("Compress", (f(2, 3), FLAGS), {"axis": -1}, opset=9),
    Case("Compress", (f(2, 3), np.array([True, False, True, True, False, False])), opset=11),
    Case("Unique", (MIXED,), outputs=4),
    Case("Unique", (MIXED,), {"sorted": 0}, outputs=4),
    Case("Unique", (MIXED.reshape(2, 3),), outputs=4),
    Case("Unique", (TABLE,), {"axis": 0}, outputs=4),
    Case("Unique", (TABLE.T.copy(),), {"axis": -1}, outputs=4),
    Case("Unique", (MIXED.astype(np.int64),), {"sorted": 0}, judge="ort"),
    suppression(1, 1, 30, 100, 0.3),
    suppression(2, 3, 20, 4, 0.4, 0.3),
    suppression(2, 2, 15, 5, 0.5, 0.2, centers=True),
    suppression(1, 2, 20, 6, 0.3, constants=(2, 3)),
    suppression(1, 1, 5, 0, 0.3),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_imported(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled(case: Case) -> None:
    made, feeds = one_node(
        case.op, case.inputs, case.opset, case.outputs, case.constants, case.domain, **case.attrs
    )
    exe = mx.compile(import_onnx(made))
    for got, want in zip(exe(*feeds.values()), case.judged(made, feeds), strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want)


def test_suppression_for_any_batch() -> None:
    """Ties in scores, many images: the order is the standard's."""
    inputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["N", 40, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3, 40]),
    ]
    output = helper.make_tensor_value_info("rows", TensorProto.INT64, ["k", 3])
    numbers = [
        helper.make_tensor("limit", TensorProto.INT64, [1], [7]),
        helper.make_tensor("overlap", TensorProto.FLOAT, [1], [0.45]),
        helper.make_tensor("least", TensorProto.FLOAT, [1], [0.2]),
    ]
    names = ["boxes", "scores", "limit", "overlap", "least"]
    node = helper.make_node("NonMaxSuppression", names, ["rows"])
    graph = helper.make_graph([node], "detect", inputs, [output], numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    exe, module = mx.compile(import_onnx(model)), import_onnx(model)
    assert exe.outputs[0].max_shape == (16 * 3 * 7, 3)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch in (1, 4, 16):
        boxes = boxes_of(batch, 40)
        scores = RNG.integers(0, 12, (batch, 3, 40)).astype(np.float32) / 12
        (want,) = session.run(None, {"boxes": boxes, "scores": scores})
        np.testing.assert_array_equal(exe(boxes, scores)[0], want)
        np.testing.assert_array_equal(interp.run(module, [boxes, scores])[0], want)


def test_detection_head_for_any_batch() -> None:
    model = head()
    exe, module = mx.compile(import_onnx(model)), import_onnx(model)
    assert [spec.shape[1:] for spec in exe.outputs] == [(6,), (3,), ()]
    assert exe.outputs[0].max_shape == (16 * CLASSES * 20, 6)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch in (1, 3, 16):
        boxes = boxes_of(batch, BOXES)
        order = RNG.permutation(batch * CLASSES * BOXES).reshape(batch, CLASSES, BOXES)
        scores = (order / order.size).astype(np.float32)
        want = session.run(None, {"boxes": boxes, "scores": scores})
        for got in (exe(boxes, scores), interp.run(module, [boxes, scores])):
            for x, y in zip(got, want, strict=True):
                assert x.shape == y.shape
                np.testing.assert_allclose(x, y, rtol=1e-6)


def test_few_boxes_are_all_in_the_table() -> None:
    exe = mx.compile(import_onnx(head()))
    boxes, scores = boxes_of(1, BOXES), np.zeros((1, CLASSES, BOXES), np.float32)
    scores[0, 1, 5] = 0.9
    table, kept, largest = exe(boxes, scores)
    np.testing.assert_allclose(table, [[*boxes[0, 5], 0.9, 1]])
    np.testing.assert_array_equal(kept, [[0, 1, 5]])
    assert largest == boxes[0, 5].max()
    assert [x.shape for x in exe(boxes, scores * 0)] == [(0, 6), (0, 3), ()]


@pytest.mark.parametrize("end", [2, 0, -1, 100])
def test_slices_with_ends_that_are_computed(end: int) -> None:
    x, ends = f(3, 5), i64(end)
    made, feeds = one_node("Slice", (x, i64(0), ends, i64(1)), 17, 1, (1, 3))
    check_both(made, feeds)


@pytest.mark.parametrize(("size", "largest"), [(3, 1), (1, 0)])
def test_top_k_with_a_size_that_is_computed(size: int, largest: int) -> None:
    made, feeds = one_node("TopK", (f(2, 7), i64(size)), 17, 2, largest=largest)
    check_both(made, feeds)


def check_both(made: Any, feeds: dict[str, Any]) -> None:
    """Interpreted and compiled, with all inputs computed, against ONNX Runtime."""
    want = onnxruntime.InferenceSession(made.SerializeToString()).run(None, feeds)
    found = mx.compile(import_onnx(made))(*feeds.values())
    for got in (found, interp.run(import_onnx(made), [*feeds.values()])):
        for x, y in zip(got, want, strict=True):
            np.testing.assert_array_equal(x, y)
