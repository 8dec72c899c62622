"""What is in a file with a trained network, whether or not it can be compiled.

    report = inspect_model("net.onnx")
    report = inspect_model("net-symbol.json", [{"data": np.empty((1, 3, 224, 224), "f4")}])

Reading fails only for files that are damaged: what baryon lacks is part of the report.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from baryon.inspection.model_report import ModelReport, OpReport, PortReport
from baryon.inspection.mxnet_model import inspect_mxnet
from baryon.inspection.onnx_model import inspect_onnx

__all__ = ["ModelReport", "OpReport", "PortReport", "inspect_model"]

PathLike = str | os.PathLike[str]


def inspect_model(
    path: PathLike,
    inputs: Sequence[Any] = (),
    params: PathLike | None = None,
    input_shapes: Mapping[str, Sequence[int | str]] | None = None,
) -> ModelReport:
    """The report of an .onnx file, or of a `-symbol.json` of MXNet.

    inputs, params: of a symbol, as `import_mxnet` takes them: inputs with shapes that it does not
    say, and the file with its parameters. input_shapes: of an ONNX file, as `import_onnx` takes
    them. Raises ModelError for a file that cannot be read.
    """
    if Path(path).suffix == ".json":
        return inspect_mxnet(path, *inputs, params=params)
    return inspect_onnx(path, input_shapes)
