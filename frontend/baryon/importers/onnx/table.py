"""All mappings, by family, and the search by op and opset version."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from onnx import defs

from baryon.importers.onnx import (
    caches,
    casts,
    classical,
    columns,
    constants,
    control,
    conv,
    counted,
    cumulative,
    drawing,
    elementwise,
    fourier,
    gathering,
    gemm,
    grams,
    images,
    indexing,
    norm,
    pooling,
    quantize,
    recurrent,
    reduction,
    resize,
    sampling,
    sequences,
    shape,
    unpooling,
    updates,
)
from baryon.importers.onnx.node import OnnxOp

FAMILIES = (
    conv, pooling, norm, elementwise, casts, gemm, recurrent, shape, indexing, reduction, constants,
    quantize, gathering, cumulative, resize, control, counted,
    sequences, columns, fourier, grams, images, sampling, unpooling, caches, classical, drawing,
    updates,
)  # fmt: skip


def _table() -> Mapping[tuple[str, str], list[OnnxOp]]:
    table: dict[tuple[str, str], list[OnnxOp]] = {}
    for op in (op for family in FAMILIES for op in family.OPS):
        table.setdefault((op.domain, op.name), []).append(op)
    return {key: sorted(ops, key=lambda op: op.since) for key, ops in table.items()}


_TABLE = _table()


def supported_ops() -> list[str]:
    """The names of the ONNX ops that can be imported, other domains as `domain.Op`."""
    return sorted(f"{domain}.{name}" if domain else name for domain, name in _TABLE)


def find(domain: str, name: str, opset: int) -> OnnxOp | None:
    """The mapping of an op in an opset version, or None."""
    fitting = [op for op in _TABLE.get((domain, name), ()) if op.since <= opset]
    return fitting[-1] if fitting else None


@functools.cache
def find_arity(domain: str, name: str, opset: int) -> tuple[int, int]:
    """The smallest and largest number of inputs that the ONNX standard allows the op."""
    try:
        schema = defs.get_schema(name, min(opset, defs.onnx_opset_version()), domain)
    except defs.SchemaError:
        return 0, 2**31
    return int(schema.min_input), int(schema.max_input)
