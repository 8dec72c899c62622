"""Reads the IR's text form; the inverse of `baryon.ir.printer`. Grammar: docs/spec/ir.md."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TypeVar

import numpy as np

from baryon.ir.core import UNKNOWN, Array, Attr, Func, Loc, Op, Region, Value
from baryon.ir.diagnostics import ParseError
from baryon.ir.dtypes import DTYPES, DType
from baryon.ir.lexer import Tokens
from baryon.ir.module import Module
from baryon.ir.types import Dim, Layout, Quant, Sym, TensorType

_T = TypeVar("_T")
_NUMBER_AS_NAME = "\0"
"""Tells the name `"0"` from the value that has none and is counted as 0."""
_WORDS: dict[str, Attr] = {"True": True, "False": False, "none": None}


def parse_module(
    text: str, *, source: str = "<text>", constants: Mapping[str, Array] | None = None
) -> Module:
    """The module that `text` describes.

    constants: payloads of the constants that the text calls `external`.
    Raises ParseError with line, column and a caret.
    """
    return _Parser(text, source, constants or {}).module()


class _Parser:
    def __init__(self, text: str, source: str, constants: Mapping[str, Array]) -> None:
        self.tokens, self.external = Tokens(text, source), constants
        self.values: dict[str, Value] = {}

    def module(self) -> Module:
        module, tokens = Module(), self.tokens
        tokens.need("module", "{")
        while not tokens.skip("}"):
            if tokens.skip("symbol"):
                self.symbol(module)
            elif tokens.skip("constant"):
                self.constant(module)
            elif tokens.skip("fixed"):
                self.fixed(module)
            else:
                self.add_func(module)
        tokens.kind("end")
        return module

    def add_func(self, module: Module) -> None:
        self.tokens.need("func", "@")
        name = self.fresh(self.name(), module.funcs, "@")
        module.funcs[name] = self.func(name)

    def fresh(self, name: str, taken: Container[str], sigil: str = "") -> str:
        """The name just read, unless something else has it."""
        if name in taken:
            raise self.tokens.error_before(f"{sigil}{name} is defined twice")
        return name

    def symbol(self, module: Module) -> None:
        name = self.fresh(self.tokens.kind("name"), module.symbols)
        self.tokens.need("in")
        low = self.integer()
        self.tokens.need("..")
        module.symbols[name] = (low, self.integer())

    def constant(self, module: Module) -> None:
        self.tokens.need("@")
        name = self.fresh(self.name(), module.constants, "@")
        self.tokens.need(":")
        type = self.type()
        if not type.is_static:
            raise self.tokens.error("a constant has no symbolic dimension")
        self.tokens.need("=")
        module.constants[name] = self.payload(name, type)

    def fixed(self, module: Module) -> None:
        self.tokens.need("%")
        name = self.fresh(self.name(), module.fixed, "%")
        self.tokens.need("=", "@")
        module.fixed[name] = self.name()

    def payload(self, name: str, type: TensorType) -> Array:
        if self.tokens.skip("external"):
            return self.external_payload(name, type)
        splat = self.tokens.skip("splat")
        elements = self.list_of(lambda: self.element(type.dtype), "(", ")")
        wanted = 1 if splat else type.numel()
        if len(elements) != wanted:
            raise self.tokens.error_before(f"{type} has {wanted} elements, not {len(elements)}")
        array = np.array(elements, type.dtype.numpy)
        if splat:  # no memory for all those equal elements
            return np.broadcast_to(array.reshape(()), type.static_shape)
        return array.reshape(type.static_shape)

    def element(self, dtype: DType) -> Attr:
        value = self.attr()
        fits = isinstance(value, bool) if dtype.kind == "bool" else _is_number(value)
        if fits and dtype.kind in ("int", "uint"):
            low, high = dtype.limits
            fits = isinstance(value, int) and low <= value <= high
        if not fits:
            raise self.tokens.error_before(f"{value!r} does not fit {dtype}")
        return value

    def external_payload(self, name: str, type: TensorType) -> Array:
        if name not in self.external:
            raise self.tokens.error(f"the payload of the external constant @{name} is not given")
        array = self.external[name]
        if array.shape != type.shape or array.dtype != type.dtype.numpy:
            raise self.tokens.error(f"the payload of @{name} is {array.dtype}{array.shape}")
        return array

    def func(self, name: str) -> Func:
        self.values = {}
        region = self.region_args()
        self.tokens.need("->")
        outputs = self.list_of(self.name, "(", ")")
        self.tokens.need("{")
        while not self.tokens.skip("}"):
            region.append(self.op())
        return Func(name, region, outputs)

    def region_args(self) -> Region:
        args = self.list_of(self.arg, "(", ")")
        region = Region([t for _, t in args], [_value_name(n) for n, _ in args])
        self.define([n for n, _ in args], region.args)
        return region

    def arg(self) -> tuple[str, TensorType]:
        name = self.new_value_name()
        self.tokens.need(":")
        return name, self.type()

    def define(self, names: Sequence[str], values: Sequence[Value]) -> None:
        for name, value in zip(names, values, strict=True):
            value.name = _value_name(name)
            self.values[self.fresh(name, self.values, "%")] = value

    def op(self) -> Op:
        names = self.result_names()
        op_name = self.tokens.kind("name")
        operands = self.list_of(self.use, "(", ")")
        attrs = self.pairs("{", "}") if self.has_attrs() else {}
        types = self.comma_separated(self.type) if self.tokens.skip(":") else []
        regions = self.regions() if self.tokens.skip("{") else []
        if len(types) != len(names):
            raise self.tokens.error_before(
                f"{op_name} has {len(types)} types for {len(names)} results"
            )
        op = Op(op_name, operands, types, attrs, regions, self.loc())
        self.define(names, op.results)
        return op

    def has_attrs(self) -> bool:
        return self.tokens.peek.text == "{"

    def result_names(self) -> list[str]:
        if self.tokens.peek.text != "%":
            return []
        names = self.comma_separated(self.new_value_name)
        self.tokens.need("=")
        return names

    def new_value_name(self) -> str:
        return self.fresh(self.value_name(), self.values, "%")

    def regions(self) -> list[Region]:
        found = []
        while not self.tokens.skip("}"):
            region = self.region_args()
            self.tokens.need(":")
            while self.tokens.peek.text not in ("(", "}"):
                region.append(self.op())
            found.append(region)
        return found

    def use(self) -> Value:
        name = self.value_name()
        if name not in self.values:
            raise self.tokens.error_before(f"%{name} is used before it is defined")
        return self.values[name]

    def value_name(self) -> str:
        self.tokens.need("%")
        is_quoted = self.tokens.peek.kind == "string"
        name = self.name()
        is_mistaken = is_quoted and (name.isdecimal() or name.startswith(_NUMBER_AS_NAME))
        return f"{_NUMBER_AS_NAME}{name}" if is_mistaken else name

    def name(self) -> str:
        return self.tokens.kind("name", "string", "number")

    def pairs(self, opening: str, closing: str) -> dict[str, Attr]:
        found: dict[str, Attr] = {}

        def pair() -> None:
            key = self.fresh(self.tokens.kind("name"), found)
            self.tokens.need("=")
            found[key] = self.attr()

        self.list_of(pair, opening, closing)
        return found

    def attr(self) -> Attr:
        token = self.tokens.peek
        if token.text == "(" and token.kind == "punct":
            return tuple(self.list_of(self.attr, "(", ")"))
        if self.tokens.skip("!"):
            return self.dtype()
        if token.kind == "name" and token.text in _WORDS:
            return _WORDS[self.tokens.take().text]
        text = self.tokens.kind("string", "number")
        if token.kind == "string":
            return text
        return int(text) if text.lstrip("-").isdecimal() else float(text)

    def type(self) -> TensorType:
        dtype = self.dtype()
        shape = tuple(self.list_of(self.dim, "[", "]"))
        quant = self.quant() if self.tokens.peek.text == "<" else None
        return TensorType(shape, dtype, quant, self.layout())

    def dtype(self) -> DType:
        name = self.tokens.peek.text
        if name not in DTYPES:
            raise self.tokens.error(f"{name!r} is not an element type ({', '.join(DTYPES)})")
        self.tokens.take()
        return DTYPES[name]

    def dim(self) -> Dim:
        if self.tokens.peek.kind == "name":
            return Sym(self.tokens.take().text)
        size = self.size()
        return Sym(self.tokens.kind("name"), size) if self.tokens.skip("*") else size

    def quant(self) -> Quant:
        fields = self.pairs("<", ">")
        scale, zero = (_as_tuple(fields.get(k, ())) for k in ("scale", "zero"))
        axis = fields.get("axis")
        scales = tuple(float(s) for s in scale if isinstance(s, float | int))
        zeros = tuple(z for z in zero if isinstance(z, int))
        return Quant(scales, zeros, axis if isinstance(axis, int) else None)

    def layout(self) -> Layout | None:
        ahead = self.tokens.ahead(2)
        if [t.text for t in ahead] != ["{", "channels_last"]:
            return None
        self.tokens.need("{", "channels_last")
        pitch = None
        if self.tokens.skip(","):
            self.tokens.need("pitch", "=")
            pitch = self.integer()
        self.tokens.need("}")
        return Layout(pitch)

    def loc(self) -> Loc:
        if not self.tokens.skip("@"):
            return UNKNOWN
        source = self.tokens.kind("string")
        return Loc(source, self.integer()) if self.tokens.skip(":") else Loc(source)

    def size(self) -> int:
        if self.tokens.peek.text.startswith("-"):
            raise self.tokens.error(f"a dimension is not negative: {self.tokens.peek.text}")
        return self.integer()

    def integer(self) -> int:
        text = self.tokens.peek.text
        if not text.lstrip("-").isdecimal():
            raise self.tokens.error(f"expected a whole number but found {text!r}")
        return int(self.tokens.take().text)

    def list_of(self, item: Callable[[], _T], opening: str, closing: str) -> list[_T]:
        self.tokens.need(opening)
        items: list[_T] = []
        while not self.tokens.skip(closing):
            items.append(item())
            if not self.tokens.skip(","):
                self.tokens.need(closing)
                break
        return items

    def comma_separated(self, item: Callable[[], _T]) -> list[_T]:
        items = [item()]
        while self.tokens.skip(","):
            items.append(item())
        return items


def _value_name(text: str) -> str:
    return "" if text.isdecimal() else text.removeprefix(_NUMBER_AS_NAME)


def _is_number(value: Attr) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_tuple(value: Attr) -> tuple[Attr, ...]:
    return value if isinstance(value, tuple) else (value,)


__all__ = ["ParseError", "parse_module"]
