"""`mx.contrib`: MXNet's name for what is in `mx` itself."""

import importlib
from typing import Any

from baryon.contrib import quantization

quant = quantization


def __getattr__(name: str) -> Any:
    if name == "onnx":  # loads the package onnx
        return importlib.import_module("baryon.onnx")
    raise AttributeError(f"module 'baryon.contrib' has no attribute {name!r}")


__all__ = ["onnx", "quant", "quantization"]
