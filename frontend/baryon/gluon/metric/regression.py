"""Metrics of predicted numbers and of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.gluon.metric.base import EvalMetric, Host, MetricError, PairMetric, hosts, pairs

Names = list[str] | None


class _PerInstance(PairMetric):
    """The mean of one number per instance, the first axis, of labels and predictions alike."""

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """The sum over the instances, and their number."""
        if not label.ndim or len(label) != len(pred):
            raise MetricError(f"labels {label.shape} do not suit predictions {pred.shape}")
        rows = (x.astype(np.float64).reshape(len(x), -1) for x in (label, pred))
        return float(self.distances(*rows).sum()), len(label)

    def distances(self, label: Host, pred: Host) -> Host:
        """One number per row."""
        raise NotImplementedError


class MAE(_PerInstance):
    """The mean absolute error."""

    def __init__(
        self, name: str = "mae", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def distances(self, label: Host, pred: Host) -> Host:
        """See the class."""
        return np.abs(label - pred).mean(axis=1)  # type: ignore[no-any-return]


class MSE(_PerInstance):
    """The mean squared error."""

    def __init__(
        self, name: str = "mse", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def distances(self, label: Host, pred: Host) -> Host:
        """See the class."""
        return np.square(label - pred).mean(axis=1)  # type: ignore[no-any-return]


class RMSE(MSE):
    """The root of the mean squared error over all batches."""

    def __init__(
        self, name: str = "rmse", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def get(self) -> tuple[str, float]:
        """Name and value."""
        name, value = super().get()
        return name, float(np.sqrt(value))


class MeanPairwiseDistance(_PerInstance):
    """The mean distance, by the p-norm, of label and prediction."""

    def __init__(
        self,
        name: str = "mpd",
        output_names: Names = None,
        label_names: Names = None,
        p: float = 2,
    ) -> None:
        super().__init__(name, output_names, label_names, p=p)
        self.p = p

    def distances(self, label: Host, pred: Host) -> Host:
        """See the class."""
        powers = np.abs(label - pred) ** self.p
        return powers.sum(axis=1) ** (1 / self.p)  # type: ignore[no-any-return]


class MeanCosineSimilarity(PairMetric):
    """The mean cosine of the angle between the vectors along `axis`.

    eps: the least product of two lengths to divide by.
    """

    def __init__(
        self,
        name: str = "cos_sim",
        output_names: Names = None,
        label_names: Names = None,
        eps: float = 1e-12,
        axis: int = -1,
    ) -> None:
        super().__init__(name, output_names, label_names, eps=eps, axis=axis)
        self.eps, self.axis = eps, axis

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """See the class."""
        if label.shape != pred.shape:
            raise MetricError(f"labels {label.shape} and predictions {pred.shape} differ in shape")
        label, pred = label.astype(np.float64), pred.astype(np.float64)
        lengths = np.linalg.norm(label, axis=self.axis) * np.linalg.norm(pred, axis=self.axis)
        cosines = (label * pred).sum(axis=self.axis) / np.maximum(lengths, self.eps)
        return float(cosines.sum()), cosines.size


class CrossEntropy(PairMetric):
    """The mean of -log of the probability that was predicted for the label.

    Predictions are probabilities with the classes along `axis`, or (from_logits) scores of which
    the softmax is taken; at least `eps`. Instances with the label `ignore_label` do not count.
    """

    def __init__(
        self,
        eps: float = 1e-12,
        ignore_label: int | None = None,
        axis: int = -1,
        from_logits: bool = False,
        name: str = "cross-entropy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(
            name, output_names, label_names, eps=eps, ignore_label=ignore_label, axis=axis,
            from_logits=from_logits,
        )  # fmt: skip
        self.eps, self.ignore_label = eps, ignore_label
        self.axis, self.from_logits = axis, from_logits

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """See the class."""
        scores = np.moveaxis(pred, self.axis, -1).astype(np.float64)
        scores = scores.reshape(-1, scores.shape[-1])
        classes = label.reshape(-1).astype(np.int64)
        if len(scores) != classes.size:
            raise MetricError(f"labels {label.shape} do not suit predictions {pred.shape}")
        if self.from_logits:
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores /= scores.sum(axis=1, keepdims=True)
        kept = np.full(classes.size, True) if self.ignore_label is None else (
            classes != self.ignore_label
        )  # fmt: skip
        of_label = scores[np.arange(classes.size), np.clip(classes, 0, scores.shape[1] - 1)]
        return float(-np.log(np.maximum(self.eps, of_label[kept])).sum()), int(kept.sum())


class Perplexity(CrossEntropy):
    """The exponential of the cross-entropy."""

    def __init__(
        self,
        eps: float = 1e-12,
        ignore_label: int | None = None,
        axis: int = -1,
        from_logits: bool = False,
        name: str = "perplexity",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(eps, ignore_label, axis, from_logits, name, output_names, label_names)

    def get(self) -> tuple[str, float]:
        """Name and value."""
        name, value = super().get()
        return name, float(np.exp(value))


class PearsonCorrelation(EvalMetric):
    """Pearson's correlation of labels and predictions over all batches, element by element."""

    def __init__(
        self, name: str = "pearsonr", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def reset(self) -> None:
        """Forget all batches."""
        super().reset()
        self._count = 0
        self._mean = np.zeros(2)
        self._products = np.zeros((2, 2))

    def update(self, labels: Any, preds: Any) -> None:
        """Take in a batch: means and products of deviations, merged as by Chan et al. 1979."""
        for label, pred in pairs(labels, preds):
            if label.shape != pred.shape:
                raise MetricError(f"labels {label.shape}, but predictions {pred.shape}")
            both = np.stack([x.reshape(-1).astype(np.float64) for x in (label, pred)])
            self._merge(both)
        self.num_inst += 1

    def _merge(self, both: Host) -> None:
        count = both.shape[1]
        if count == 0:
            return
        mean = both.mean(axis=1)
        shift, total = mean - self._mean, self._count + count
        centred = both - mean[:, None]
        between = np.outer(shift, shift) * (self._count * count / total)
        self._products += centred @ centred.T + between
        self._mean, self._count = self._mean + shift * (count / total), total

    def get(self) -> tuple[str, float]:
        """Name and value; NaN if one of both never varies."""
        if self._count == 0:
            return self.name, float("nan")
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.sqrt(self._products[0, 0] * self._products[1, 1])
            return self.name, float(self._products[0, 1] / spread)


class Loss(EvalMetric):
    """The mean of the predictions, which are losses; there are no labels."""

    def __init__(
        self, name: str = "loss", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def update(self, _: Any, preds: Any) -> None:
        """Add losses."""
        for loss in hosts(preds):
            self.sum_metric += float(loss.sum(dtype=np.float64))
            self.num_inst += loss.size


class Torch(Loss):
    """`Loss` under another name."""

    def __init__(
        self, name: str = "torch", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)
