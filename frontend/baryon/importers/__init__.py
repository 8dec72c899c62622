"""Readers of networks that were trained elsewhere. Each gives an `ir.Module`."""

from baryon.importers.errors import ModelError
from baryon.importers.mxnet import import_mxnet
from baryon.importers.onnx import import_onnx

__all__ = ["ModelError", "import_mxnet", "import_onnx"]
