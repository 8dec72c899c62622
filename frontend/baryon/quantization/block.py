"""The network that quantization returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.files import load_arrays, save_arrays
from baryon.atomic import FileName
from baryon.gluon import SymbolBlock, export
from baryon.gluon.errors import ParameterError, here
from baryon.gluon.hybrid_block import check_format, onnx_file
from baryon.ir import Module
from baryon.quantization.report import QuantizationReport
from baryon.quantization.source import Source


class QuantizedBlock(SymbolBlock):
    """A network in 8 bits: called, saved, exported and compiled as other blocks, for prediction.

    Its weights are constants of the graph, not parameters. Calls run compiled code.
    quantization_report: what was done to it, and why.
    """

    def __init__(self, module: Module, source: Source, report: QuantizationReport) -> None:
        names = [v.name for v in module.main.inputs]
        self._init(export.Graph(module, names, [], source.outputs), {})
        self.quantization_report = report
        self.hybridize()

    @property
    def module(self) -> Module:
        """The graph, in which pairs of quantize and dequantize say what computes in 8 bits."""
        return self._of_graph.module

    def export(
        self, path: str | Path | None, epoch: int = 0, remove_amp_cast: bool = True, *,
        format: str = "symbol", opset: int | None = None,
    ) -> Any:  # fmt: skip
        """As `HybridBlock.export`, without a call before: `SymbolBlock.imports` reads it.

        format="onnx": 8-bit codes between QuantizeLinear and DequantizeLinear (QDQ).
        """
        check_format(format)
        arrays = export.arrays_of(self._of_graph, {})
        if path is not None and format == "onnx":
            return onnx_file().write(self._of_graph, {}, path, opset)
        if path is not None:
            return export.save(self._of_graph, arrays, path, epoch)
        return self.module, {name: ndarray(a) for name, a in arrays.items()}

    def save_parameters(self, filename: FileName, deduplicate: bool = False) -> None:
        """Write the constants (codes of weights, biases) by name."""
        save_arrays(filename, dict(self.module.constants))

    def load_parameters(self, filename: FileName, *args: Any, **kwargs: Any) -> None:
        """Read what `save_parameters` of the same network wrote. Raises ParameterError."""
        arrays, constants = load_arrays(filename), self.module.constants
        for name, before in constants.items():
            given = arrays.get(name)
            if given is None or given.shape != before.shape or given.dtype != before.dtype:
                raise ParameterError(
                    f"{filename} does not fit: {name} must be {before.dtype}{before.shape}",
                    where=here(),
                    hint="load the file that this network's save_parameters wrote",
                )
        constants.update((name, np.asarray(arrays[name])) for name in constants)
        self._forget()
