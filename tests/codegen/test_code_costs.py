"""Estimates that decide whether a layer is quantized."""

from __future__ import annotations

import pytest

from baryon.codegen.code_costs import CodeCosts, Seconds
from baryon.ir import Op, parse_module

AVX2, VNNI = CodeCosts.on("x86-64-v3"), CodeCosts.on("x86-64-v4-vnni")


def convolution(c: int, o: int, size: int, kernel: int = 1, groups: int = 1) -> Op:
    pad, weight = kernel // 2, f"f32[{o},{c // groups},{kernel},{kernel}]"
    attrs = f"kernel=({kernel},{kernel}), pad=({pad},{pad}), num_group={groups}"
    module = parse_module(
        f"module {{ func @main(%x: f32[1,{c},{size},{size}], %w: {weight}) -> (y) {{\n"
        f"%y = npx.convolution(%x, %w) {{{attrs}}} : f32[1,{o},{size},{size}]\nir.return(%y) }} }}"
    )
    return module.main.body.ops[0]


def product(rows: str, depth: int, outputs: int) -> Op:
    module = parse_module(
        f"module {{ symbol N in 1..64\nfunc @main(%x: f32[{rows},{depth}], "
        f"%w: f32[{outputs},{depth}]) -> (y) {{\n"
        f"%y = npx.fully_connected(%x, %w) : f32[{rows},{outputs}]\nir.return(%y) }} }}"
    )
    return module.main.body.ops[0]


def of(costs: CodeCosts, op: Op, **sizes: int) -> Seconds:
    found = costs.seconds(op, sizes)
    assert found is not None
    return found


@pytest.mark.parametrize("op", [convolution(256, 64, 56), product("128", 768, 3072)])
def test_products_of_codes_are_faster_and_more_so_with_vnni(op: Op) -> None:
    assert 1.2 < of(AVX2, op).speedup < 2.5
    assert of(VNNI, op).speedup > 2.5
    assert of(VNNI, op).real == of(AVX2, op).real  # floats are computed alike on both


def test_weights_that_stream_from_memory_are_a_quarter() -> None:
    assert of(AVX2, product("1", 2048, 1000)).speedup > 2


def test_symbols() -> None:
    op = product("N", 256, 256)  # one row waits for its weights, 64 share them
    assert 3 < of(AVX2, op, N=64).real / of(AVX2, op).real < 64
    assert 6 < of(AVX2, op, N=1024).real / of(AVX2, op, N=128).real < 10


def test_depthwise() -> None:
    found = of(AVX2, convolution(96, 96, 56, 3, 96))
    assert 1 <= found.speedup < 4


def test_sums_that_would_not_fit_stay_float() -> None:
    assert of(AVX2, product("1", 70000, 16)).codes is None


def test_other_ops_are_not_estimated() -> None:
    module = parse_module(
        "module { func @main(%x: f32[2,3]) -> (y) {\n"
        "%y = npx.relu(%x) : f32[2,3]\nir.return(%y) } }"
    )
    assert AVX2.seconds(module.main.body.ops[0]) is None
    assert AVX2.conversion(module.main.inputs[0].type) > 0
