"""Metrics made of others, and of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from baryon.array import ArrayBase, ndarray
from baryon.gluon.metric.base import METRICS, EvalMetric, MetricError, host, pairs

Names = list[str] | None


class CompositeEvalMetric(EvalMetric):
    """Several metrics, updated together; `get` gives lists."""

    def __init__(
        self,
        metrics: Sequence[Any] | None = None,
        name: str = "composite",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        self.metrics = [create(m) for m in metrics or ()]
        super().__init__(name, output_names, label_names)

    def add(self, metric: Any) -> None:
        """Append a metric, or what `create` makes one of."""
        self.metrics.append(create(metric))

    def get_metric(self, index: int) -> EvalMetric:
        """A metric by its number."""
        if not -len(self.metrics) <= index < len(self.metrics):
            raise MetricError(f"there are {len(self.metrics)} metrics, but no metric {index}")
        return self.metrics[index]

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        """Update every metric with those of the arrays that have the names of this one."""
        labels = {k: v for k, v in label.items() if _is_in(k, self.label_names)}
        preds = {k: v for k, v in pred.items() if _is_in(k, self.output_names)}
        for metric in self.metrics:
            metric.update_dict(labels, preds)

    def update(self, labels: Any, preds: Any) -> None:
        """Update every metric."""
        for metric in self.metrics:
            metric.update(labels, preds)

    def reset(self) -> None:
        """Reset every metric."""
        super().reset()
        for metric in self.metrics:
            metric.reset()

    def get(self) -> tuple[list[str], list[Any]]:
        """Names and values of all metrics."""
        found = [pair for metric in self.metrics for pair in metric.get_name_value()]
        return [name for name, _ in found], [value for _, value in found]

    def get_config(self) -> dict[str, Any]:
        """Names, and the configurations of all metrics."""
        return super().get_config() | {"metrics": [m.get_config() for m in self.metrics]}


class CustomMetric(EvalMetric):
    """The mean of `feval(label, pred)` over batches.

    feval gets `mx.np.ndarray`s and returns a number, or a sum and the number of its instances.
    allow_extra_outputs: ignore predictions without labels.
    """

    def __init__(
        self,
        feval: Callable[[Any, Any], Any],
        name: str | None = None,
        allow_extra_outputs: bool = False,
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        given = getattr(feval, "__name__", type(feval).__name__)
        default = f"custom({given})" if "<" in given else given
        super().__init__(default if name is None else name, output_names, label_names)
        self._feval, self._allow_extra_outputs = feval, allow_extra_outputs

    def update(self, labels: Any, preds: Any) -> None:
        """Evaluate a batch."""
        if self._allow_extra_outputs and isinstance(labels, list) and isinstance(preds, list):
            preds = preds[: len(labels)]
        for label, pred in pairs(labels, preds):
            value = self._feval(self.argument(label), self.argument(pred))
            total, count = value if isinstance(value, tuple) else (value, 1)
            self.sum_metric += _number(total)
            self.num_inst += _number(count)

    def argument(self, x: Any) -> Any:
        """What the function gets of an array on the host."""
        return ndarray(x)

    def get_config(self) -> NoReturn:
        """MetricError: a function cannot be written down."""
        raise MetricError("a CustomMetric has no configuration that can be saved")


class _OfNumPy(CustomMetric):
    """A CustomMetric whose function gets NumPy arrays."""

    def argument(self, x: Any) -> Any:
        return x


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """A metric of a name, a function of label and prediction, a list of such, or a metric."""
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, list | tuple):
        return CompositeEvalMetric([create(m, *args, **kwargs) for m in metric])
    if isinstance(metric, str):
        return METRICS.create(metric, *args, **kwargs)
    if isinstance(metric, type) and issubclass(metric, EvalMetric):
        return metric(*args, **kwargs)
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    raise MetricError(f"{metric!r} is not a metric", hint="give a name such as 'accuracy'")


def np(
    numpy_feval: Callable[[Any, Any], Any],
    name: str | None = None,
    allow_extra_outputs: bool = False,
) -> CustomMetric:
    """A metric of a function of NumPy arrays: label, prediction."""
    return _OfNumPy(numpy_feval, name, allow_extra_outputs)


def register(klass: Any) -> Any:
    """Make `create` find a class by its name: a decorator."""
    return METRICS.register(klass)


def alias(*names: str) -> Callable[[Any], Any]:
    """Make `create` find a class by more names: a decorator."""
    return METRICS.alias(*names)


def _is_in(name: str, names: Names) -> bool:
    return names is None or name in names


def _number(x: Any) -> Any:
    return host(x).item() if isinstance(x, ArrayBase) else x
