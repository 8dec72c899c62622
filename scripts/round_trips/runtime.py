"""ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort


def run(path: Path, inputs: Mapping[str, Any], *, plain: bool = False) -> Sequence[Any]:
    """The outputs of a file, which may leave inputs out that nothing reads.

    plain: node by node, as fused ones saturate sums of codes on some CPUs.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = {port.name: inputs[port.name] for port in session.get_inputs()}
    outputs: Sequence[Any] = session.run(None, given)
    return outputs
