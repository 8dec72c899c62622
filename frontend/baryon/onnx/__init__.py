"""`mx.onnx`: networks as ONNX files, and baryon as an engine of the standard (`backend`).

`export_model` writes a network. Files are read by `mx.compile` and by `baryon.importers.onnx`.
"""

from baryon.onnx.export import export_model, get_operator_support

__all__ = ["export_model", "get_operator_support"]
