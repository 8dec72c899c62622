"""Looking inside compiled networks: what they cost, what is in them, where their numbers go wrong.

estimate = estimate_file("net.baryon", threads=2)      time and memory, before it runs
found = check_numerics(executable, {"data": x})       the first NaN or Inf of a run
found = check_model("net.onnx", {"data": x})           the same of a model
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from baryon.inspection.estimate import Estimate, estimate_file, estimate_run
from baryon.inspection.machine import Machine

if TYPE_CHECKING:
    from baryon.inspection.numerics import Finding, Statistics, check_model, check_numerics

__all__ = [
    "Estimate",
    "Finding",
    "Machine",
    "Statistics",
    "check_model",
    "check_numerics",
    "estimate_file",
    "estimate_run",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'baryon.inspection' has no attribute {name!r}")
    return getattr(importlib.import_module("baryon.inspection.numerics"), name)  # loads TVM
