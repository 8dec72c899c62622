"""Losses: hybridized as eager, odd shapes, errors. Their values are compared with MXNet's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baryon import autograd
from baryon.array import ndarray
from baryon.gluon import loss

RANDOM = np.random.default_rng(4)
PRED = RANDOM.normal(size=(4, 5)).astype(np.float32)
SIGNS = np.where(RANDOM.random((4, 5)) > 0.5, 1, -1).astype(np.float32)
OTHER = RANDOM.normal(size=(4, 5)).astype(np.float32)
SHARES = (np.abs(OTHER) / np.abs(OTHER).sum(1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("made", "inputs"),
    [
        (loss.L1Loss(), [PRED, OTHER]),
        (loss.L2Loss(2.0), [PRED, OTHER]),
        (loss.HuberLoss(), [PRED, OTHER]),
        (loss.PoissonNLLLoss(compute_full=True), [PRED, np.abs(SIGNS)]),
        (loss.SigmoidBCELoss(), [PRED, (SIGNS + 1) / 2]),
        (loss.SoftmaxCELoss(), [PRED, np.array([0, 4, 1, 2])]),
        (loss.SoftmaxCELoss(sparse_label=False), [PRED, SHARES]),
        (loss.KLDivLoss(from_logits=False), [PRED, SHARES]),
        (loss.HingeLoss(), [PRED, SIGNS]),
        (loss.SquaredHingeLoss(), [PRED, SIGNS]),
        (loss.LogisticLoss(), [PRED, SIGNS]),
        (loss.TripletLoss(), [PRED, OTHER, SIGNS]),
        (loss.CosineEmbeddingLoss(), [PRED, OTHER, SIGNS[:, 0].copy()]),
        (loss.SDMLLoss(), [PRED, OTHER]),
        (loss.CTCLoss(), [PRED.reshape(1, 4, 5), np.array([[1.0, 2.0]])]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_hybridized_as_eager(made: loss.Loss, inputs: list[Any]) -> None:
    found = []
    for hybrid in (False, True):
        made.hybridize(hybrid)
        pred, *others = map(ndarray, inputs)
        pred.attach_grad()
        with autograd.record():
            value = made(pred, *others)
        value.backward()
        assert pred.grad is not None
        found.append((value.asnumpy(), pred.grad.asnumpy()))
    for eager, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(eager, compiled, rtol=1e-4, atol=1e-6)


def test_one_number_per_sample() -> None:
    value = loss.L2Loss()(ndarray(PRED[:, 0].copy()), ndarray(OTHER[:, 0].copy()))
    np.testing.assert_allclose(value.asnumpy(), np.square(PRED - OTHER)[:, 0] / 2, rtol=1e-5)


def test_counts_of_zero_have_no_factorial() -> None:
    value = loss.PoissonNLLLoss(compute_full=True)(ndarray(PRED), ndarray(np.zeros_like(PRED)))
    np.testing.assert_allclose(value.asnumpy(), np.exp(PRED).mean(1), rtol=1e-5)


def test_aliases_and_repr() -> None:
    assert loss.SigmoidBCELoss is loss.SigmoidBinaryCrossEntropyLoss
    assert loss.SoftmaxCELoss is loss.SoftmaxCrossEntropyLoss
    assert repr(loss.L2Loss()) == "L2Loss(batch_axis=0, w=1.0)"


def test_errors() -> None:
    with pytest.raises(loss.LossError, match="sample_weight"):
        loss.L2Loss(weight=ndarray(PRED))  # type: ignore[arg-type]
    with pytest.raises(loss.LossError, match="NTC"):
        loss.CTCLoss("NCT")
    with pytest.raises(loss.LossError, match="label_format"):
        loss.LogisticLoss(label_format="onehot")
