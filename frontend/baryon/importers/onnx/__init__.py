"""ONNX: `import_onnx` reads a file or a ModelProto into an `ir.Module`.

How to add an op: docs/recipes/import-an-onnx-op.md.
"""

from baryon.importers.onnx.graph import import_onnx
from baryon.importers.onnx.groups import Given, flatten, join
from baryon.importers.onnx.table import supported_ops

__all__ = ["Given", "flatten", "import_onnx", "join", "supported_ops"]
