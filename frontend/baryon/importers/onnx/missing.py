"""Ops of a file that cannot be imported: all of them at once, with what can be done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from onnx import defs

from baryon.importers.onnx.functions import has_body
from baryon.importers.onnx.node import node_title
from baryon.importers.onnx.reader import ModelFile, domain_of, nodes_of
from baryon.importers.onnx.table import find

_OTHER_SOFTWARE = "it belongs to other software: export the model without it"

_REMEDIES: Mapping[str, str] = {
    "com.microsoft": "ONNX Runtime's optimizer or quantizer wrote it: take the model as it was "
    "before that; 8-bit models as QDQ",
    "com.microsoft.nchwc": "ONNX Runtime's optimizer wrote it: take the model from before that",
    "ai.onnx.ml": "trees, scalers and the like: cut them off, and keep the network",
    "ai.onnx.preview.training": "it trains: export the model for inference",
    "org.pytorch.aten": "the exporter knew no ONNX op for it: export by the other one of torch's "
    "exporters (dynamo=True or False), or a newer opset",
    "ai.onnx.contrib": "onnxruntime-extensions reads text or images: do that before the network",
}
"""What can be done about ops of a domain."""


@dataclass(frozen=True)
class MissingOp:
    """An op without a mapping. nodes: the names of those that use it."""

    domain: str
    name: str
    opset: int
    nodes: tuple[str, ...]

    @property
    def title(self) -> str:
        """Such as `com.microsoft.FusedConv`; ops of ONNX without their domain."""
        return f"{self.domain}.{self.name}" if self.domain else self.name

    @property
    def remedy(self) -> str:
        """What can be done."""
        if self.domain:
            return _REMEDIES.get(self.domain, _OTHER_SOFTWARE)
        try:
            schema = defs.get_schema(self.name, min(self.opset, defs.onnx_opset_version()))
        except defs.SchemaError:
            return f"opset {self.opset} of ONNX has no such op"
        kind = "is deprecated: export it anew" if schema.deprecated else "is not supported yet"
        return f"it {kind}; how to add one: docs/recipes/import-an-onnx-op.md"


def missing_ops(file: ModelFile) -> list[MissingOp]:
    """The ops of a file that nothing says how to import, by name."""
    nodes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in nodes_of(file.graph):
        domain = domain_of(node)
        op = (domain, node.op_type, file.opsets.get(domain, 1))
        if find(*op) is None and not has_body(*op):
            nodes[domain, node.op_type].append(node_title(node))
    return [
        MissingOp(domain, name, file.opsets.get(domain, 1), tuple(titles))
        for (domain, name), titles in sorted(nodes.items())
    ]
