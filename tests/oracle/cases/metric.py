"""Metrics over three batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from oracle.cases import Case

Batch = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def _classes(random: np.random.RandomState) -> Batch:
    scores = random.rand(8, 5)
    return random.randint(0, 5, 8), scores / scores.sum(1, keepdims=True)


def _binary(random: np.random.RandomState) -> Batch:
    return random.randint(0, 2, 9), random.rand(9)


def _binary_scores(random: np.random.RandomState) -> Batch:
    p = random.rand(9, 1)
    return random.randint(0, 2, 9), np.hstack([1 - p, p])


def _multilabel(random: np.random.RandomState) -> Batch:
    return random.randint(0, 2, (6, 4)), random.rand(6, 4)


def _numbers(random: np.random.RandomState) -> Batch:
    return random.randn(6, 3), random.randn(6, 3)


def _logits(random: np.random.RandomState) -> Batch:
    return random.randint(0, 5, 8), random.randn(8, 5)


def _course(name: str, batch: Callable[[np.random.RandomState], Batch], **kwargs: Any) -> Case:
    def case(mx: Any) -> list[Any]:
        random = np.random.RandomState(3)
        metric = mx.gluon.metric.create(name, **kwargs)
        found = []
        for _ in range(3):
            label, pred = (mx.np.array(x, dtype="float32") for x in batch(random))
            metric.update([label], [pred])
            value = metric.get()[1]
            found.append(value.asnumpy() if hasattr(value, "asnumpy") else value)
        return [np.array(found, dtype="float64")]

    return case


CASES: Mapping[str, Case] = {
    "accuracy": _course("acc", _classes),
    "accuracy_of_classes": _course("accuracy", lambda r: (r.randint(0, 3, 9), r.randint(0, 3, 9))),
    "top_k": _course("top_k_accuracy", _classes, top_k=3),
    "binary_accuracy": _course("binaryaccuracy", _binary, threshold=0.3),
    "f1": _course("f1", _binary),
    "f1_scores": _course("f1", _binary_scores, threshold=0.6),
    "f1_multiclass": _course("f1", _classes, class_type="multiclass"),
    "f1_macro": _course("f1", _classes, class_type="multiclass", average="macro"),
    "f1_multilabel": _course("f1", _multilabel, class_type="multilabel", average="macro"),
    "f1_each": _course("f1", _multilabel, class_type="multilabel", average=None),
    "fbeta": _course("fbeta", _binary, beta=2),
    "fbeta_macro": _course("fbeta", _classes, class_type="multiclass", beta=0.5, average="macro"),
    "mcc": _course("mcc", _binary),
    "pcc": _course("pcc", _classes),
    "mae": _course("mae", _numbers),
    "mse": _course("mse", _numbers),
    "rmse": _course("rmse", _numbers),
    "pairwise_distance": _course("meanpairwisedistance", _numbers),
    "pairwise_distance_4": _course("meanpairwisedistance", _numbers, p=4),
    "cosine": _course("meancosinesimilarity", _numbers),
    "cross_entropy": _course("ce", _classes),
    "cross_entropy_logits": _course("ce", _logits, from_logits=True),
    "cross_entropy_ignore": _course("ce", _classes, ignore_label=2),
    "perplexity": _course("perplexity", _classes, ignore_label=1),
    "pearson": _course("pearsonr", _numbers),
    "loss": _course("loss", _numbers),
}
