"""`mx.quantization`: networks in 8 bits, chosen by what was seen of their values."""

from baryon.quantization.report import (
    CalibrationReport,
    ErrorReport,
    Histogram,
    LayerReport,
    QuantizationReport,
    ReportError,
    SearchReport,
    SearchStep,
    TensorReport,
    WeightReport,
)

__all__ = [
    "CalibrationReport",
    "ErrorReport",
    "Histogram",
    "LayerReport",
    "QuantizationReport",
    "ReportError",
    "SearchReport",
    "SearchStep",
    "TensorReport",
    "WeightReport",
]
