"""bfloat16: compiled modules against the interpreter of the same lowered IR.

What a kernel computes in float32 differs from NumPy in the last bits, so a rounding may fall to the
other side: results may be one unit of bfloat16 apart, 2^-8 of their size, and each further sum over
rounded values passes on what fell differently before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from baryon import interp
from baryon.build import Options, build, in_process, run_passes
from baryon.codegen.targets import Target, get_target
from baryon.ir import Array, Module, parse_module, print_module

NARROW = get_target("x86-64-v3")
SERVER = get_target("x86-64-v4-bf16")
DOTS = replace(SERVER, cpu=NARROW.cpu, features=NARROW.features, disabled=NARROW.disabled)
"""Schedules for AVX512-BF16 in AVX2's instructions: LLVM splits the vectors, and the sum of two
products is its arithmetic, in the order of the instruction."""

UNIT = 2.0**-8


def copied(module: Module) -> Module:
    return parse_module(print_module(module), constants=module.constants)


def network(body: str, args: str, out: str, **weights: tuple[int, ...]) -> Module:
    """A module over random constants of the given shapes."""
    rng = np.random.default_rng(5)
    types = {n: f"f32[{','.join(map(str, s))}]" for n, s in weights.items()}
    constants = "\n".join(f"constant @{n} : {t} = external" for n, t in types.items())
    ops = "\n".join(f'%{n} = ir.constant() {{name="{n}"}} : {t}' for n, t in types.items())
    sizes = {n: max(1.0, float(np.prod(s[1:]))) for n, s in weights.items()}
    arrays: dict[str, Array] = {
        n: (rng.standard_normal(s) / sizes[n] ** 0.5).astype(np.float32) for n, s in weights.items()
    }
    head = f"module {{\n{constants}\nfunc @main({args}) -> (o) {{"
    text = "\n".join([head, ops, body, f"ir.return({out})", "}", "}"])
    return parse_module(text, constants=arrays)


def check(
    module: Module, monkeypatch: Any, target: Target = NARROW, units: int = 2
) -> tuple[Any, Any]:
    """Compile in bf16 and compare with the interpreter of the lowered IR.

    units: of the largest result, that results may be apart. Returns what was computed, and what the
    module gives in float32.
    """
    monkeypatch.setattr("baryon.build.get_target", lambda name: target)
    rng = np.random.default_rng(0)
    shapes = [v.type.static_shape for v in module.main.inputs]
    feeds = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    exact = interp.run(copied(module), feeds)[0]
    lowered = copied(module)
    run_passes(lowered, Options(precision="bf16"), target)
    want: Any = interp.run(lowered, feeds)[0]
    exe = in_process(build(copied(module), Options(precision="bf16")), threads=1)
    got = exe(*feeds)[0]
    size = np.abs(want).max()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=units * UNIT, atol=units * UNIT * size)
    return got, exact


def conv(
    c: int, o: int, size: int, k: int = 1, stride: int = 1, pad: int = 0, groups: int = 1,
    batch: int = 1,
) -> Module:  # fmt: skip
    """A convolution between two others of one tap, so that both sides are bfloat16."""
    out = (size + 2 * pad - k) // stride + 1
    first, second, third = (f"f32[{batch},{n},{s},{s}]" for n, s in ((c, size), (o, out), (8, out)))
    attrs = f"kernel=({k}, {k}), stride=({stride}, {stride}), pad=({pad}, {pad})"
    body = f"""
    %a = npx.convolution(%x, %w0) {{kernel=(1, 1)}} : {first}
    %b = npx.convolution(%a, %w1, %bias) {{{attrs}, num_group={groups}}} : {second}
    %r = npx.relu(%b) : {second}
    %y = npx.convolution(%r, %w2) {{kernel=(1, 1)}} : {third}"""
    weights = {
        "w0": (c, c, 1, 1), "w1": (o, c // groups, k, k), "bias": (o,), "w2": (8, o, 1, 1)
    }  # fmt: skip
    return network(body, f"%x: {first}", "%y", **weights)


CONVOLUTIONS: Mapping[str, tuple[int, ...]] = {
    "pointwise": (32, 48, 9),
    "pointwise, odd channels": (13, 21, 7),
    "three taps": (16, 24, 10, 3, 1, 1),
    "image": (3, 24, 17, 7, 2, 3),
    "one channel": (1, 8, 9, 3, 1, 1),
    "groups": (12, 24, 8, 3, 1, 1, 3),
    "narrow groups": (8, 8, 6, 3, 2, 1, 4),
    "depthwise": (24, 24, 9, 3, 1, 1, 24),
    "batch": (16, 16, 5, 3, 1, 1, 1, 3),
}


@pytest.mark.parametrize("target", [NARROW, DOTS], ids=["avx2", "pairs"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str, target: Target, monkeypatch: Any) -> None:
    got, exact = check(conv(*CONVOLUTIONS[name]), monkeypatch, target)
    assert np.abs(got - exact).max() <= 8 * UNIT * np.abs(exact).max()


PRODUCTS: Mapping[str, tuple[int, ...]] = {"one row": (1, 64), "rows": (37, 48), "odd": (5, 33)}


@pytest.mark.parametrize("target", [NARROW, DOTS], ids=["avx2", "pairs"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_block_of_a_transformer(name: str, target: Target, monkeypatch: Any) -> None:
    """Norm, projections, attention between them, a residual sum: every class of ops."""
    rows, width = PRODUCTS[name]
    x, square = f"f32[{rows},{width}]", f"f32[{rows},{rows}]"
    body = f"""
    %n = npx.layer_norm(%x, %gamma, %beta) : {x}
    %q = npx.fully_connected(%n, %wq, %bq) : {x}
    %k = npx.fully_connected(%n, %wk) : {x}
    %t = np.transpose(%k) : f32[{width},{rows}]
    %s = np.matmul(%q, %t) : {square}
    %p = npx.softmax(%s) : {square}
    %v = np.matmul(%p, %n) : {x}
    %g = npx.gelu(%v) : {x}
    %o = npx.fully_connected(%g, %wo) : {x}
    %r = np.add(%o, %x) : {x}
    %y = npx.fully_connected(%r, %wy) : {x}"""
    square_weights = dict.fromkeys(("wq", "wk", "wo", "wy"), (width, width))
    vectors = dict.fromkeys(("gamma", "beta", "bq"), (width,))
    module = network(body, f"%x: {x}", "%y", **square_weights, **vectors)
    got, exact = check(module, monkeypatch, target, units=4)
    assert np.abs(got - exact).max() <= 8 * UNIT * np.abs(exact).max()


def test_images(monkeypatch: Any) -> None:
    """Pooling, a concatenation in place, a shuffle of channels, a mean over pixels."""
    image, half, wide = (f"f32[1,{c},{s},{s}]" for c, s in ((16, 12), (16, 6), (32, 6)))
    pool = "kernel=(3, 3), stride=(2, 2), pad=(1, 1)"
    body = f"""
    %a = npx.convolution(%x, %w0) {{kernel=(3, 3), pad=(1, 1)}} : {image}
    %p = npx.pooling(%a) {{{pool}, pool_type="max"}} : {half}
    %b = npx.convolution(%p, %w1) {{kernel=(1, 1)}} : {half}
    %c = np.concatenate(%p, %b) {{axis=1}} : {wide}
    %d = npx.convolution(%c, %w2) {{kernel=(1, 1)}} : {wide}
    %e = np.add(%c, %d) : {wide}
    %m = np.mean(%e) {{axis=(2, 3)}} : f32[1,32]
    %y = npx.fully_connected(%m, %w3) : f32[1,10]"""
    weights = {"w0": (16, 3, 3, 3), "w1": (16, 16, 1, 1), "w2": (32, 32, 1, 1), "w3": (10, 32)}
    module = network(body, "%x: f32[1,3,12,12]", "%y", **weights)
    got, exact = check(module, monkeypatch)
    assert np.abs(got - exact).max() <= 8 * UNIT * np.abs(exact).max()


def test_undefined_numbers_stay_so(monkeypatch: Any) -> None:
    """A NaN of many ones does not become a number by rounding."""
    x = np.zeros((4, 32), np.float32)
    x.view(np.uint32)[1, 3], x[2, 5], x[3, 6] = 0x7FFFFFFF, np.inf, -np.inf
    body = "%y = npx.fully_connected(%x, %w) : f32[4,8]"
    module = network(body, "%x: f32[4,32]", "%y", w=(8, 32))
    monkeypatch.setattr("baryon.build.get_target", lambda name: NARROW)
    got = in_process(build(module, Options(precision="bf16")), threads=1)(x)[0]
    assert np.isnan(got[1]).all() and np.isfinite(got[0]).all()
    assert np.isinf(got[2:]).all()


def test_weights_take_half_the_bytes() -> None:
    def bytes_of(precision: str) -> int:
        artifact = build(conv(64, 96, 6), Options("x86-64-v3", precision))
        return artifact.weights.nbytes

    assert bytes_of("bf16") < 0.55 * bytes_of("fp32")
