"""Names of `mx.np` that are data: constants, element types, aliases, and who takes `out`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy

CONSTANTS: Mapping[str, Any] = {
    "e": numpy.e,
    "inf": numpy.inf,
    "nan": numpy.nan,
    "newaxis": None,
    "pi": numpy.pi,
    "bfloat16": ml_dtypes.bfloat16,
    "bool": numpy.bool_,
    "bool_": numpy.bool_,
    "float16": numpy.float16,
    "float32": numpy.float32,
    "float64": numpy.float64,
    "int8": numpy.int8,
    "int16": numpy.int16,
    "int32": numpy.int32,
    "int64": numpy.int64,
    "uint8": numpy.uint8,
    "uint16": numpy.uint16,
    "uint32": numpy.uint32,
    "uint64": numpy.uint64,
}

ALIASES: Mapping[str, str] = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "concat": "concatenate",
    "permute_dims": "transpose",
    "pow": "power",
    "true_divide": "divide",
}

WITH_OUT = frozenset({
    "abs", "add", "clip", "concatenate", "divide", "dot", "equal", "exp", "flip", "floor",
    "greater", "greater_equal", "less", "less_equal", "log", "logical_not", "matmul", "maximum",
    "minimum", "multiply", "negative", "not_equal", "power", "reciprocal", "sign", "sqrt", "square",
    "stack", "subtract", "take", "tanh",
})  # fmt: skip
"""Derived functions that take `out`, as MXNet 2's do."""
