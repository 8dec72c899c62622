"""What metrics have in common: sums over batches, names, conversion of inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from baryon.array import ArrayBase
from baryon.ir import BaryonError, caller_loc
from baryon.registry import Registry

Host = np.ndarray[Any, np.dtype[Any]]
"""A NumPy array: metrics compute on the host, in float64."""

METRICS: Registry[EvalMetric] = Registry("metric")


class MetricError(BaryonError, ValueError):
    """Labels and predictions that do not suit each other or the metric."""


class EvalMetric:
    """The mean of a quantity over all instances since the last `reset`.

    `update` takes labels and predictions: an array each (of baryon, NumPy, or nested lists) or a
    list of arrays each. output_names, label_names: what `update_dict` picks. kwargs: arguments of
    the subclass, for `get_config`.
    """

    def __init__(
        self,
        name: str,
        output_names: list[str] | None = None,
        label_names: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = str(name)
        self.output_names, self.label_names = output_names, label_names
        self._kwargs = kwargs
        self.num_inst: Any = 0
        self.sum_metric: Any = 0.0
        self.reset()

    def __str__(self) -> str:
        return f"EvalMetric: {dict(self.get_name_value())}"

    def get_config(self) -> dict[str, Any]:
        """Class, names and arguments."""
        return {
            **self._kwargs,
            "metric": type(self).__name__,
            "name": self.name,
            "output_names": self.output_names,
            "label_names": self.label_names,
        }

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        """`update` with the labels and outputs of `label_names` and `output_names`, or all."""
        self.update(_picked(label, self.label_names), _picked(pred, self.output_names))

    def update(self, labels: Any, preds: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__} does not override update")

    def reset(self) -> None:
        """Forget all batches."""
        self.num_inst, self.sum_metric = 0, 0.0

    def get(self) -> tuple[Any, Any]:
        """Name and value; NaN without instances."""
        if self.num_inst == 0:
            return self.name, float("nan")
        value = self.sum_metric / self.num_inst
        return self.name, value if np.ndim(value) else float(value)

    def get_name_value(self) -> list[tuple[str, Any]]:
        """The pairs of name and value."""
        name, value = self.get()
        names, values = (x if isinstance(x, list) else [x] for x in (name, value))
        return list(zip(names, values, strict=True))


class PairMetric(EvalMetric):
    """A metric of pairs of label and prediction: subclasses override `measure`."""

    def update(self, labels: Any, preds: Any) -> None:
        """Add the sum and the number of instances of each pair."""
        for label, pred in pairs(labels, preds):
            total, count = self.measure(label, pred)
            self.sum_metric += total
            self.num_inst += count

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """The sum over the instances, and their number."""
        raise NotImplementedError


def check_label_shapes(
    labels: Any, preds: Any, wrap: bool = False, shape: bool = False
) -> tuple[Any, Any]:
    """Labels and predictions, if they are equally many (`shape`: of one shape); else MetricError.

    wrap: put single arrays into lists.
    """
    sizes = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if sizes[0] != sizes[1]:
        what = "shapes" if shape else "numbers"
        raise MetricError(f"the {what} of labels and predictions differ: {sizes[0]}, {sizes[1]}")
    if not wrap:
        return labels, preds
    return tuple([x] if hasattr(x, "shape") else x for x in (labels, preds))  # type: ignore[return-value]


def pairs(labels: Any, preds: Any) -> Iterator[tuple[Host, Host]]:
    """Labels with their predictions; MetricError if they are not equally many."""
    first, second = hosts(labels), hosts(preds)
    if len(first) != len(second):
        raise MetricError(
            f"{len(first)} arrays of labels, but {len(second)} of predictions",
            where=str(caller_loc("baryon")),
        )
    return zip(first, second, strict=True)


def hosts(x: Any) -> list[Host]:
    """The NumPy arrays of an array, of nested lists of numbers, or of a list of arrays."""
    if isinstance(x, list | tuple) and x and all(hasattr(part, "shape") for part in x):
        return [host(part) for part in x]
    return [host(x)]


def host(x: Any) -> Host:
    """One array on the host."""
    if isinstance(x, ArrayBase):
        return x.elements("a metric", "metrics need numbers: update them outside the trace")
    return np.asarray(x.asnumpy() if hasattr(x, "asnumpy") else x)


def same_size(label: Host, pred: Host) -> tuple[Host, Host]:
    """Both as vectors of integers; MetricError if their sizes differ."""
    label, pred = (x.reshape(-1).astype(np.int64) for x in (label, pred))
    if label.size != pred.size:
        raise MetricError(f"{label.size} labels, but {pred.size} predictions")
    return label, pred


def _picked(arrays: Mapping[str, Any], names: list[str] | None) -> list[Any]:
    return list(arrays.values()) if names is None else [arrays[n] for n in names]
