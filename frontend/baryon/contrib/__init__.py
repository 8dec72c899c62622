"""`mx.contrib`: MXNet's name for what is in `mx` itself."""

from baryon.contrib import quantization

quant = quantization

__all__ = ["quant", "quantization"]
