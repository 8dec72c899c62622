"""Names of `mx.np` that are data: constants, element types, aliases, and who takes `out`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FLOATS = ("float16", "float32", "float64")
_BOOL = numpy.dtype(numpy.bool_)
_INTEGER_DTYPES = [numpy.dtype(name) for name in _INTEGERS]
_FLOATING_DTYPES = [numpy.dtype(name) for name in _FLOATS]

CONSTANTS: Mapping[str, Any] = {
    "NAN": numpy.nan,
    "NINF": -numpy.inf,
    "NZERO": -0.0,
    "NaN": numpy.nan,
    "PINF": numpy.inf,
    "PZERO": 0.0,
    "e": numpy.e,
    "inf": numpy.inf,
    "nan": numpy.nan,
    "newaxis": None,
    "pi": numpy.pi,
    "bfloat16": numpy.dtype(ml_dtypes.bfloat16),
    "bool": _BOOL,
    "bool_": _BOOL,
    **{name: numpy.dtype(name) for name in (*_FLOATS, *_INTEGERS)},
    "boolean_dtypes": [_BOOL],
    "floating_dtypes": _FLOATING_DTYPES,
    "integer_dtypes": _INTEGER_DTYPES,
    "numeric_dtypes": [*_INTEGER_DTYPES, *_FLOATING_DTYPES],
    "dtype": numpy.dtype,
}
"""Element types are instances of NumPy's dtype, as in MXNet 2."""

ALIASES: Mapping[str, str] = {
    "absolute": "abs",
    "alltrue": "all",
    "amax": "max",
    "amin": "min",
    "concat": "concatenate",
    "permute_dims": "transpose",
    "pow": "power",
    "product": "prod",
    "sometrue": "any",
    "true_divide": "divide",
}

WITH_OUT = frozenset({
    "abs", "add", "clip", "concatenate", "divide", "dot", "equal", "exp", "flip", "floor",
    "greater", "greater_equal", "less", "less_equal", "log", "logical_not", "matmul", "maximum",
    "minimum", "multiply", "negative", "not_equal", "power", "reciprocal", "sign", "sqrt", "square",
    "stack", "subtract", "take", "tanh",
})  # fmt: skip
"""Derived functions that take `out`, as MXNet 2's do."""
