"""Functions and ops as text: stable, deterministic, and read back exactly by `baryon.ir.parser`.

The grammar is on docs/spec/ir.md. Values keep their names; unnamed ones are numbered in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from baryon.ir.core import Attr, Func, Loc, Op, Region, Value
from baryon.ir.dtypes import DType

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def print_func(func: Func, *, locs: bool = True, indent: str = "") -> str:
    """The text of one function, without a line end."""
    names = Names()
    args = ", ".join(_arg(v, names) for v in func.inputs)
    outputs = ", ".join(map(quote_name, func.output_names))
    head = f"{indent}func @{quote_name(func.name)}({args}) -> ({outputs}) {{"
    body = _ops(func.body, names, locs, indent + "  ")
    return "\n".join([head, *body, indent + "}"])


def print_op(op: Op, *, locs: bool = True) -> str:
    """The text of one op outside its function; operands are numbered from 0."""
    return "\n".join(_op(op, Names(), locs, ""))


class Names:
    """Gives every value one name: its own if free, else that with a number, else a number.

    An own name that is a number stands in quotes.
    """

    def __init__(self) -> None:
        self._of: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        """For each name the number up to which it is taken: files may use one for all values."""
        self._next = 0

    def __call__(self, value: Value) -> str:
        """The value's name as text, with its percent sign."""
        if value not in self._of:
            self._of[value] = self._fresh(value.name)
            self._taken.add(self._of[value])
        return f"%{self._of[value]}"

    def _fresh(self, wish: str) -> str:
        if not wish:
            self._next += 1
            return str(self._next - 1)
        n = self._numbers.get(wish, 0)
        text = quote_value(f"{wish}.{n}" if n else wish)
        while text in self._taken:
            n += 1
            text = quote_value(f"{wish}.{n}")
        self._numbers[wish] = n
        return text


def quote_name(name: str) -> str:
    """A name as the grammar takes it: quoted unless it is an identifier or a number."""
    return name if name.isdecimal() or _PLAIN_NAME.fullmatch(name) else json.dumps(name)


def quote_value(name: str) -> str:
    """The name of a value as the grammar takes it: a number stands in quotes, too."""
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)


def format_attr(value: Attr) -> str:
    """The text of an attribute value."""
    if isinstance(value, tuple):
        # thousands of scales are the common long tuple: repr is what each of them would come to
        write = repr if {*map(type, value)} <= {float} else format_attr
        return "(" + ", ".join(map(write, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, DType):
        return f"!{value}"
    return repr(value) if value is not None else "none"


def format_attrs(attrs: Iterable[tuple[str, Attr]]) -> str:
    """The text of an attribute dictionary with a leading blank, or nothing when it is empty."""
    text = ", ".join(f"{k}={format_attr(v)}" for k, v in sorted(attrs))
    return f" {{{text}}}" if text else ""


def _arg(value: Value, names: Names) -> str:
    return f"{names(value)}: {value.type}"


def _ops(region: Region, names: Names, locs: bool, indent: str) -> Iterator[str]:
    for op in region.ops:
        yield from _op(op, names, locs, indent)


def _op(op: Op, names: Names, locs: bool, indent: str) -> Iterator[str]:
    operands = ", ".join(map(names, op.operands))
    types = ", ".join(str(r.type) for r in op.results)
    left = ", ".join(map(names, op.results)) + " = " if op.results else ""
    head = f"{indent}{left}{op.name}({operands}){format_attrs(op.attrs.items())}"
    head += f" : {types}" if types else ""
    if op.regions and not (types or op.attrs):
        head += " {}"  # or the region's brace would read as the attributes'
    if not op.regions:
        yield head + _loc(op.loc, locs)
        return
    yield head + " {"
    yield from _regions(op.regions, names, locs, indent)
    yield indent + "}" + _loc(op.loc, locs)


def _regions(regions: Sequence[Region], names: Names, locs: bool, indent: str) -> Iterator[str]:
    for region in regions:
        yield f"{indent}  ({', '.join(_arg(v, names) for v in region.args)}):"
        yield from _ops(region, names, locs, indent + "    ")


def _loc(loc: Loc, locs: bool) -> str:
    if not locs or loc.source == "?":
        return ""
    return f" @ {json.dumps(loc.source)}" + (f":{loc.line}" if loc.line else "")
