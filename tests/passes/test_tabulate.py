"""tabulate: chains of codes as tables, on every code there is, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from baryon.interp import run
from baryon.ir import Array, Module, parse_module
from baryon.passes import run_pipeline

GELU = """module {
  constant @root : f32[] = (1.4142135)
  constant @one : f32[1] = (1.0)
  constant @half : f32[] = (0.5)

  func @main(%q: u8[256]<scale=0.0625, zero=100>) -> (y) {
    %root = ir.constant() {name="root"} : f32[]
    %one = ir.constant() {name="one"} : f32[1]
    %half = ir.constant() {name="half"} : f32[]
    %x = ir.dequantize(%q) {scale=(0.0625,), zero=(100,)} : f32[256]
    %d = np.divide(%x, %root) : f32[256]
    %e = npx.erf(%d) : f32[256]
    %qe = ir.quantize(%e) {dtype=!u8, scale=(0.0625,), zero=(17,)} : u8[256]<scale=0.0625, zero=17>
    %de = ir.dequantize(%qe) {scale=(0.0625,), zero=(17,)} : f32[256]
    %s = np.add(%de, %one) : f32[256]
    %m = np.multiply(%s, %x) : f32[256]
    %qm = ir.quantize(%m) {dtype=!u8, scale=(0.03125,), zero=(5,)} : u8[256]<scale=0.03125, zero=5>
    %dm = ir.dequantize(%qm) {scale=(0.03125,), zero=(5,)} : f32[256]
    %h = np.multiply(%dm, %half) : f32[256]
    %y = ir.quantize(%h) {dtype=!u8, scale=(0.015625,), zero=(5,)} : u8[256]<scale=0.015625, zero=5>
    ir.return(%y)
  }
}
"""
ENDS = """module {
  func @main(%x: f32[256], %q: i8[256]<scale=0.0625, zero=3>) -> (y, z, v) {
    %a = npx.relu(%x) : f32[256]
    %qa = ir.quantize(%a) {dtype=!i8, scale=(0.015625,)} : i8[256]<scale=0.015625, zero=0>
    %da = ir.dequantize(%qa) {scale=(0.015625,)} : f32[256]
    %ta = np.tanh(%da) : f32[256]
    %y = ir.quantize(%ta) {dtype=!i8, scale=(0.0625,)} : i8[256]<scale=0.0625, zero=0>
    %dq = ir.dequantize(%q) {scale=(0.0625,), zero=(3,)} : f32[256]
    %eq = np.exp(%dq) : f32[256]
    %z = ir.quantize(%eq) {dtype=!u8, scale=(2.5,)} : u8[256]<scale=2.5, zero=0>
    %dz = ir.dequantize(%z) {scale=(2.5,)} : f32[256]
    %tz = np.log1p(%dz) : f32[256]
    %v = ir.quantize(%tz) {dtype=!u8, scale=(0.03125,)} : u8[256]<scale=0.03125, zero=0>
    ir.return(%y, %z, %v)
  }
}
"""


def names(module: Module) -> list[str]:
    return [op.name for op in module.main.body.ops if op.name not in ("ir.constant", "ir.return")]


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_a_chain_is_its_table(dtype: str) -> None:
    """gelu as quantizers write it: what it reads goes two ways, and is rounded on the way."""
    module = parse_module(GELU.replace("%q: u8", f"%q: {dtype}"))
    codes = np.arange(256).astype(np.uint8).view("u1" if dtype == "u8" else "i1")
    (expected,) = run(module, [codes])
    run_pipeline(module, "tabulate{least=1}")
    assert names(module) == ["np.take"]
    assert list(module.constants) == ["y.table"]
    np.testing.assert_array_equal(run(module, [codes])[0], expected)


def test_chains_begin_and_end_where_codes_are_kept() -> None:
    """Real numbers are rounded first; codes that are a result are stored."""
    module = parse_module(ENDS)
    rng = np.random.default_rng(0)
    inputs: list[Array] = [
        rng.standard_normal(256).astype(np.float32),
        np.arange(-128, 128).astype(np.int8),
    ]
    expected = run(module, inputs)
    run_pipeline(module, "tabulate{least=1}")
    assert names(module) == ["npx.relu", "ir.quantize", "np.take", "np.take", "np.take"]
    for made, wanted in zip(run(module, inputs), expected, strict=True):
        np.testing.assert_array_equal(made, wanted)


def test_few_elements_are_not_worth_a_table() -> None:
    module = parse_module(GELU)
    run_pipeline(module, "tabulate")
    assert "np.take" not in names(module)
