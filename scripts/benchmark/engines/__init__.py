"""The engines. Each module has `load(model, settings) -> (names of the inputs, run)`.

`run(arrays)` takes arrays in the order of the names and returns the outputs as a list.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MODULES: Mapping[str, str] = {
    "baryon": "ours", "onnxruntime": "ort", "openvino": "ov", "baryon fp32": "ours",
}  # fmt: skip
"""The module of each engine, ours first; the last one takes part where others are in INT8."""

Run = Callable[[Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Settings:
    """How an engine computes. precision: "fp32", "bf16" or "int8"."""

    threads: int
    precision: str
