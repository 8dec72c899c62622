"""A network of codes gives the same bits on every instruction set, also in what stays float."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from baryon.build import Options, build, in_process
from baryon.codegen.targets import Target, get_target
from baryon.ir import Module, parse_module, print_module
from baryon.passes import stages, unpack

AVX2 = get_target("x86-64-v3")


def imitated(name: str) -> Target:
    """A target's schedules in AVX2's instructions: LLVM splits vectors, helpers are arithmetic."""
    return replace(get_target(name), cpu=AVX2.cpu, features=AVX2.features, disabled=AVX2.disabled)


TARGETS = {
    "avx2": AVX2,
    "sse4": get_target("x86-64-v2"),
    "avx-vnni": imitated("x86-64-v3-vnni"),
    "avx512-vnni": imitated("x86-64-v4-vnni"),
}

TEXT = """module {
  constant @w1 : i8[32,16,3,3] = external
  constant @w2 : i8[32,1,3,3] = external
  constant @w3 : i8[16,32,1,1] = external
  constant @w4 : i8[24,16] = external
  constant @w5 : f32[24,24] = external
  constant @b : f32[32] = external
  constant @g : f32[24] = external
  constant @w6 : f32[32,32,3,3] = external
  func @main(%x: f32[2,16,13,13]) -> (o) {
    %b = ir.constant() {name="b"} : f32[32]
    %g = ir.constant() {name="g"} : f32[24]
    %w1c = ir.constant() {name="w1"} : i8[32,16,3,3]
    %w1 = ir.dequantize(%w1c) {axis=0, scale=S32} : f32[32,16,3,3]
    %w2c = ir.constant() {name="w2"} : i8[32,1,3,3]
    %w2 = ir.dequantize(%w2c) {axis=0, scale=S32} : f32[32,1,3,3]
    %w3c = ir.constant() {name="w3"} : i8[16,32,1,1]
    %w3 = ir.dequantize(%w3c) {axis=0, scale=S16} : f32[16,32,1,1]
    %w4c = ir.constant() {name="w4"} : i8[24,16]
    %w4 = ir.dequantize(%w4c) {scale=(0.003000000026077032,)} : f32[24,16]
    %w5 = ir.constant() {name="w5"} : f32[24,24]
    %q = ir.quantize(%x) {dtype=!u8, scale=(0.03125,), zero=(120,)} : QX
    %d = ir.dequantize(%q) {scale=(0.03125,), zero=(120,)} : f32[2,16,13,13]
    %c = npx.convolution(%d, %w1, %b) {kernel=(3, 3), pad=(1, 1)} : f32[2,32,13,13]
    %r = npx.gelu(%c) : f32[2,32,13,13]
    %q1 = ir.quantize(%r) {dtype=!u8, scale=(0.05000000074505806,), zero=(7,)} : Q1
    %d1 = ir.dequantize(%q1) {scale=(0.05000000074505806,), zero=(7,)} : f32[2,32,13,13]
    %e = npx.convolution(%d1, %w2, %b) {kernel=(3, 3), pad=(1, 1), num_group=32} : f32[2,32,13,13]
    %s = np.add(%e, %d1) : f32[2,32,13,13]
    %w6 = ir.constant() {name="w6"} : f32[32,32,3,3]
    %v = npx.convolution(%s, %w6) {kernel=(3, 3), pad=(1, 1)} : f32[2,32,13,13]
    %q2 = ir.quantize(%v) {dtype=!i8, scale=(0.05000000074505806,)} : Q2
    %d2 = ir.dequantize(%q2) {scale=(0.05000000074505806,)} : f32[2,32,13,13]
    %f = npx.convolution(%d2, %w3) {kernel=(1, 1)} : f32[2,16,13,13]
    %m = np.mean(%f) {axis=(2, 3)} : f32[2,16]
    %q3 = ir.quantize(%m) {dtype=!i8, scale=(0.009999999776482582,)} : Q3
    %d3 = ir.dequantize(%q3) {scale=(0.009999999776482582,)} : f32[2,16]
    %h = npx.fully_connected(%d3, %w4) : f32[2,24]
    %n = npx.layer_norm(%h, %g, %g) : f32[2,24]
    %k = npx.fully_connected(%n, %w5) : f32[2,24]
    %o = npx.softmax(%k) : f32[2,24]
    ir.return(%o)
  }
}"""


def network() -> Module:
    rng = np.random.default_rng(1)

    def scales(count: int) -> str:
        return str(tuple(rng.uniform(0.0005, 0.002, count).astype(np.float32).tolist()))

    text = TEXT.replace("S32", scales(32)).replace("S16", scales(16))
    types = {
        "QX": "u8[2,16,13,13]<scale=0.03125, zero=120>",
        "Q1": "u8[2,32,13,13]<scale=0.05000000074505806, zero=7>",
        "Q2": "i8[2,32,13,13]<scale=0.05000000074505806, zero=0>",
        "Q3": "i8[2,16]<scale=0.009999999776482582, zero=0>",
    }
    for name, written in types.items():
        text = text.replace(f": {name}\n", f": {written}\n")
    shapes: dict[str, tuple[int, ...]] = {
        "w1": (32, 16, 3, 3), "w2": (32, 1, 3, 3), "w3": (16, 32, 1, 1), "w4": (24, 16)
    }  # fmt: skip
    arrays: dict[str, Any] = {
        name: rng.integers(-127, 128, shape).astype(np.int8) for name, shape in shapes.items()
    }
    floats = {"w5": (24, 24), "w6": (32, 32, 3, 3), "b": (32,), "g": (24,)}
    for name, size in floats.items():
        arrays[name] = rng.standard_normal(size).astype(np.float32)
    return parse_module(text, constants=arrays)


def run(target: Target, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("baryon.build.get_target", lambda name: target)
    module = network()
    copied = parse_module(print_module(module), constants=module.constants)
    x = np.random.default_rng(0).standard_normal((2, 16, 13, 13)).astype(np.float32)
    return in_process(build(copied, Options()), threads=1)(x)[0]


def test_an_artifact_does_not_list_the_scales_of_channels() -> None:
    artifact = build(network(), Options("x86-64-v3"))
    texts = stages(unpack(artifact.meta["passes"]))
    assert "... 31 more)" in texts["source"]
    assert all(len(text) < 20000 for text in texts.values())
    precisions = {row["precision"] for row in artifact.meta["groups"]}
    assert {"int8", "f32, codes"} <= precisions


def test_bits_do_not_depend_on_the_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    results = {name: run(target, monkeypatch) for name, target in TARGETS.items()}
    assert len(np.unique(results["avx2"])) > 40
    for name, result in results.items():
        assert result.tobytes() == results["avx2"].tobytes(), name


WIDE = """module {
  constant @w : f32[40,33] = external
  func @main(%x: f32[17,33]) -> (y, c) {
    %w = ir.constant() {name="w"} : f32[40,33]
    %y = npx.fully_connected(%x, %w)  : f32[17,40]
    %q = ir.quantize(%x) {dtype=!u8, scale=(0.5,)} : u8[17,33]<scale=0.5, zero=0>
    %c = ir.codes(%q) : u8[17,33]
    ir.return(%y, %c)
  }
}"""


def test_sums_of_products_are_rounded_once_on_every_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where terms cancel, differ by 2^60, are subnormal or infinite."""
    rng = np.random.default_rng(3)

    def numbers(*shape: int) -> Any:
        powers = np.exp2(rng.integers(-40, 40, shape))
        return (rng.standard_normal(shape) * powers).astype(np.float32)

    w, x = numbers(40, 33), numbers(17, 33)
    x[0], w[0] = x[0] * np.float32(1e-28), w[0] * np.float32(1e-16)
    x[1, 5], w[1, 5] = np.inf, 3e38
    x[2, 16:32], w[2, 16:32] = x[2, :16], -w[2, :16]
    results = []
    for name in ("avx2", "sse4"):
        monkeypatch.setattr("baryon.build.get_target", lambda _, name=name: TARGETS[name])
        built = build(parse_module(WIDE, constants={"w": w}), Options())
        results.append(in_process(built, threads=1)(x)[0])
    assert results[0].tobytes() == results[1].tobytes()
    assert np.isfinite(results[0]).mean() > 0.8
