"""Reading metrics as Prometheus does."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from server.process import Served


def number(server: Served, name: str, **labels: str) -> float:
    """The value of one metric with exactly these labels."""
    text = server.get("/metrics").body.decode()
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    (found,) = [s.value for s in samples if s.name == name and s.labels == labels]
    return float(found)
