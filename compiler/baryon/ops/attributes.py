"""Attributes of ops: their declaration and the conversion of what a user passes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from baryon.ir import Attr, IRTypeError, dtype_of


class _Required:
    def __repr__(self) -> str:
        return "<required>"


REQUIRED: Final = _Required()
"""The default of an attribute that the caller must give."""


@dataclass(frozen=True)
class Param:
    """An attribute: name, kind, default (REQUIRED for none) and one line of doc.

    kind: a key of `KINDS`; a trailing "?" admits None. choices: the allowed strings.
    """

    name: str
    kind: str
    default: Any
    doc: str
    choices: tuple[str, ...] = ()

    @property
    def optional(self) -> bool:
        """True when None is a legal value."""
        return self.kind.endswith("?")


def _int(value: Any) -> int:
    return operator.index(value)


def _float(value: Any) -> float:
    if isinstance(value, str):
        raise TypeError
    return float(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool) and value not in (0, 1):
        raise TypeError
    return bool(value)


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _holds(value: Any, kind: type) -> bool:
    """Whether a value is a tuple of exactly that type: one that was converted before. Scales of
    channels are thousands of numbers, and every pass has them checked."""
    return type(value) is tuple and {*map(type, value)} <= {kind}


def _ints(value: Any) -> tuple[int, ...]:
    if _holds(value, int):
        result: tuple[int, ...] = value
        return result
    return (_int(value),) if hasattr(value, "__index__") else tuple(map(_int, value))


def _floats(value: Any) -> tuple[float, ...]:
    if _holds(value, float):
        result: tuple[float, ...] = value
        return result
    return tuple(map(_float, value))


def _number(value: Any) -> bool | int | float:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    return _int(value) if hasattr(value, "__index__") else _float(value)


def _int_or_ints(value: Any) -> int | tuple[int, ...]:
    return _int(value) if hasattr(value, "__index__") else tuple(map(_int, value))


def _shape(value: Any) -> tuple[Any, ...]:
    dims = value if isinstance(value, tuple | list) else (value,)
    return tuple(d if isinstance(d, str) else _int(d) for d in dims)


KINDS: Mapping[str, tuple[Callable[[Any], Attr], str]] = {
    "int": (_int, "a whole number"),
    "float": (_float, "a number"),
    "number": (_number, "a number"),  # keeps whole numbers and booleans as they are
    "bool": (_bool, "True or False"),
    "str": (_str, "a string"),
    "dtype": (dtype_of, "an element type"),
    "ints": (_ints, "a whole number or a tuple of them"),
    "int_or_ints": (_int_or_ints, "a whole number or a tuple of them"),  # keeps which one it was
    "floats": (_floats, "a tuple of numbers"),
    "shape": (_shape, "a tuple of dimensions, whole numbers or names of symbols such as '4*N'"),
}
"""For each kind of attribute: the conversion, and its name in error messages."""


def convert(op: str, param: Param, value: Any) -> Attr:
    """The value in the form that its declaration wants; IRTypeError with what was expected."""
    if value is REQUIRED:
        raise IRTypeError(f"{op} needs the attribute {param.name}: {param.doc}")
    if value is None and param.optional:
        return None
    to, expected = KINDS[param.kind.removesuffix("?")]
    try:
        converted = to(value)
    except (TypeError, ValueError) as error:
        raise IRTypeError(f"{op}: {param.name} must be {expected}, not {value!r}") from error
    if param.choices and converted not in param.choices:
        raise IRTypeError(f"{op}: {param.name} must be one of {param.choices}, not {value!r}")
    return converted
