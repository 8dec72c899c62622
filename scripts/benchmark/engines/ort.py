"""ONNX Runtime on its CPU provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import onnxruntime

DTYPES = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32"}


def load(
    model: str, threads: int
) -> tuple[list[tuple[str, list[int], str]], Callable[[Sequence[Any]], list[Any]]]:
    """See the package."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = [
        (i.name, [d if isinstance(d, int) else 1 for d in i.shape], DTYPES[i.type])
        for i in session.get_inputs()
    ]
    names = [name for name, _, _ in inputs]
    return inputs, lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))
