"""Losses: values, and gradients of their sums by the predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from oracle.cases import Case

Inputs = Callable[[np.random.RandomState], list[np.ndarray[Any, Any]]]


def _numbers(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 3), random.randn(4, 3)]


def _weighted(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 3), random.randn(4, 3), random.rand(4, 1)]


def _reshaped(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 1), random.randn(4)]


def _binary(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 3), random.randint(0, 2, (4, 3))]


def _binary_weighted(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [*_binary(random), random.rand(4, 1), random.rand(1, 3) * 2]


def _probabilities(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.rand(4, 3), random.randint(0, 2, (4, 3))]


def _signed(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 3), random.randint(0, 2, (4, 3)) * 2 - 1]


def _classes(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 5), random.randint(0, 5, 4)]


def _pixels(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(2, 5, 3, 3), random.randint(0, 5, (2, 3, 3))]


def _distributions(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    target = random.rand(4, 5)
    return [random.randn(4, 5), target / target.sum(1, keepdims=True)]


def _counts(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.rand(4, 3) + 0.1, random.randint(1, 6, (4, 3))]


def _triplets(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 3), random.randn(4, 3), random.randn(4, 3)]


def _vectors(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(4, 3), random.randn(4, 3), random.randint(0, 2, 4) * 2 - 1]


def _sequences(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    return [random.randn(2, 6, 5), np.array([[0, 1, 1], [2, 3, -1]])]


def _with_lengths(random: np.random.RandomState) -> list[np.ndarray[Any, Any]]:
    lengths = [np.array([6, 4]), np.array([3, 2])]
    return [random.randn(6, 2, 5), np.array([[0, 2], [1, 3], [1, 0]]), *lengths]


def _of(name: str, inputs: Inputs, **kwargs: Any) -> Case:
    def case(mx: Any) -> list[Any]:
        loss = getattr(mx.gluon.loss, name)(**kwargs)
        pred, *others = (mx.np.array(x, dtype="float32") for x in inputs(np.random.RandomState(5)))
        pred.attach_grad()
        with mx.autograd.record():
            found = loss(pred, *others)
            total = found.sum()
        total.backward()
        return [found, pred.grad]

    return case


CASES: Mapping[str, Case] = {
    "l2": _of("L2Loss", _numbers),
    "l2_weighted": _of("L2Loss", _weighted, weight=0.7),
    "l2_reshaped": _of("L2Loss", _reshaped),
    "l2_batch_axis": _of("L2Loss", _numbers, batch_axis=1),
    "l1": _of("L1Loss", _numbers),
    "l1_weighted": _of("L1Loss", _weighted, weight=0.7),
    "sigmoid": _of("SigmoidBCELoss", _binary),
    "sigmoid_weighted": _of("SigmoidBinaryCrossEntropyLoss", _binary_weighted),
    "from_sigmoid": _of("SigmoidBCELoss", _probabilities, from_sigmoid=True),
    "softmax": _of("SoftmaxCrossEntropyLoss", _classes),
    "softmax_weight": _of("SoftmaxCELoss", _classes, weight=3.0),
    "softmax_logits": _of("SoftmaxCELoss", _classes, from_logits=True),
    "softmax_dense": _of("SoftmaxCELoss", _distributions, sparse_label=False),
    "softmax_axis": _of("SoftmaxCELoss", _pixels, axis=1),
    "kl": _of("KLDivLoss", _distributions),
    "kl_raw": _of("KLDivLoss", _distributions, from_logits=False),
    "ctc": _of("CTCLoss", _sequences),
    "ctc_lengths": _of("CTCLoss", _with_lengths, layout="TNC", label_layout="TN"),
    "huber": _of("HuberLoss", _numbers, rho=0.5),
    "hinge": _of("HingeLoss", _signed),
    "hinge_margin": _of("HingeLoss", _signed, margin=0.5),
    "squared_hinge": _of("SquaredHingeLoss", _signed),
    "logistic": _of("LogisticLoss", _signed),
    "logistic_binary": _of("LogisticLoss", _binary, label_format="binary"),
    "triplet": _of("TripletLoss", _triplets),
    "poisson": _of("PoissonNLLLoss", _counts),
    "poisson_full": _of("PoissonNLLLoss", _counts, from_logits=False, compute_full=True),
    "cosine": _of("CosineEmbeddingLoss", _vectors),
    "cosine_margin": _of("CosineEmbeddingLoss", _vectors, margin=0.3),
    "sdml": _of("SDMLLoss", _numbers),
}
