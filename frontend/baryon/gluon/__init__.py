"""`mx.gluon`: blocks, layers, losses, data, training. The parts load when they are first used."""

from __future__ import annotations

import importlib
from typing import Any

from baryon.gluon.block import Block, HybridBlock, SymbolBlock
from baryon.gluon.constant import Constant
from baryon.gluon.parameter import DeferredInitializationError, Parameter

_PARTS = (
    "block", "contrib", "data", "loss", "metric", "model_zoo", "nn", "parameter", "probability",
    "rnn", "trainer", "utils",
)  # fmt: skip

__all__ = [  # noqa: PLE0604 - they are strings
    "Block", "Constant", "DeferredInitializationError", "HybridBlock", "Parameter", "SymbolBlock",
    "Trainer", *_PARTS,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"baryon.gluon.{name}")
    if name == "Trainer":
        return importlib.import_module("baryon.gluon.trainer").Trainer
    if name == "ParameterDict":
        raise AttributeError(
            "gluon.ParameterDict was removed in MXNet 2: collect_params() returns a dictionary"
        )
    raise AttributeError(f"module 'baryon.gluon' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
