"""Attributes of a node: texts as MXNet's parameter structures write them, read by their type.

The eras write the same value differently: "True", "true" and "1"; "(3, 3)", "[3,3]" and "(3L,3L)";
"None"; an element type by its name or by MXNet's number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from baryon.ir import DType, IRTypeError, dtype_of

TYPE_NUMBERS = (
    "float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool", "int16", "uint16",
    "uint32", "uint64", "bfloat16",
)  # fmt: skip
"""Element types by MXNet's numbers for them."""

_SILENT = frozenset({
    "workspace", "cudnn_off", "cudnn_tune", "ctx", "ctx_group", "lr_mult", "wd_mult",
    "force_mirroring", "mirror_stage", "weight_decay_mult", "num_args",
})  # fmt: skip
"""Attributes of any operator that do not change what it computes."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_NONE = ("None", "none", "")
_BRACKETS = {"(": ")", "[": "]"}
_MOST_NUMBERS = 1 << 16
_REQUIRED: Any = object()


class AttributeTextError(IRTypeError):
    """A text that is not the value of an attribute."""


class Attributes:
    """The attributes of one node, which remember who has been read."""

    def __init__(self, attrs: Mapping[str, str]) -> None:
        self._texts = {k: v for k, v in attrs.items() if not _is_silent(k)}
        self._unread = {*self._texts}

    @property
    def unread(self) -> list[str]:
        """Those that nobody has read: the operator's mapping does not know them."""
        return sorted(self._unread)

    def ignore(self, *names: str) -> None:
        """Say that these do not change the result."""
        self._unread.difference_update(names)

    def read(self, name: str, parse: Callable[[str], Any], default: Any) -> Any:
        """The value of an attribute, or the default where it is absent; "None" is None."""
        self._unread.discard(name)
        text = self._texts.get(name)
        if text is None:
            if default is _REQUIRED:
                raise AttributeTextError(f"it has no {name}")
            return default
        try:
            return parse(text.strip())
        except (ValueError, OverflowError) as error:
            raise AttributeTextError(f"{name}={text!r:.80}: {error}") from error


def _is_silent(name: str) -> bool:
    hidden = name.startswith("__") and name.endswith("__")
    return hidden or name in _SILENT or name.endswith(("_lr_mult", "_wd_mult"))


@dataclass(frozen=True)
class Attr:
    """How an attribute is read: its name in the file, its type, its default."""

    name: str
    parse: Callable[[str], Any]
    default: Any

    def of(self, attributes: Attributes) -> Any:
        """Its value in a node."""
        return attributes.read(self.name, self.parse, self.default)


def integer(name: str, default: Any = _REQUIRED) -> Attr:
    """A whole number, or None."""
    return Attr(name, _optional(_integer), default)


def number(name: str, default: Any = _REQUIRED) -> Attr:
    """A float, or None."""
    return Attr(name, _optional(_number), default)


def flag(name: str, default: Any = _REQUIRED) -> Attr:
    """True or False, or None."""
    return Attr(name, _optional(_flag), default)


def text(name: str, default: Any = _REQUIRED) -> Attr:
    """A word, or None."""
    return Attr(name, _optional(str), default)


def whole(name: str, default: Any = _REQUIRED) -> Attr:
    """Whole numbers as a tuple, one number being a tuple of one; or None."""
    return Attr(name, _optional(lambda t: tuple(_items(t, _integer))), default)


def numbers(name: str, default: Any = _REQUIRED) -> Attr:
    """Floats as a tuple, or None."""
    return Attr(name, _optional(lambda t: tuple(_items(t, _number))), default)


def limits(name: str, default: Any = _REQUIRED) -> Attr:
    """Whole numbers or Nones as a tuple."""
    return Attr(name, lambda t: tuple(_items(t, _optional(_integer))), default)


def pairs(name: str, default: Any = _REQUIRED) -> Attr:
    """A tuple of tuples of whole numbers."""
    return Attr(name, _pairs, default)


def dtype(name: str = "dtype", default: Any = _REQUIRED) -> Attr:
    """An element type's name, or None."""
    return Attr(name, _optional(dtype_name), default)


def dtype_name(given: str) -> str:
    """The name of an element type, which may be MXNet's number. ValueError for another word."""
    if given.isdigit() and int(given) < len(TYPE_NUMBERS):
        return TYPE_NUMBERS[int(given)]
    name = given.removeprefix("<class 'numpy.").removesuffix("'>")
    if name not in TYPE_NUMBERS:
        raise ValueError("it is no element type")
    return name


def element_type(name: str | None) -> DType | None:
    """The DType of an element type's name."""
    return None if name is None else dtype_of(name)


def _optional(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda given: None if given in _NONE else parse(given)


def _integer(given: str) -> int:
    found = re.fullmatch(r"[+-]?\d{1,19}", given.removesuffix("L"))
    if found is not None:
        return int(found[0])
    as_float = float(given)
    if not as_float.is_integer():
        raise ValueError("it is no whole number")
    return int(as_float)


def _number(given: str) -> float:
    value = float(given.removesuffix("f"))
    if math.isnan(value):
        raise ValueError("it is no number")
    return value


def _flag(given: str) -> bool:
    if given.lower() not in _FLAGS:
        raise ValueError("it is neither True nor False")
    return _FLAGS[given.lower()]


def _items(given: str, parse: Callable[[str], Any]) -> Iterator[Any]:
    """The items of "(1, 2)", "[1, 2]" or "1"."""
    inside = _without_brackets(given)
    parts = [part.strip() for part in inside.split(",")]
    if parts and not parts[-1]:  # of "(3,)" and "()"
        parts.pop()
    if len(parts) > _MOST_NUMBERS:
        raise ValueError(f"more than {_MOST_NUMBERS} numbers")
    return map(parse, parts)


def _without_brackets(given: str) -> str:
    if given[:1] not in _BRACKETS:
        return given
    if given[-1] != _BRACKETS[given[0]] or len(given) < 2:
        raise ValueError("its brackets do not match")
    return given[1:-1]


def _pairs(given: str) -> tuple[tuple[int, ...], ...]:
    """((1, 1), (0, 2)) or [[1,1],[0,2]]."""
    found = re.findall(r"[\[(]([^\[\]()]*)[\])]", _without_brackets(given))
    return tuple(tuple(_items(part, _integer)) for part in found)
