"""What is done with a batch."""

from __future__ import annotations

from typing import Any

from baryon import autograd, np
from baryon.array import ndarray
from baryon.gluon.utils import split_and_load

Parts = list[ndarray]


class BatchProcessor:
    """Computes a batch; subclass it for batches that are not pairs of data and labels."""

    def _get_data_and_label(
        self, batch: Any, device: Any, batch_axis: int = 0
    ) -> tuple[Parts, Parts]:  # fmt: skip
        data, label = batch[0], batch[1]
        devices = device if isinstance(device, list | tuple) else [device]
        return (split_and_load(np.array(data) if not isinstance(data, ndarray) else data,
                               devices, batch_axis),
                split_and_load(label, devices, batch_axis))  # fmt: skip

    def evaluate_batch(
        self, estimator: Any, val_batch: Any, batch_axis: int = 0
    ) -> tuple[Parts, Parts, Parts, Parts]:
        """Data, labels, predictions and losses of a batch, in lists with one entry per device."""
        data, label = self._get_data_and_label(val_batch, estimator.device, batch_axis)
        pred = [estimator.val_net(x) for x in data]
        loss = [estimator.val_loss(p, y) for p, y in zip(pred, label, strict=True)]
        return data, label, pred, loss

    def fit_batch(
        self, estimator: Any, train_batch: Any, batch_axis: int = 0
    ) -> tuple[Parts, Parts, Parts, Parts]:
        """As `evaluate_batch`, with gradients; the parameters change later, in a handler."""
        data, label = self._get_data_and_label(train_batch, estimator.device, batch_axis)
        with autograd.record():
            pred = [estimator.net(x) for x in data]
            loss = [estimator.loss(p, y) for p, y in zip(pred, label, strict=True)]
        autograd.backward(loss)
        return data, label, pred, loss
