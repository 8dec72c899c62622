"""`mx.contrib`: MXNet's name for what is in `mx` itself."""

from baryon import quantization

__all__ = ["quantization"]
