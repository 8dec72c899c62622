"""The text form: whatever a module holds, printing and parsing gives it back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baryon.ir import (
    CONSTANT,
    DTYPES,
    RETURN,
    UNKNOWN,
    Array,
    Attr,
    Dim,
    Func,
    Layout,
    Loc,
    Module,
    Op,
    ParseError,
    Quant,
    Region,
    Sym,
    TensorType,
    Value,
    dtype_of,
    parse_module,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

# names that users and importers come up with: empty, numbers, spaces, quotes, other scripts, words
# and numbers of the grammar itself
NAMES = st.one_of(
    st.sampled_from(
        ["", "x", "x.1", "0", "12", "-1", "1.5", "inf", "nan.0", "inf.1", "func", "True", "f32"]
    ),
    st.sampled_from(["conv2d/weight:0", 'a"b\\c', "a b", "größe", "变量", "%x", "@", "//", "\n"]),
    st.text(max_size=5),
)
SYMBOLS = st.lists(st.sampled_from(["N", "batch", "seq_len", "_k"]), unique=True, max_size=2)
FLOATS = st.floats(allow_nan=True)
SCALES = st.floats(1e-6, 1e3)
ATTRS: st.SearchStrategy[Attr] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        FLOATS,
        st.text(max_size=6),
        st.sampled_from(sorted(DTYPES.values(), key=str)),
    ),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)
ATTR_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in ("inf", "nan")
)
LOCS = st.one_of(
    st.just(UNKNOWN),
    st.builds(Loc, st.text(min_size=1, max_size=8).filter(lambda s: s != "?"), st.integers(0, 99)),
)


def draw_type(draw: Draw, symbols: list[str]) -> TensorType:
    dims: st.SearchStrategy[Dim] = st.integers(0, 70)
    if symbols:
        dims = dims | st.builds(Sym, st.sampled_from(symbols), st.integers(1, 6))
    shape = tuple(draw(st.lists(dims, max_size=4)))
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    quant = draw(st.one_of(st.none(), draw_quant()))
    layout = draw(st.one_of(st.none(), st.builds(Layout, st.none() | st.integers(1, 999))))
    return TensorType(shape, dtype, quant, layout)


def draw_quant() -> st.SearchStrategy[Quant]:
    per_tensor = st.builds(
        Quant, st.tuples(SCALES), st.tuples(st.integers(-128, 255)), st.none() | st.integers(0, 3)
    )
    per_axis = st.builds(
        Quant,
        st.tuples(SCALES, SCALES, SCALES),
        st.tuples(*[st.integers(-128, 127)] * 3),
        st.integers(0, 3),
    )
    return per_tensor | per_axis


def draw_constant(draw: Draw) -> Array:
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))].numpy
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
    size = math.prod(shape)
    if draw(st.booleans()):  # one value everywhere, the case that prints as splat
        size_drawn, repeat = 1, size
    else:
        size_drawn, repeat = size, 1
    raw = draw(
        st.binary(min_size=size_drawn * dtype.itemsize, max_size=size_drawn * dtype.itemsize)
    )
    digits = 1 if dtype.kind == "b" else min(8, dtype_of(dtype).bits)
    raw = bytes(b & (1 << digits) - 1 for b in raw)
    return np.frombuffer(bytearray(raw * repeat), dtype).reshape(shape)


class ModuleDrawer:
    """Draws a module; ops are of any name, since the text form knows no ops."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.module = Module()

    def run(self) -> Module:
        draw, module = self.draw, self.module
        for name in draw(SYMBOLS):
            low = draw(st.integers(1, 4))
            module.symbols[name] = (low, low + draw(st.integers(0, 9)))
        for name in draw(st.lists(NAMES, max_size=3, unique=True)):
            module.constants[name] = draw_constant(draw)
        for name in module.constants:
            module.fixed[draw(NAMES)] = name
        for name in draw(st.lists(NAMES, min_size=1, max_size=2, unique=True)):
            region = self.region([], depth=0)
            outputs = draw(st.lists(NAMES, max_size=3))
            module.funcs[name] = Func(name, region, outputs)
        return module

    def types(self, most: int) -> list[TensorType]:
        count = self.draw(st.integers(0, most))
        return [draw_type(self.draw, [*self.module.symbols]) for _ in range(count)]

    def region(self, visible: list[Value], depth: int) -> Region:
        types = self.types(2)
        names = self.draw(st.lists(NAMES, min_size=len(types), max_size=len(types)))
        region = Region(types, names)
        visible = [*visible, *region.args]
        for _ in range(self.draw(st.integers(0, 3))):
            op = region.append(self.op(visible, depth))
            visible += op.results
        region.append(Op(RETURN, self.operands(visible), (), loc=self.draw(LOCS)))
        return region

    def operands(self, visible: list[Value]) -> list[Value]:
        if not visible:
            return []
        picks = self.draw(st.lists(st.integers(0, len(visible) - 1), max_size=3))
        return [visible[i] for i in picks]

    def op(self, visible: list[Value], depth: int) -> Op:
        draw = self.draw
        name = draw(st.sampled_from(["np.add", "npx.relu", "ir.fused", CONSTANT, "x"]))
        attrs = draw(st.dictionaries(ATTR_NAMES, ATTRS, max_size=3))
        count = draw(st.integers(0, 2)) if depth < 2 else 0
        regions = [self.region(visible, depth + 1) for _ in range(count)]
        op = Op(name, self.operands(visible), self.types(2), attrs, regions, draw(LOCS))
        for result in op.results:
            result.name = draw(NAMES)
        return op


@st.composite
def modules(draw: Draw) -> Module:
    return ModuleDrawer(draw).run()


def describe(region: Region, number: dict[Value, int]) -> list[Any]:
    """Everything that a region says, with values numbered in the order of their definition."""
    for value in region.args:
        number[value] = len(number)
    ops = []
    for op in region.ops:
        operands = [number[v] for v in op.operands]
        inner = [describe(r, number) for r in op.regions]
        for value in op.results:
            number[value] = len(number)
        types = [v.type for v in op.results]
        ops.append((op.name, operands, repr(sorted(op.attrs.items())), types, inner, op.loc))
    return [[v.type for v in region.args], ops]


def same_bits(a: Array, b: Array) -> bool:
    """Equal element by element, any NaN equal to any other."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if dtype_of(a.dtype).is_float:
        with np.errstate(invalid="ignore"):  # widening a signalling NaN
            return np.array_equal(a.astype(np.float64), b.astype(np.float64), equal_nan=True)
    return np.array_equal(a, b)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(modules())
def test_print_and_parse_gives_the_module_back(module: Module) -> None:
    text = str(module)
    back = parse_module(text, constants=module.constants)
    assert str(back) == text
    assert (back.symbols, back.fixed) == (module.symbols, module.fixed)
    assert back.constants.keys() == module.constants.keys()
    assert all(same_bits(back.constants[k], v) for k, v in module.constants.items())
    assert [f.output_names for f in back.funcs.values()] == [
        f.output_names for f in module.funcs.values()
    ]
    for ours, theirs in zip(module.funcs.values(), back.funcs.values(), strict=True):
        assert describe(theirs.body, {}) == describe(ours.body, {})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(modules(), st.data())
def test_damaged_text_parses_or_is_a_parse_error(module: Module, data: st.DataObject) -> None:
    text = str(module)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 6)))
    damaged = (
        text[:start] + data.draw(st.text('{}()[]<>:=,@%!"*.-0aN\\ \n', max_size=3)) + text[end:]
    )
    try:
        parse_module(damaged, constants=module.constants)
    except ParseError as error:
        assert error.where is not None
        assert error.where.startswith("<text>:")


def test_the_text_of_a_small_module() -> None:
    text = """\
module {
  symbol N in 1..8
  constant @w : f32[3] = (0.5, -1.0, inf)
  constant @zeros : i8[64] = splat(0)
  constant @shape : i64[2] = (2, 3)
  fixed %"0" = @shape

  func @main(%x: f32[N,3], %"0": i64[2]) -> (out) {
    %w = ir.constant() {name="w"} : f32[3] @ "net.py":7
    %y = ir.fused(%x, %w) {kind="elementwise"} : f32[N,3] {
      (%a: f32[N,3], %b: f32[3]):
        %0 = np.add(%a, %b) : f32[N,3] @ "net.py":8
        %1 = npx.relu(%0) : f32[N,3]{channels_last, pitch=9}
        ir.return(%1)
    }
    ir.return(%y)
  }
}
"""
    assert str(parse_module(text)) == text


@pytest.mark.parametrize("name", ["5", "\0", "\x005", "\0\0"])
def test_names_that_could_be_taken_for_numbers_stay(name: str) -> None:
    quoted = json.dumps(name)
    text = (
        f"module {{\n  func @main(%{quoted}: f32[2]) -> (y) {{\n    return(%{quoted})\n  }}\n}}\n"
    )
    module = parse_module(text)
    assert module.main.inputs[0].name == name
    assert parse_module(str(module)).main.inputs[0].name == name
