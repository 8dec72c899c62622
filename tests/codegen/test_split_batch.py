"""Batches that pass image by image: compiled, the same bits as in one piece."""

from __future__ import annotations

import numpy as np
import pytest

import baryon as mx
from baryon import interp
from baryon.build import Options, build, in_process, pipeline_of
from baryon.deferred import trace
from baryon.gluon import nn
from baryon.ir import Array

BATCH, CACHE = 6, 20_000


def network() -> mx.gluon.Block:
    """Convolutions with a residual, a depthwise one, pooling and a concatenation, then products."""
    mx.np.random.seed(3)
    net = nn.HybridSequential()
    branches = nn.HybridConcatenate(axis=1)
    branches.add(nn.Conv2D(8, 3, padding=1), nn.Identity())
    net.add(
        nn.Conv2D(16, 3, padding=1, activation="relu"), nn.Conv2D(16, 3, padding=1, groups=16),
        branches, nn.MaxPool2D(), nn.Conv2D(8, 1), nn.Flatten(), nn.Dense(10),
    )  # fmt: skip
    net.initialize(mx.init.Normal(0.3))
    return net


def run(pipeline: str, x: Array, threads: int) -> tuple[Array, int, int]:
    artifact = build(trace(network(), mx.np.array(x)), Options(pipeline=pipeline))
    plan = artifact.variants[0].plan
    return in_process(artifact, threads)(x)[0], len(plan.calls), plan.arena_bytes


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_numbers_in_less_memory(threads: int) -> None:
    x = np.random.default_rng(0).standard_normal((BATCH, 3, 16, 16)).astype(np.float32)
    whole = pipeline_of("fp32").replace(",split-batch", "")
    y, calls, arena = run(whole, x, threads)
    split, more_calls, less_arena = run(f"{whole},split-batch{{cache={CACHE}}}", x, threads)
    np.testing.assert_array_equal(split, y)
    assert more_calls > 2 * calls
    assert less_arena < arena / 2
    (expected,) = interp.run(trace(network(), mx.np.array(x)), [x])
    error = np.abs(split.astype(np.float64) - expected.astype(np.float64)).max()
    assert error < 1e-4 * np.abs(expected).max()
