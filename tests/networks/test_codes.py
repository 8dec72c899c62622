"""Networks of codes, compiled: what the interpreter says, to a code."""

from __future__ import annotations

import numpy as np
import pytest

import baryon as mx
from baryon import interp
from baryon.ir import Module, parse_module
from baryon.ops.numerics import Arr

IMAGE = """\
module {
  symbol N in 1..3
  constant @w : i8[8,3,3,3] = external
  constant @v : i8[8,1,3,3] = external
  constant @m : i8[5,16] = external
  constant @b : f32[8] = (0.5, -0.5, 0.25, 0.0, 0.125, 1.0, -1.0, 0.75)

  func @main(%x: f32[N,3,9,9], %t: i32[N]) -> (y, c, e) {
    %q = ir.quantize(%x) {dtype=!u8, scale=(0.5,), zero=(9,)} : u8[N,3,9,9]<scale=0.5, zero=9>
    %d = ir.dequantize(%q) {scale=(0.5,), zero=(9,)} : f32[N,3,9,9]
    %w = ir.constant() {name="w"} : i8[8,3,3,3]
    %w1 = ir.dequantize(%w) {axis=0, scale={scales}} : f32[8,3,3,3]
    %b = ir.constant() {name="b"} : f32[8]
    %f = npx.convolution(%d, %w1, %b) {kernel=(3, 3), pad=(1, 1)} : f32[N,8,9,9]
    %g = npx.relu(%f) : f32[N,8,9,9]
    %h = ir.quantize(%g) {dtype=!u8, scale=(0.0625,)} : u8[N,8,9,9]<scale=0.0625, zero=0>
    %i = ir.dequantize(%h) {scale=(0.0625,)} : f32[N,8,9,9]
    %v = ir.constant() {name="v"} : i8[8,1,3,3]
    %v1 = ir.dequantize(%v) {scale=(0.015625,)} : f32[8,1,3,3]
    %j = npx.convolution(%i, %v1) {kernel=(3, 3), num_group=8, pad=(1, 1)} : f32[N,8,9,9]
    %k = np.add(%j, %i) : f32[N,8,9,9]
    %l = ir.quantize(%k) {dtype=!i8, scale=(0.5,), zero=(-3,)} : i8[N,8,9,9]<scale=0.5, zero=-3>
    %n = ir.dequantize(%l) {scale=(0.5,), zero=(-3,)} : f32[N,8,9,9]
    %o = npx.pooling(%n) {kernel=(2, 2), stride=(2, 2)} : f32[N,8,4,4]
    %p = np.concatenate(%o, %o) {axis=1} : f32[N,16,4,4]
    %r = npx.pooling(%p) {global_pool=True, pool_type="avg"} : f32[N,16,1,1]
    %s = ir.quantize(%r) {dtype=!i8, scale=(0.0625,)} : i8[N,16,1,1]<scale=0.0625, zero=0>
    %u = ir.dequantize(%s) {scale=(0.0625,)} : f32[N,16,1,1]
    %m = ir.constant() {name="m"} : i8[5,16]
    %m1 = ir.dequantize(%m) {axis=0, scale={few}} : f32[5,16]
    %y = npx.fully_connected(%u, %m1) : f32[N,5]
    %c = ir.codes(%l) : i8[N,8,9,9]
    %e1 = np.take(%m1, %t) {axis=0, mode="clip"} : f32[N,16]
    %e = npx.softmax(%e1) : f32[N,16]
    ir.return(%y, %c, %e)
  }
}
"""


SCALES = (0.015625, 0.03125, 0.0078125, 0.015625, 0.03125, 0.015625, 0.015625, 0.0078125)


def network() -> Module:
    rng = np.random.default_rng(0)
    shapes = {"w": (8, 3, 3, 3), "v": (8, 1, 3, 3), "m": (5, 16)}
    codes = {k: rng.integers(-127, 128, s).astype(np.int8) for k, s in shapes.items()}
    text = IMAGE.replace("{scales}", str(SCALES)).replace("{few}", str(SCALES[:5]))
    return parse_module(text, constants=codes)


def data(batch: int) -> list[Arr]:
    rng = np.random.default_rng(batch)
    x = rng.standard_normal((batch, 3, 9, 9)).astype(np.float32)
    return [x, np.arange(batch, dtype=np.int32)]


@pytest.mark.parametrize(
    ("patterns", "target"), [("all", "native"), ("-dequantize", "native"), ("none", "x86-64")]
)
def test_compiled_codes(patterns: str, target: str) -> None:
    exe = mx.compile(network(), target=target, patterns=patterns)
    for batch in (1, 3):
        inputs = data(batch)
        y, codes, table = (np.asarray(a) for a in exe(*inputs))
        want_y, want_codes, want_table = interp.run(network(), inputs)
        apart = np.abs(codes.astype(np.int32) - want_codes.astype(np.int32))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01
        np.testing.assert_allclose(y, want_y.astype(np.float32), atol=0.2)
        np.testing.assert_allclose(table, want_table.astype(np.float32), rtol=1e-5)


READERS = {
    "softmax": "npx.softmax(%d)",
    "layer_norm": "npx.layer_norm(%d, %g, %g)",
    "reduce": "np.mean(%d) {axis=(1,), keepdims=True}",
    "lrn": "npx.lrn(%d) {nsize=3}",
    "average": 'npx.pooling(%d) {kernel=(2,), pool_type="avg"}',
    "product": "np.matmul(%d, %d)",
    "broadcast": "np.multiply(%d, %g)",
}
SHAPES = {"reduce": "2,1,6", "average": "2,6,5"}


@pytest.mark.parametrize("kind", READERS)
def test_kernels_read_and_store_codes(kind: str) -> None:
    shape = SHAPES.get(kind, "2,6,6")
    text = f"""module {{
      constant @g : f32[6] = (0.5, 1.5, -1.0, 2.0, 1.0, 0.25)
      func @main(%q: u8[2,6,6]) -> (y) {{
        %g = ir.constant() {{name="g"}} : f32[6]
        %d = ir.dequantize(%q) {{scale=(0.05,), zero=(120,)}} : f32[2,6,6]
        %a = {READERS[kind]} : f32[{shape}]
        %r = ir.quantize(%a) {{dtype=!i8, scale=(0.5,)}} : i8[{shape}]<scale=0.5, zero=0>
        %y = ir.codes(%r) : i8[{shape}]
        ir.return(%y)
      }} }}"""
    q = np.random.default_rng(3).integers(0, 256, (2, 6, 6)).astype(np.uint8)
    (got,) = (np.asarray(a, np.int32) for a in mx.compile(parse_module(text))(q))
    (want,) = interp.run(parse_module(text), [q])
    np.testing.assert_allclose(got, want.astype(np.int32), atol=int(kind != "broadcast"))
