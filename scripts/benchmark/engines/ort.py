"""ONNX Runtime on its CPU provider; it computes in the precision of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnxruntime

from benchmark.engines import Run, Settings


def load(model: str, settings: Settings) -> tuple[list[str], Run]:
    """See the package. ValueError for bfloat16: there are no kernels for it."""
    if settings.precision == "bf16":
        raise ValueError(f"onnxruntime has no kernels in {settings.precision} for CPUs")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]

    def run(arrays: Sequence[Any]) -> list[Any]:
        results: list[Any] = session.run(None, dict(zip(names, arrays, strict=True)))
        return results

    return names, run
