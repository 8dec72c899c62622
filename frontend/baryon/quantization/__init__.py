"""`mx.quantization`: networks in 8 bits, chosen by what was seen of their values.

qnet = mx.quantization.quantize_net(net, calib_data=loader, calib_mode="entropy")
"""

from __future__ import annotations

from collections.abc import Mapping

from baryon.array.missing import missing_name as _missing_name
from baryon.quantization.api import quantize_net
from baryon.quantization.block import QuantizedBlock
from baryon.quantization.collect import CalibrationCollector
from baryon.quantization.evaluate import MetricError
from baryon.quantization.ranges import CalibrationError
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
from baryon.quantization.settings import SettingError

__all__ = [
    "CalibrationCollector",
    "CalibrationError",
    "CalibrationReport",
    "ErrorReport",
    "Histogram",
    "LayerReport",
    "MetricError",
    "QuantizationReport",
    "QuantizedBlock",
    "ReportError",
    "SearchReport",
    "SearchStep",
    "SettingError",
    "TensorReport",
    "WeightReport",
    "quantize_net",
]

_NO_SYMBOLS = "there are no symbols; quantize a block: quantize_net(net, calib_data=...)"
ABSENT: Mapping[str, str] = dict.fromkeys(
    ("calib_graph", "quantize_graph", "quantize_model", "quantize_model_onednn"), _NO_SYMBOLS
)


__getattr__ = _missing_name(__name__, __all__, absent=ABSENT)
