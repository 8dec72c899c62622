"""Every op of the registry: how it is written, or why it is not."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping

from baryon.exporters.onnx.form import Form, NoForm

_FAMILIES = (
    "elementwise", "casts", "contraction", "layout", "norm", "recurrent", "quantized", "control",
    "random", "boxes", "roi", "special", "absences",
)  # fmt: skip
"""Modules of this package. They write with a `Writer`, which looks up here what they declare."""


@functools.cache
def table() -> Mapping[str, Form | NoForm]:
    """All declarations by the name of the op."""
    families = [importlib.import_module(f"{__package__}.{name}") for name in _FAMILIES]
    return {op.name: op for family in families for op in family.OPS}


def form_of(name: str) -> Form | NoForm:
    """How an op is written."""
    return table().get(name) or NoForm(name, "nobody has said how it is written in ONNX")
