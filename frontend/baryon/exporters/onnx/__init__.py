"""ONNX: `export_onnx` writes an `ir.Module` as a checked file that ONNX Runtime runs.

How an op is written: docs/recipes/export-an-onnx-op.md.
"""

from baryon.exporters.onnx.exporting import export_onnx, to_onnx
from baryon.exporters.onnx.model import OPSET
from baryon.exporters.onnx.saving import ExportError

__all__ = ["OPSET", "ExportError", "export_onnx", "to_onnx"]
