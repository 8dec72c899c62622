"""The small element types compiled: the bits that the interpreter gives, for all that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from baryon.build import Options, build, in_process
from baryon.interp import run
from baryon.ir import SMALL_DTYPES, Array, Module, dtype_of, parse_module
from baryon.ops.small import ROUNDINGS

CODES = {t: np.arange(1 << t.bits, dtype=np.uint8).view(t.numpy) for t in SMALL_DTYPES}


def module_of(args: str, ops: Sequence[str], names: Sequence[str], head: str = "") -> Module:
    outs = ", ".join(names)
    body = "\n".join(ops)
    returned = ", ".join(f"%{n}" for n in names)
    return parse_module(
        f"module {{ {head} func @main({args}) -> ({outs}) {{\n{body}\nir.return({returned})\n}} }}"
    )


def check(module: Module, *inputs: Any) -> None:
    """Compile, run, and compare bits; NaNs of the large floats are equal to each other."""
    want = run(module, inputs)
    got = in_process(build(module, Options()))(*inputs)
    names = module.main.output_names
    for name, y, z in zip(
        names, got if isinstance(got, tuple | list) else [got], want, strict=True
    ):
        assert y.dtype == z.dtype
        assert np.array_equal(bits_of(y), bits_of(z)), name


def bits_of(x: Any) -> Array:
    dtype = dtype_of(x.dtype)
    if dtype.is_float and not dtype.is_small:
        x = np.where(np.isnan(x), np.float64(np.nan), x.astype(np.float64))
    return np.ascontiguousarray(x).view(f"u{x.itemsize}")


def spread() -> Any:
    """Numbers of all sizes, those of the small floats, their middles, and the neighbours."""
    few = [np.arange(0, 1 << 32, 99_991, dtype=np.uint64).astype(np.uint32).view(np.float32)]
    for dtype in (t for t in SMALL_DTYPES if t.is_float):
        known = np.unique(CODES[dtype].astype(np.float32))
        known = known[np.isfinite(known)]
        middle = (known[1:] / 2 + known[:-1] / 2).astype(np.float32)
        few += [known, middle, np.nextafter(middle, np.float32(0))]
    odd = np.array([0, -0.0, np.nan, -np.nan, np.inf, -np.inf], np.float32)
    return np.concatenate([*few, odd])


def test_narrowing() -> None:
    x = spread()
    ops, names = [], []
    for dtype in (t for t in SMALL_DTYPES if t.is_float):
        modes = ROUNDINGS if dtype.format and not dtype.format.mantissa else ("up",)
        for saturate, rounding in ((s, r) for s in (True, False) for r in modes):
            names.append(f"{dtype}_{saturate}_{rounding}")
            attrs = f'{{dtype=!{dtype}, saturate={saturate}, rounding="{rounding}"}}'
            ops.append(f"%{names[-1]} = ir.narrow(%x) {attrs} : {dtype}[{x.size}]")
    check(module_of(f"%x: f32[{x.size}]", ops, names), x)


def test_widening() -> None:
    ops, names = [], []
    for t in SMALL_DTYPES:
        for to in ("f32", "f16") if t.is_float else ("f32", "i8", "i64"):
            names.append(f"{t}_{to}")
            ops.append(f"%{names[-1]} = npx.cast(%{t}) {{dtype=!{to}}} : {to}[{1 << t.bits}]")
    args = ", ".join(f"%{t}: {t}[{1 << t.bits}]" for t in SMALL_DTYPES)
    check(module_of(args, ops, names), *CODES.values())


@pytest.mark.parametrize("to", ["f8e4m3fn", "f8e8m0", "f4e2m1", "i4", "u2"])
def test_from_every_kind_of_type(to: str) -> None:
    given = {
        "f64": np.linspace(0.01, 7.99, 99), "f16": np.linspace(0, 7.99, 99).astype(np.float16),
        "bf16": np.linspace(0, 7.99, 99).astype(ml_dtypes.bfloat16),
        "u8": np.arange(99, dtype="u1"),
        "i64": np.arange(99) * 1_000_003, "bool": np.arange(99) % 3 == 0,
        "f8e5m2": CODES[dtype_of("f8e5m2")][:99], "u4": np.resize(CODES[dtype_of("u4")], 99),
    }  # fmt: skip
    ops = [f"%y_{t} = npx.cast(%{t}) {{dtype=!{to}}} : {to}[99]" for t in given]
    args = ", ".join(f"%{t}: {t}[99]" for t in given)
    check(module_of(args, ops, [f"y_{t}" for t in given]), *given.values())


def test_float64_is_rounded_once() -> None:
    """Just beside the middle of two numbers, where float32 has the middle alone."""
    middle = np.array([1 + 2.0**-11, 1 + 3 * 2.0**-11, 3.25, 1.0625, 65520.0, 2.0**-25])
    x = np.concatenate([middle * (1 + s * 2.0**-40) for s in (-1, 0, 1)])
    x = np.concatenate([x, -x, [np.inf, 1e300, 1e-300, np.nan, 0.0, -0.0]])
    ops = [f"%y_{t} = npx.cast(%x) {{dtype=!{t}}} : {t}[42]" for t in ("f16", "f8e4m3fn")]
    check(module_of("%x: f64[42]", ops, ["y_f16", "y_f8e4m3fn"]), x)


@pytest.mark.parametrize("dtype", SMALL_DTYPES, ids=str)
def test_moves_views_and_constants(dtype: Any) -> None:
    """Ops that move elements, one of them followed by a conversion, and an output that is input."""
    x = np.resize(CODES[dtype], 24).reshape(2, 3, 4)
    args = f"%x: {dtype}[2,3,4]"
    wide, value = dtype.wide, 1
    ops = [
        f'%c = ir.constant() {{name="c"}} : {dtype}[2,3,2]',
        f"%t = np.transpose(%x) {{axes=(2, 0, 1)}} : {dtype}[4,2,3]",
        f"%w = npx.cast(%t) {{dtype=!{wide}}} : {wide}[4,2,3]",
        f"%r = np.reshape(%x) {{newshape=(6, 4)}} : {dtype}[6,4]",
        f"%j = np.concatenate(%x, %c) {{axis=2}} : {dtype}[2,3,6]",
        f"%p = np.pad(%x) {{pad_width=(0, 0, 0, 0, 1, 0), constant_value=1}} : {dtype}[2,3,5]",
    ]
    head = f"constant @c : {dtype}[2,3,2] = splat({value if not dtype.is_float else float(value)})"
    check(module_of(args, ops, ["t", "w", "r", "j", "p", "c", "x"], head), x)


def test_bits_for_another_type() -> None:
    pairs = [("f32", "i32"), ("u16", "f16"), ("f64", "i64"), ("f8e4m3fn", "u8"), ("bool", "u8")]
    values = np.array([1.5, -2.0, 0.0])
    given = {
        a: np.array([0x3C00, 1, 2], np.uint16) if a == "u16" else values.astype(dtype_of(a).numpy)
        for a, _ in pairs
    }
    ops = [f"%y_{a} = ir.bit_cast(%{a}) {{dtype=!{b}}} : {b}[3]" for a, b in pairs]
    args = ", ".join(f"%{a}: {a}[3]" for a in given)
    check(module_of(args, ops, [f"y_{a}" for a in given]), *given.values())


def test_weights_of_4_bits_are_decoded_for_a_product() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-8, 8, (16, 32)).astype(ml_dtypes.int4)
    module = parse_module(
        """module { constant @w : i4[16,32] = external
        func @main(%x: f32[5,32]) -> (y) {
          %w = ir.constant() {name="w"} : i4[16,32]
          %d = npx.cast(%w) {dtype=!f32} : f32[16,32]
          %y = npx.fully_connected(%x, %d) {num_hidden=16} : f32[5,16]
          ir.return(%y)
        } }""",
        constants={"w": weight},
    )
    x = rng.integers(-3, 4, (5, 32)).astype(np.float32)
    check(module, x)
