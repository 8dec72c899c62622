"""What compiling tells `layout`: which convolutions read rows, and what compiled networks do."""

from __future__ import annotations

import numpy as np
import pytest

import baryon as mx
from baryon import interp
from baryon.build import Options, build, in_process
from baryon.codegen.layout_costs import KernelCosts
from baryon.codegen.targets import get_target
from baryon.deferred import trace
from baryon.ir import Module, parse_module

COSTS = KernelCosts(get_target("x86-64-v3"))
SIZES = {"N": 8}


def convolution(batch: int | str, channels: int, filters: int = 16, groups: int = 1) -> Module:
    attrs = f"{{kernel=(3,3), pad=(1,1), num_group={groups}}}"
    weight = f"f32[{filters},{channels // groups},3,3]"
    return parse_module(
        f"module {{ symbol N in 1..8\nfunc @main(%x: f32[{batch},{channels},30,30], %w: {weight})"
        f" -> (o) {{ %o = npx.convolution(%x, %w) {attrs} : f32[{batch},{filters},30,30]\n"
        "ir.return(%o) } }"
    )


def cost(module: Module) -> int | None:
    return COSTS.reads_rows(module.main.body.ops[0], SIZES)


def test_images_of_few_channels_are_read_as_they_are() -> None:
    module = convolution(1, 3)
    rows, move = cost(module), COSTS.relayout(module.main.inputs[0].type, SIZES)
    assert rows is not None
    assert 0 < rows < move
    assert rows < (cost(convolution("N", 3)) or 0)


@pytest.mark.parametrize(("channels", "groups"), [(16, 1), (4, 2), (16, 16)])
def test_others_are_not(channels: int, groups: int) -> None:
    assert cost(convolution(1, channels, groups=groups)) is None


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kernel", [3, 7])
def test_a_network_whose_first_convolution_reads_rows(kernel: int, batch: int) -> None:
    rng = np.random.default_rng(kernel)
    w = mx.np.array(rng.standard_normal((8, 3, kernel, kernel)).astype(np.float32))
    v = mx.np.array(rng.standard_normal((4, 8, 3, 3)).astype(np.float32))

    def network(x: mx.np.ndarray) -> mx.np.ndarray:
        pad = (kernel // 2, kernel // 2)
        x = (x - 0.5) / 0.25
        y = mx.npx.convolution(x, w, kernel=(kernel, kernel), pad=pad, num_filter=8, no_bias=True)
        return mx.npx.convolution(mx.npx.relu(y), v, kernel=(3, 3), num_filter=4, no_bias=True)

    data = rng.standard_normal((batch, 3, 19, 23)).astype(np.float32)
    (expected,) = interp.run(trace(network, mx.np.array(data)), [data])
    artifact = build(trace(network, mx.np.array(data)), Options("x86-64-v3"))
    assert "relayout" not in [g["kind"] for g in artifact.meta["groups"]][:-1]
    (got,) = in_process(artifact)(data)
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()
