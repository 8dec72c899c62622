"""What is in an ONNX file, whether or not it can be compiled."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence

import onnx

from baryon.importers.onnx import import_onnx
from baryon.importers.onnx.missing import missing_ops
from baryon.importers.onnx.reader import ModelFile, domain_of, element_type, nodes_of
from baryon.inspection.arithmetic import count_flops
from baryon.inspection.model_report import ModelReport, OpReport, PortReport
from baryon.ir import BaryonError, Module

Shapes = Mapping[str, Sequence[int | str]]


def inspect_onnx(path: str | os.PathLike[str], input_shapes: Shapes | None = None) -> ModelReport:
    """The report of a file, with the work for these shapes of its inputs.

    Raises ModelError for one that cannot be read.
    """
    file = ModelFile(path)
    module, error = _try_import(file, input_shapes)
    stored = {t.name for t in file.graph.initializer}
    sizes = _of_constants(module) if module else _of_tensors(file)
    return ModelReport(
        file=os.fspath(path),
        format="ONNX",
        producer=f"{file.proto.producer_name} {file.proto.producer_version}".strip(),
        opsets={domain or "ai.onnx": version for domain, version in file.opsets.items()},
        inputs=tuple(_port(v) for v in file.graph.input if v.name not in stored),
        outputs=tuple(_port(v) for v in file.graph.output),
        ops=_ops(file),
        parameters=sum(count for count, _ in sizes),
        parameter_bytes=sum(count * itemsize for count, itemsize in sizes),
        flops=count_flops(module) if module else None,
        problem=error.message if error else None,
        hint=error.hint if error else None,
    )


def _try_import(file: ModelFile, shapes: Shapes | None) -> tuple[Module | None, BaryonError | None]:
    try:
        return import_onnx(file, input_shapes=shapes), None
    except BaryonError as error:
        return None, error


def _ops(file: ModelFile) -> tuple[OpReport, ...]:
    """The ops as the file has them, the most frequent first.

    Where an op is written by others of which one is missing, that one is listed too.
    """
    counts = Counter((domain_of(n), n.op_type) for n in nodes_of(file.graph))
    missing = {(op.domain, op.name): op for op in missing_ops(file)}
    for key, op in missing.items():
        counts.setdefault(key, len(op.nodes))
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        OpReport(
            f"{domain}.{name}" if domain else name,
            count,
            (domain, name) not in missing,
            missing[domain, name].remedy if (domain, name) in missing else "",
        )
        for (domain, name), count in rows
    )


def _of_constants(module: Module) -> list[tuple[int, int]]:
    """Elements and bytes of each: computed ones (ConstantOfShape and the like) are known now."""
    return [(c.size, c.itemsize) for c in module.constants.values()]


def _of_tensors(file: ModelFile) -> list[tuple[int, int]]:
    return [(math.prod(t.dims), _itemsize(t.data_type)) for t in file.graph.initializer]


def _itemsize(code: int) -> int:
    try:
        return element_type(code).itemsize
    except (BaryonError, KeyError):
        return 0


def _port(value: onnx.ValueInfoProto) -> PortReport:
    kind = value.type.tensor_type
    shape = tuple(
        d.dim_param or (d.dim_value if d.HasField("dim_value") else "?") for d in kind.shape.dim
    )
    try:
        dtype = str(element_type(kind.elem_type))
    except (BaryonError, KeyError):
        dtype = str(value.type.WhichOneof("value") or "unknown").removesuffix("_type")
    return PortReport(value.name, dtype, shape)
