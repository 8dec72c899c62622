"""What Prometheus reads. Numbers are collected when they are asked for: requests cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from baryon.server.batching import Scheduler
from baryon.server.model import Model
from baryon.server.repository import Repository
from baryon.server.statistics import BOUNDS, Statistics
from baryon.server.traffic import Traffic

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_LABELS = ("model", "version")
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)

_COUNTERS: Sequence[tuple[str, str, Callable[[Statistics], float]]] = (
    ("baryon_rows", "Samples computed.", lambda s: s.rows),
    ("baryon_executions", "Runs of the network.", lambda s: s.executions),
    ("baryon_queue_seconds", "Waiting of requests.", lambda s: s.queue.nanoseconds / 1e9),
    ("baryon_run_seconds", "Running, by the requests in it.", lambda s: s.run.nanoseconds / 1e9),
)
_RESULTS: Sequence[tuple[str, Callable[[Statistics], int]]] = (
    ("success", lambda s: s.success.count),
    ("timeout", lambda s: s.expired),
    ("error", lambda s: s.fail.count - s.expired),
    ("refused", lambda s: s.refused),
)
_GAUGES: Sequence[tuple[str, str, Callable[[Scheduler], int]]] = (
    ("baryon_waiting_requests", "Requests that no instance has taken yet.", lambda s: s.waiting),
    ("baryon_busy_instances", "Instances at work.", lambda s: s.busy),
)


class Metrics:
    """A registry of a server's own."""

    def __init__(self, repository: Repository, traffic: Traffic) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Collector(repository, traffic))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        text: bytes = generate_latest(self._registry)
        return text


class Collector:
    """Reads the statistics of models."""

    def __init__(self, repository: Repository, traffic: Traffic) -> None:
        self._repository = repository
        self._traffic = traffic

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there will be depends on the models."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics, as of now."""
        models = self._repository.models()
        yield GaugeMetricFamily("baryon_ready", "1: it serves.", int(self._traffic.is_ready))
        yield GaugeMetricFamily(
            "baryon_http_connections", "Open connections.", self._traffic.connections
        )
        answers = CounterMetricFamily(
            "baryon_answers", "Answers by status.", labels=("protocol", "status")
        )
        for labels, count in sorted(self._traffic.answers.items()):
            answers.add_metric(labels, count)
        yield answers
        yield _requests(models)
        for name, help, read in _COUNTERS:
            counter = CounterMetricFamily(name, help, labels=_LABELS)
            for model in models:
                counter.add_metric(_labels(model), read(model.statistics))
            yield counter
        for name, help, measure in _GAUGES:
            gauge = GaugeMetricFamily(name, help, labels=_LABELS)
            for model in models:
                gauge.add_metric(_labels(model), measure(model.scheduler))
            yield gauge
        yield _latencies(models)
        yield _batches(models)


def _labels(model: Model) -> tuple[str, str]:
    return model.name, str(model.version)


def _requests(models: Iterable[Model]) -> Metric:
    family = CounterMetricFamily(
        "baryon_requests", "Requests by what became of them.", labels=(*_LABELS, "result")
    )
    for model in models:
        for result, read in _RESULTS:
            family.add_metric((*_labels(model), result), read(model.statistics))
    return family


def _latencies(models: Iterable[Model]) -> Metric:
    family = HistogramMetricFamily(
        "baryon_request_seconds", "From a request's arrival to its result.", labels=_LABELS
    )
    names = [*map(str, BOUNDS), "+Inf"]
    for model in models:
        known = model.statistics.latency
        buckets = [*zip(names, map(float, accumulate(known.counts)), strict=True)]
        family.add_metric(_labels(model), buckets, known.seconds)
    return family


def _batches(models: Iterable[Model]) -> Metric:
    family = HistogramMetricFamily("baryon_batch_rows", "Rows of runs.", labels=_LABELS)
    for model in models:
        sizes = model.statistics.batches
        buckets = [
            (str(bound), float(sum(n for rows, n in sizes.items() if rows <= bound)))
            for bound in (*_ROWS, float("inf"))
        ]
        buckets[-1] = ("+Inf", buckets[-1][1])
        family.add_metric(_labels(model), buckets, model.statistics.rows)
    return family
