"""Groups of quantized factors: against the interpreter, and to the bit between instruction sets.

Sums of codes are exact in a kernel; the interpreter sums real numbers in float32. A result that is
quantized may so fall to the neighbouring code where it lies in the middle of two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from baryon.codegen.compiler import compile_groups
from baryon.codegen.exact import exact
from baryon.codegen.kernels.quantized import QuantizedFactors
from baryon.codegen.kernels.requantize import Scaling
from baryon.codegen.targets import get_target
from baryon.ir import Array, Quant
from baryon.ops.quantize import QUANTIZE
from codegen.harness import Case

AVX2 = get_target("x86-64-v3")
WORDS = replace(AVX2, code_depths=4)
"""VNNI's schedule, its instruction written out in arithmetic."""
TARGETS = {
    name: exact(target)
    for name, target in {
        "avx2": AVX2,
        "words of four": WORDS,
        "baseline": get_target("x86-64-v2"),
    }.items()
}


def numbers(quant: Quant) -> str:
    """The attributes of the ops that carry these numbers."""
    axis = "" if quant.axis is None else f", axis={quant.axis}"
    scale, zero = (f"({', '.join(map(repr, v))},)" for v in (quant.scale, quant.zero))
    return f"scale={scale}, zero={zero}{axis}"


@dataclass
class Text:
    """A module under construction."""

    ops: list[str]
    constants: dict[str, Array]
    types: dict[str, str]

    def read(self, name: str, shape: str, quant: Quant) -> str:
        """The op that dequantizes a value of codes."""
        self.ops.append(f"%{name}_r = ir.dequantize(%{name}) {{{numbers(quant)}}} : f32{shape}")
        return f"%{name}_r"

    def weight(self, shape: tuple[int, ...], per_channel: bool, unsigned: bool) -> str:
        """A constant of codes, dequantized."""
        rng = np.random.default_rng(3)
        dtype = "u8" if unsigned else "i8"
        places = shape[0] if per_channel else 1
        zero = (128,) if unsigned else (0,)
        quant = Quant.of(
            rng.uniform(0.001, 0.01, places).tolist(), zero, 0 if per_channel else None
        )
        values = rng.integers(0, 256, shape).astype(np.uint8)
        self.constants["w"] = values if unsigned else values.view(np.int8)
        dims = f"[{','.join(map(str, shape))}]"
        self.types["w"] = f"{dtype}{dims}{quant}"
        return self.read("w", dims, quant)

    def case(self, args: str, out: str, kind: str = "implicit_gemm") -> Case:
        """The module with its constants, as a group."""
        declared = "\n".join(f"constant @{n} : {t} = external" for n, t in self.types.items())
        loads = [f'%{n} = ir.constant() {{name="{n}"}} : {t}' for n, t in self.types.items()]
        body = "\n".join([*loads, *self.ops, f"ir.return(%{out})"])
        text = f"module {{\n{declared}\nfunc @main({args}) -> (o) {{\n{body}\n}}\n}}"
        return Case(text, kind, constants=self.constants)


U8, I8 = Quant.of((0.05,), (117,)), Quant.of((0.04,), (-3,))
OUT = Quant.of((0.3,), (128,))


def scaled(quant: Quant, scale: float) -> Quant:
    """Codes that mean numbers so many times as large."""
    return Quant.of([scale * s for s in quant.scale], quant.zero, quant.axis)


@dataclass(frozen=True)
class Shape:
    """A convolution."""

    c: int
    o: int
    size: int
    k: int = 1
    stride: int = 1
    pad: int = 0
    groups: int = 1
    batch: int = 1


def convolution(
    shape: Shape, codes: str = "u8", per_channel: bool = True, unsigned: bool = False,
    residual: bool = False, stored: str = "u8", fixed: bool = False, rounded: bool = False,
    scale: float = 1.0, step: float = 1.0,
) -> Case:  # fmt: skip
    """Codes in; convolution, bias, perhaps a residual sum, ReLU; codes or reals out.

    fixed: whether the bias is a constant. rounded: whether the sum reads the convolution as codes.
    scale: of all scales. step: of that of the result alone.
    """
    s, text = shape, Text([], {}, {})
    out = (s.size + 2 * s.pad - s.k) // s.stride + 1
    data, result = f"[{s.batch},{s.c},{s.size},{s.size}]", f"[{s.batch},{s.o},{out},{out}]"
    quant = scaled(U8 if codes == "u8" else I8, scale)
    last = "{channels_last}"
    args = [f"%x: {codes}{data}{quant}{last}"]
    x = text.read("x", data + last, quant)
    w = text.weight((s.o, s.c // s.groups, s.k, s.k), per_channel, unsigned)
    attrs = f"kernel=({s.k}, {s.k}), stride=({s.stride}, {s.stride}), pad=({s.pad}, {s.pad})"
    if fixed:
        text.constants["b"] = np.linspace(-3, 3, s.o, dtype=np.float32) * np.float32(scale)
        text.types["b"] = f"f32[{s.o}]"
    else:
        args.append(f"%b: f32[{s.o}]")
    text.ops.append(
        f"%y = npx.convolution({x}, {w}, %b) {{{attrs}, num_group={s.groups}}} : f32{result}{last}"
    )
    name = "y"
    made = scaled(OUT if stored == "u8" else I8, scale * step)
    if rounded:
        attrs = f'dtype="{stored}", {numbers(made)}'
        text.ops.append(f"%k = ir.quantize(%y) {{{attrs}}} : {stored}{result}{made}{last}")
        name = text.read("k", result + last, made)[1:]
    if residual:
        args.append(f"%z: {codes}{result}{quant}{last}")
        z = text.read("z", result + last, quant)
        text.ops.append(f"%a = np.add(%{name}, {z}) : f32{result}{last}")
        name = "a"
    text.ops.append(f"%r = npx.relu(%{name}) : f32{result}{last}")
    if stored == "f32":
        return text.case(", ".join(args), "r")
    attrs = f'dtype="{stored}", {numbers(made)}'
    text.ops.append(f"%q = ir.quantize(%r) {{{attrs}}} : {stored}{result}{made}{last}")
    return text.case(", ".join(args), "q")


def check(case: Case) -> None:
    """Near the interpreter, and equal on all targets."""
    want = case.expected()[0]
    results = []
    for target in TARGETS.values():
        other = replace(case, target=target)
        results.append(other.run()[0])
    for got in results:
        assert np.array_equal(results[0], got)
    compare(results[0], want)


def compare(got: Array, want: Array) -> None:
    """Near, single codes apart."""
    assert got.dtype == want.dtype
    difference = np.abs(got.astype(np.float64) - want.astype(np.float64))
    if want.dtype == np.float32:
        assert difference.max() <= 1e-5 * np.abs(want).max()
    else:
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01


SHAPES = {
    "pointwise": Shape(32, 48, 9),
    "odd channels": Shape(13, 21, 7),
    "three taps": Shape(16, 24, 10, 3, 1, 1),
    "image": Shape(3, 24, 17, 7, 2, 3),
    "one channel": Shape(1, 8, 9, 3, 1, 1),
    "groups": Shape(12, 24, 8, 3, 1, 1, 3),
    "narrow groups": Shape(8, 8, 6, 3, 2, 1, 4),
    "depthwise": Shape(24, 24, 9, 3, 1, 1, 24),
    "depthwise, strides": Shape(13, 13, 9, 3, 2, 1, 13),
    "batch": Shape(16, 16, 5, 3, 1, 1, 1, 3),
    "few outputs": Shape(20, 3, 5),
}
KINDS: dict[str, dict[str, Any]] = {
    "u8": {},
    "i8": {"codes": "i8", "stored": "i8"},
    "one scale": {"per_channel": False, "stored": "f32"},
    "residual": {"residual": True},
    "constant bias": {"fixed": True, "residual": True},
    "rounded before the sum": {"fixed": True, "residual": True, "rounded": True, "codes": "i8"},
    "unsigned filters": {"unsigned": True, "codes": "i8", "residual": True},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SHAPES)
def test_convolution(name: str, kind: str) -> None:
    check(convolution(SHAPES[name], **KINDS[kind]))


def test_groups_with_other_scales_share_a_kernel() -> None:
    """Zero points that are 0 are not added, so they tell kernels apart."""
    shape = SHAPES["pointwise"]
    cases = [convolution(shape, fixed=True, residual=True, scale=s) for s in (1.0, 0.7)]
    other = convolution(shape, fixed=True, residual=True, stored="i8")
    compiled = compile_groups([c.group for c in (*cases, other)], AVX2)
    assert compiled[0] is compiled[1]
    assert compiled[0] is not compiled[2]
    first, second = cases
    second.kernel = first.kernel
    compare(second.run()[0], second.expected()[0])


@pytest.mark.parametrize(("step", "are_small"), [(1.0, True), (1e-9, False)])
def test_steps_beyond_int32_saturate(step: float, are_small: bool) -> None:
    """Kernels that need not look for them are written only where there are none."""
    case = convolution(SHAPES["pointwise"], fixed=True, residual=True, step=step)
    factors = QuantizedFactors.of(case.group)
    assert factors is not None
    scaling = Scaling(case.group, factors)
    assert [scaling.are_small(op) for op in scaling.ops if op.name == QUANTIZE] == [are_small]
    check(case)


def test_data_is_quantized_on_the_way() -> None:
    """A prologue that ends in codes runs as the strip is filled."""
    text = Text([], {}, {})
    data, result = "[2,16,7,7]", "[2,24,7,7]"
    last = "{channels_last}"
    text.ops.append(f"%t = npx.relu(%x) : f32{data}{last}")
    attrs = f'dtype="u8", {numbers(U8)}'
    text.ops.append(f"%q = ir.quantize(%t) {{{attrs}}} : u8{data}{U8}{last}")
    q = text.read("q", data + last, U8)
    w = text.weight((24, 16, 3, 3), True, False)
    text.ops.append(
        f"%y = npx.convolution({q}, {w}) {{kernel=(3, 3), pad=(1, 1)}} : f32{result}{last}"
    )
    check(text.case(f"%x: f32{data}{last}", "y"))


@pytest.mark.parametrize(("rows", "depth", "outputs"), [(1, 300, 70), (37, 65, 48)])
def test_fully_connected(rows: int, depth: int, outputs: int) -> None:
    text = Text([], {}, {})
    x = text.read("x", f"[{rows},{depth}]", I8)
    w = text.weight((outputs, depth), True, False)
    text.ops.append(f"%y = npx.fully_connected({x}, {w}, %b) : f32[{rows},{outputs}]")
    check(text.case(f"%x: i8[{rows},{depth}]{I8}, %b: f32[{outputs}]", "y"))


def test_only_filters_are_codes() -> None:
    """They are dequantized when compiling; products are of real numbers."""
    text = Text([], {}, {})
    w = text.weight((20, 33), True, False)
    text.ops.append(f"%y = npx.fully_connected(%x, {w}) : f32[7,20]")
    text.case("%x: f32[7,33]", "y").check(1e-5, 1e-5)


def test_a_byte_for_a_weight() -> None:
    """Where filters are not transformed."""
    case = convolution(SHAPES["groups"])
    kinds = {t.dtype for t in case.kernel.types}
    assert "int8" in kinds
    filters = next(t for t in case.kernel.types if t.dtype == "int8")
    assert filters.count == 4 * 9 * 24
