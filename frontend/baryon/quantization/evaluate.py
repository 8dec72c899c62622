"""A metric of a network on labelled data, whatever runs the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon import gluon
from baryon.array import ndarray
from baryon.ir import Array, BaryonError, Module
from baryon.quantization.batches import Feed, batches_of
from baryon.quantization.ranges import CalibrationError
from baryon.quantization.running import Runner, copied, runner

AGREEMENT = "agreement"
"""The share of samples whose largest output is where that of the float network is."""

_ERRORS = ("error", "loss", "mse", "mae", "rmse", "perplexity", "entropy", "likelihood", "distance")
"""Words in names of metrics of which less is better."""

Metric = Any
"""A name or object of gluon.metric, "agreement", or f(labels, predictions) -> number."""


class MetricError(BaryonError, RuntimeError):
    """A metric that fails, or says nothing."""


@dataclass
class Evaluation:
    """metric: of the first output on `data`, which may be read many times.

    Larger values are better, but for metrics whose names speak of errors and losses.
    """

    metric: Metric
    batches: Sequence[tuple[list[Array], list[Array]]]

    @staticmethod
    def of(metric: Metric, data: Any, module: Module) -> Evaluation:
        """Read the data for a float module, whose own choices "agreement" wants."""
        inputs = module.main.inputs
        feed = Feed(inputs, batches_of(data, [v.name for v in inputs]))
        batches = [(data, _sound(data, labels)) for data, labels in feed.labelled()]
        if metric is None:
            metric = "accuracy" if all(labels for _, labels in batches) else AGREEMENT
        if metric == AGREEMENT:
            floating = runner(copied(module), max(len(x[0]) for x, _ in batches))
            batches = [(x, [_choices(floating(x)[0])]) for x, _ in batches]
            return Evaluation("accuracy", batches)
        if not all(labels for _, labels in batches):
            raise CalibrationError(
                "the evaluation data has no labels",
                hint='give (data, label) batches, or metric="agreement", which needs none',
            )
        return Evaluation(_made(metric), batches)

    @property
    def samples(self) -> int:
        """How many samples the metric is measured on."""
        return sum(len(data[0]) for data, _ in self.batches)

    @property
    def name(self) -> str:
        """The metric's name."""
        if isinstance(self.metric, str):
            return self.metric
        if isinstance(self.metric, gluon.metric.EvalMetric):
            return str(self.metric.name)
        return str(getattr(self.metric, "__name__", type(self.metric).__name__))

    def drop(self, floating: float, value: float) -> float:
        """How much worse a value is than that of the float network."""
        is_error = any(word in self.name.lower() for word in _ERRORS)
        return value - floating if is_error else floating - value

    def __call__(self, run: Runner) -> float:
        """The metric of a network. Raises MetricError."""
        try:
            value = float(self._value(run))
        except (BaryonError, MemoryError):
            raise
        except Exception as error:  # what users write may fail in any way
            raise MetricError(
                f"the metric {self.name} failed: {type(error).__name__}: {error}",
                hint="it is called as metric(labels, predictions), or is one of mx.gluon.metric",
            ) from error
        if not math.isfinite(value):
            raise MetricError(f"the metric {self.name} is {value}")
        return value

    def _value(self, run: Runner) -> Any:
        pairs = self._pairs(run)
        if not isinstance(self.metric, str | gluon.metric.EvalMetric):
            every = [*zip(*pairs, strict=True)]
            return self.metric(*(np.concatenate(arrays) for arrays in every))
        metric = _made(self.metric)
        assert not isinstance(metric, str)
        metric.reset()
        for labels, outputs in pairs:
            metric.update([ndarray(labels)], [ndarray(outputs)])
        return metric.get()[1]

    def _pairs(self, run: Runner) -> Iterator[tuple[Array, Array]]:
        return ((labels[0], run(inputs)[0]) for inputs, labels in self.batches)


def _sound(data: list[Array], labels: list[Array]) -> list[Array]:
    """Labels of as many samples as there are. CalibrationError for others, and for NaN."""
    if not labels:
        return labels
    first, count = labels[0], len(data[0])
    if first.ndim and len(first) != count:
        raise CalibrationError(
            f"a batch of the evaluation data has {count} samples and {len(first)} labels"
        )
    if first.dtype.kind == "f" and not np.isfinite(first).all():
        raise CalibrationError("the evaluation data has labels that are NaN or infinite")
    return labels


def _choices(output: Array) -> Array:
    return np.asarray(output.argmax(axis=-1).astype(np.int32))


def _made(metric: Metric) -> Metric:
    """A metric object for a name. MetricError for what cannot be one."""
    if not isinstance(metric, str):
        if isinstance(metric, gluon.metric.EvalMetric) or callable(metric):
            return metric
        raise MetricError(f"{type(metric).__name__} is no metric", hint=_HINT)
    try:
        return gluon.metric.create(metric)
    except Exception as error:
        raise MetricError(f"there is no metric {metric!r}: {error}", hint=_HINT) from error


_HINT = "give a name or an object of mx.gluon.metric, or a function of (labels, predictions)"
