"""`mx.contrib.quantization`: MXNet's name for `mx.quantization`."""

from typing import Any

from baryon import quantization
from baryon.quantization import CalibrationCollector, quantize_net

__all__ = ["CalibrationCollector", "quantize_net"]


def __getattr__(name: str) -> Any:
    return getattr(quantization, name)
