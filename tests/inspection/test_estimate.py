"""Estimates of time and memory: what the plan says exactly, what the model says in proportion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.build import Options, build, in_process
from baryon.codegen.artifact import Artifact
from baryon.inspection import Machine, estimate_run
from baryon.inspection.estimate import seconds
from baryon.ir import parse_module

SLOW = Machine(clock=1e9, memory=1e9, cached=4e9, threads=1)


def network(features: int, batch: int = 4) -> Artifact:
    """Two layers of `features` by `features`."""
    size = f"f32[{features},{features}]"
    text = f"""module {{
      constant @a : {size} = external
      constant @b : {size} = external
      func @main(%x: f32[{batch},{features}]) -> (y) {{
        %a = ir.constant() {{name="a"}} : {size}
        %b = ir.constant() {{name="b"}} : {size}
        %h = npx.fully_connected(%x, %a) : f32[{batch},{features}]
        %r = npx.relu(%h) : f32[{batch},{features}]
        %y = npx.fully_connected(%r, %b) : f32[{batch},{features}]
        ir.return(%y)
      }}
    }}"""
    rng = np.random.default_rng(0)
    names = {n: rng.standard_normal((features, features)).astype(np.float32) for n in "ab"}
    return build(parse_module(text, constants=names), Options("x86-64-v3"))


def test_memory_is_what_the_plan_says() -> None:
    artifact = network(64)
    memory = estimate_run(artifact, SLOW).memory
    plan = artifact.variants[0].plan
    assert memory.arena == plan.arena_bytes == 4 * 64 * 4
    assert memory.ports == 2 * 4 * 64 * 4
    assert memory.weights >= 2 * 64 * 64 * 4
    assert memory.peak == sum(
        (memory.code, memory.weights, memory.arena, memory.scratch, memory.ports)
    )
    sizes = in_process(artifact, 1).sizes
    assert (sizes["arena_bytes"], sizes["weights_bytes"]) == (memory.arena, memory.weights)
    assert sizes["scratch_bytes"] == memory.scratch


def test_each_thread_has_workspace_of_its_own() -> None:
    net = mx.gluon.nn.Conv2D(64, 3, padding=1, in_channels=64)
    net.initialize()
    executable = mx.compile(net, mx.np.zeros((1, 64, 28, 28)), target="x86-64-v3")
    assert executable.sizes["scratch_bytes"] > 0


def test_more_work_takes_longer() -> None:
    small, large = (sum(estimate_run(network(n), SLOW).microseconds) for n in (64, 512))
    assert 30 < large / small < 130


def test_rows_count_as_much_as_images() -> None:
    one, many = (network(256, batch) for batch in (32, 64))
    cycles = [sum(g["cycles"] for g in a.meta["groups"]) for a in (one, many)]
    assert 1.6 < cycles[1] / cycles[0] < 2.4
    useful = 2 * 2 * 64 * 256 * 256 / 32
    assert useful < cycles[1] < 2 * useful


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"cycles": 1e6}, 1e-3),
        ({"cycles": 10, "bytes": 4e6}, 1e-3),
        ({"cycles": 10, "bytes": 4e6, "weight_bytes": 4e6}, 4e-3),
        ({}, 0.0),
    ],
)
def test_the_slower_of_arithmetic_and_bytes(group: dict[str, Any], expected: float) -> None:
    assert seconds(group, SLOW) == pytest.approx(expected, abs=1e-6)


def test_threads_share_what_is_worth_sharing() -> None:
    two = Machine(1e9, 2e9, 8e9, threads=2)
    assert seconds({"cycles": 1e6}, two) == pytest.approx(0.5e-3, rel=0.01)
    assert seconds({"cycles": 1e4}, two) == pytest.approx(1e-5, rel=0.05)


def test_a_gather_reads_the_rows_that_it_writes() -> None:
    table = np.zeros((10000, 64), np.float32)

    def rows(index: Any) -> Any:
        return mx.np.take(mx.np.array(table), index, axis=0)

    executable = mx.compile(rows, mx.np.zeros((8,), dtype="int32"))
    (group,) = executable.meta["groups"]
    assert group["bytes"] <= 3 * 8 * 64 * 4


def test_the_machine_is_measured_within_reason() -> None:
    machine = Machine.measured(1)
    assert 0.2e9 < machine.clock < 10e9
    assert machine.memory > 1e8
    assert machine.cached > 1e8
    assert Machine.measured(1) is machine
