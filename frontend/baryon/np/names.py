"""Names of `mx.np` that are data: constants, element types, aliases, and who takes `out`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy

from baryon.ir import dtype_of
from baryon.ops.shapes import promote

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FLOATS = ("float16", "float32", "float64")
_BOOL = numpy.dtype(numpy.bool_)
_INTEGER_DTYPES = [numpy.dtype(name) for name in _INTEGERS]
_FLOATING_DTYPES = [numpy.dtype(name) for name in _FLOATS]

_BY_NAME = {
    **{name: numpy.dtype(name) for name in (*_FLOATS, *_INTEGERS)},
    "bfloat16": numpy.dtype(ml_dtypes.bfloat16),
    "bool": _BOOL,
}
_OTHER_NAMES = {"float": "float64", "int": "int64", "bool_": "bool"}


def _meet(a: str, b: str) -> numpy.dtype[Any]:
    return promote("", map(dtype_of, (a, b))).numpy


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
    **_BY_NAME,
    "bool_": _BOOL,
    "boolean_dtypes": [_BOOL],
    "floating_dtypes": _FLOATING_DTYPES,
    "integer_dtypes": _INTEGER_DTYPES,
    "numeric_dtypes": [*_INTEGER_DTYPES, *_FLOATING_DTYPES],
    "dtype": numpy.dtype,
    "_STR_2_DTYPE_": _BY_NAME | {alias: _BY_NAME[name] for alias, name in _OTHER_NAMES.items()},
    "_DTYPE_2_STR_": {dtype: name for name, dtype in _BY_NAME.items()},
    "_type_promotion_table": {
        (_BY_NAME[a], _BY_NAME[b]): _meet(a, b) for a in _BY_NAME for b in _BY_NAME
    },
    "_NoValue": numpy._NoValue,
    "__version__": numpy.__version__,
}
"""Element types are instances of NumPy's dtype, as in MXNet 2."""

ALIASES: Mapping[str, str] = {
    "absolute": "abs",
    "acos": "arccos",
    "acosh": "arccosh",
    "alltrue": "all",
    "amax": "max",
    "amin": "min",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "bitwise_invert": "invert",
    "bitwise_not": "invert",
    "concat": "concatenate",
    "deg2rad": "radians",
    "left_shift": "bitwise_left_shift",
    "permute_dims": "transpose",
    "pow": "power",
    "product": "prod",
    "rad2deg": "degrees",
    "remainder": "mod",
    "right_shift": "bitwise_right_shift",
    "round": "around",
    "round_": "around",
    "sometrue": "any",
    "true_divide": "divide",
}

WITH_OUT = frozenset({
    "abs", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "around", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "cbrt", "ceil", "clip", "concatenate", "copysign", "cos", "cosh", "degrees",
    "divide", "dot", "equal", "exp", "expm1", "fabs", "fix", "flip", "floor", "floor_divide",
    "fmax", "fmin", "fmod", "gcd", "greater", "greater_equal", "hypot", "invert", "isfinite",
    "isinf", "isnan", "isneginf", "isposinf", "lcm", "ldexp", "less", "less_equal", "log", "log10",
    "log1p", "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor",
    "matmul", "maximum", "minimum", "mod", "multiply", "negative", "not_equal", "positive", "power",
    "radians", "reciprocal", "rint", "sign", "sin", "sinh", "sqrt", "square", "stack", "subtract",
    "take", "tan", "tanh", "trunc",
})  # fmt: skip
"""Derived functions that take `out`, as MXNet 2's do."""
