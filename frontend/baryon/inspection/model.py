"""What is in a file with a trained network, whether or not it can be compiled.

    report = inspect_model("net.onnx")

Reading fails only for files that are damaged: what baryon lacks is part of the report.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx

from baryon.importers.onnx import import_onnx
from baryon.importers.onnx.missing import missing_ops
from baryon.importers.onnx.reader import ModelFile, domain_of, element_type, nodes_of
from baryon.inspection.arithmetic import count_flops
from baryon.ir import BaryonError, Module


@dataclass(frozen=True)
class PortReport:
    """An input or output of the network; sizes that are open are names, or "?"."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class OpReport:
    """How often a file has an op, bodies of loops and branches included.

    remedy: what can be done where it is not supported.
    """

    op: str
    count: int
    supported: bool = True
    remedy: str = ""


@dataclass(frozen=True)
class ModelReport:
    """A file.

    opsets: by domain. problem: why it cannot be imported, with `hint`; None if it can.
    parameters, parameter_bytes: of its constants. flops: of one run, symbols at their smallest, a
    multiply-add as two; None where it cannot be imported.
    """

    file: str
    format: str
    producer: str
    opsets: Mapping[str, int]
    inputs: tuple[PortReport, ...]
    outputs: tuple[PortReport, ...]
    ops: tuple[OpReport, ...]
    parameters: int
    parameter_bytes: int
    flops: int | None
    problem: str | None = None
    hint: str | None = None

    @property
    def unsupported(self) -> list[str]:
        """The ops that baryon lacks."""
        return [op.op for op in self.ops if not op.supported]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "unsupported": self.unsupported}


def inspect_model(path: str | os.PathLike[str]) -> ModelReport:
    """The report of an ONNX file. Raises ModelError for one that cannot be read."""
    file = ModelFile(path)
    module, error = _try_import(Path(path))
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


def _try_import(path: Path) -> tuple[Module | None, BaryonError | None]:
    try:
        return import_onnx(path), None
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
