"""Networks in INT8: what ONNX Runtime's quantizer makes of those of the panel, for every engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmark.networks.feeds import feeds, ports_of
from benchmark.networks.panel import Network, model_file

SAMPLES = 4
"""Batches of which ranges are taken."""
OPSET = 13
"""The first with scales per channel, which the quantizer writes into older files too."""


def qdq_file(network: Network, batch: int) -> Path:
    """The file with QuantizeLinear and DequantizeLinear: uint8 values, int8 weights per channel."""
    model = model_file(network, batch)
    path = model.with_name(f"qdq-{model.name}")
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            _write(model, network, Path(folder) / "simple.onnx", Path(folder) / "qdq.onnx")
            (Path(folder) / "qdq.onnx").replace(path)
    return path


def _write(model: Path, network: Network, simple: Path, output: Path) -> None:
    source, loaded = model, onnx.load(model)
    if loaded.opset_import[0].version < OPSET:
        source = output
        onnx.save(version_converter.convert_version(loaded, OPSET), source)
    quant_pre_process(str(source), str(simple), skip_symbolic_shape=True)
    quantize_static(
        str(simple),
        str(output),
        _Samples(model, network),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    """The first batches of what the engines read."""

    def __init__(self, model: Path, network: Network) -> None:
        ports = ports_of(model)
        size = ports[0].shape[0]
        firsts = range(0, SAMPLES * size, size)
        chosen = (range(first, first + size) for first in firsts)
        self.batches: Iterator[dict[str, NDArray[Any]]] = (
            feeds(ports, network.integers, samples) for samples in chosen
        )

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next one; None at the end."""
        return next(self.batches, None)
