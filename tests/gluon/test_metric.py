"""Metrics against scikit-learn, their inputs, names and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from baryon.array import ndarray
from baryon.gluon import metric

RANDOM = np.random.default_rng(2)
BINARY = [(RANDOM.integers(0, 2, 20), RANDOM.random(20, np.float32)) for _ in range(3)]
SCORES = [(RANDOM.integers(0, 4, 20), RANDOM.random((20, 4), np.float32)) for _ in range(3)]
LABELS = [(RANDOM.integers(0, 2, (9, 3)), RANDOM.random((9, 3), np.float32)) for _ in range(3)]
NUMBERS = [(RANDOM.normal(size=(9, 3)), RANDOM.normal(size=(9, 3))) for _ in range(3)]


def value(m: metric.EvalMetric, batches: Any) -> Any:
    for label, pred in batches:
        m.update(ndarray(label), ndarray(pred))
    return m.get()[1]


def joined(batches: Any) -> tuple[Any, Any]:
    labels, preds = zip(*batches, strict=True)
    return np.concatenate(labels), np.concatenate(preds)


def best(batches: Any) -> tuple[Any, Any]:
    label, scores = joined(batches)
    return label, scores.argmax(1)


def above(batches: Any) -> tuple[Any, Any]:
    label, scores = joined(batches)
    return label, scores > 0.5


def normal(batches: Any) -> Any:
    return [(label, pred / pred.sum(1, keepdims=True)) for label, pred in batches]


@pytest.mark.parametrize(
    ("made", "batches", "expected"),
    [
        (metric.Accuracy(), SCORES, lambda: sk.accuracy_score(*best(SCORES))),
        (
            metric.TopKAccuracy(2),
            SCORES,
            lambda: sk.top_k_accuracy_score(*joined(SCORES), k=2, labels=range(4)),
        ),
        (metric.BinaryAccuracy(), BINARY, lambda: sk.accuracy_score(*above(BINARY))),
        (metric.F1(), BINARY, lambda: sk.f1_score(*above(BINARY))),
        (
            metric.F1(class_type="multiclass", average="macro"),
            SCORES,
            lambda: sk.f1_score(*best(SCORES), average="macro"),
        ),
        (
            metric.F1(class_type="multilabel", average="micro"),
            LABELS,
            lambda: sk.f1_score(*above(LABELS), average="micro"),
        ),
        (
            metric.Fbeta(class_type="multilabel", average=None, beta=2),
            LABELS,
            lambda: sk.fbeta_score(*above(LABELS), beta=2, average=None),
        ),
        (metric.Fbeta(beta=0.5), BINARY, lambda: sk.fbeta_score(*above(BINARY), beta=0.5)),
        (metric.MCC(), BINARY, lambda: sk.matthews_corrcoef(*above(BINARY))),
        (metric.PCC(), SCORES, lambda: sk.matthews_corrcoef(*best(SCORES))),
        (metric.MAE(), NUMBERS, lambda: sk.mean_absolute_error(*joined(NUMBERS))),
        (metric.MSE(), NUMBERS, lambda: sk.mean_squared_error(*joined(NUMBERS))),
        (metric.RMSE(), NUMBERS, lambda: sk.root_mean_squared_error(
            *(x.reshape(-1) for x in joined(NUMBERS))
        )),
        (metric.CrossEntropy(), normal(SCORES), lambda: sk.log_loss(*joined(normal(SCORES)))),
        (
            metric.Perplexity(),
            normal(SCORES),
            lambda: np.exp(sk.log_loss(*joined(normal(SCORES)))),
        ),
        (
            metric.PearsonCorrelation(),
            NUMBERS,
            lambda: np.corrcoef(*(x.reshape(-1) for x in joined(NUMBERS)))[0, 1],
        ),
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_as_scikit_learn(
    made: metric.EvalMetric, batches: Any, expected: Callable[[], Any]
) -> None:
    np.testing.assert_allclose(value(made, batches), expected(), rtol=1e-6)


def test_cosine_similarity_along_an_axis() -> None:
    a, b = NUMBERS[0]
    want = (a * b).sum(0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)
    found = metric.MeanCosineSimilarity(axis=0, eps=1e-12)
    found.update(a, b)
    assert found.get()[1] == pytest.approx(want.mean())


@pytest.mark.parametrize("kind", [ndarray, np.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("listed", [False, True])
def test_inputs_of_every_kind(kind: Any, listed: bool) -> None:
    label, pred = np.array([1, 0, 2]), np.eye(3, dtype=np.float32)
    m = metric.Accuracy()
    if listed and kind is not np.ndarray.tolist:
        m.update([kind(label)] * 2, [kind(pred)] * 2)
    else:
        m.update(kind(label), kind(pred))
    assert m.get() == ("accuracy", pytest.approx(1 / 3))


def test_classes_of_a_single_column() -> None:
    m = metric.MSE()
    m.update(np.zeros(3), np.ones((3, 1)))
    assert m.get() == ("mse", 1.0)


@pytest.mark.parametrize(
    "name", ["acc", "f1", "mcc", "pcc", "ce", "perplexity", "pearsonr", "loss"]
)
def test_nothing_seen_is_nan(name: str) -> None:
    m = metric.create(name)
    assert np.isnan(m.get()[1])
    m.update(
        np.array([0, 1]), np.array([0.2, 0.7]) if name in {"f1", "mcc", "pearsonr"} else np.eye(2)
    )
    m.reset()
    assert np.isnan(m.get()[1])


def test_composite() -> None:
    m = metric.create(["acc", metric.CrossEntropy()])
    assert isinstance(m, metric.CompositeEvalMetric)
    m.update(np.array([0, 1]), np.eye(2))
    assert m.get() == (["accuracy", "cross-entropy"], [1.0, 0.0])
    assert m.get_name_value() == [("accuracy", 1.0), ("cross-entropy", 0.0)]
    assert [c["metric"] for c in m.get_config()["metrics"]] == ["Accuracy", "CrossEntropy"]
    with pytest.raises(metric.MetricError, match="no metric 2"):
        m.get_metric(2)


def test_update_dict() -> None:
    m = metric.Accuracy(output_names=["out"], label_names=["y"])
    m.update_dict({"y": np.array([1]), "z": 0}, {"out": np.array([[0.0, 1.0]]), "other": 0})
    assert m.get() == ("accuracy", 1.0)


def test_functions() -> None:
    seen = []

    def difference(label: Any, pred: Any) -> Any:
        seen.append(type(pred))
        return abs(label - pred).sum(), 2

    for m, kind in ((metric.create(difference), ndarray), (metric.np(difference), np.ndarray)):
        m.update(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
        assert m.get() == ("difference", 1.5)
        assert seen.pop() is kind
    assert metric.create(lambda a, b: 0).name == "custom(<lambda>)"


def test_own_metric() -> None:
    @metric.register
    @metric.alias("num")
    class Number(metric.EvalMetric):
        def __init__(self, name: str = "number") -> None:
            super().__init__(name)

        def update(self, labels: Any, preds: Any) -> None:
            self.sum_metric += 3
            self.num_inst += 1

    m = metric.create("num")
    m.update(0, 0)
    assert str(m) == "EvalMetric: {'number': 3.0}"


def test_errors() -> None:
    bad: list[tuple[metric.EvalMetric, Any, Any]] = [
        (metric.Accuracy(), np.zeros(3), np.zeros((4, 2))),
        (metric.Accuracy(), [np.zeros(3)] * 2, [np.zeros(3)]),
        (metric.Accuracy(), np.zeros(3), np.zeros(4)),
        (metric.F1(), np.array([2]), np.array([0.5])),
        (metric.F1(class_type="multiclass"), np.array([3]), np.eye(3)[:1]),
        (metric.F1(class_type="multilabel"), np.zeros(3), np.zeros((3, 2))),
        (metric.MAE(), np.zeros(3), np.zeros(4)),
        (metric.CrossEntropy(), np.zeros(3), np.eye(4)),
        (metric.PearsonCorrelation(), np.zeros(3), np.eye(4)),
        (metric.TopKAccuracy(2), np.zeros(3), np.zeros(3)),
    ]
    for m, label, pred in bad:
        with pytest.raises(metric.MetricError):
            m.update(label, pred)
    with pytest.raises(metric.MetricError, match="Accuracy"):
        metric.TopKAccuracy()
    with pytest.raises(metric.MetricError, match="class_type"):
        metric.F1(class_type="ternary")
