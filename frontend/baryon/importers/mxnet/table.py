"""All mappings, by family, and the search by name."""

from __future__ import annotations

from collections.abc import Mapping

from baryon.importers.mxnet import (
    control,
    creation,
    detection,
    elementwise,
    heads,
    indexing,
    layers,
    linalg,
    pictures,
    proposals,
    quantized,
    reduction,
    sampling,
    sequences,
    shape,
    warping,
    writing,
)
from baryon.importers.mxnet.node import MxOp

FAMILIES = (
    layers, heads, elementwise, shape, indexing, reduction, creation, sequences, detection,
    sampling, quantized, control, linalg, pictures, proposals, warping, writing,
)  # fmt: skip

_SAME_AS = ("_sparse_", "_npi_", "_npx_", "_np_")
"""Prefixes of names that stand for the operator without it, where they have no entry."""


def _table() -> Mapping[str, MxOp]:
    table: dict[str, MxOp] = {}
    for entry in (entry for family in FAMILIES for entry in family.OPS):
        for name in entry.names:
            assert name not in table, f"{name} has two entries"
            table[name] = entry
    return table


_TABLE = _table()


def supported_ops() -> list[str]:
    """The names of the operators that can be imported."""
    return sorted(_TABLE)


def find(name: str) -> MxOp | None:
    """The mapping of an operator, or None."""
    if name in _TABLE:
        return _TABLE[name]
    prefix = next((p for p in _SAME_AS if name.startswith(p)), None)
    return None if prefix is None else _TABLE.get(name.removeprefix(prefix))
