"""The math functions of kernels: their error against float64, and the edges of their domains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tvm
from numpy.typing import NDArray

from baryon.codegen.expr import Math, fold, lanes_of, splat, transpose
from baryon.codegen.kernel import KernelBuilder, Memory
from baryon.codegen.pipeline import lower
from baryon.ir import TensorType, f32
from codegen.harness import TARGET, to_tvm

Floats = NDArray[np.float32]
LANES = 8
EDGES = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-40, 3e38, -3e38, 88, -88, 104, -110])


def run(function: Callable[..., Any], *inputs: Floats) -> Floats:
    """A function of vectors, applied to arrays; scalars that it gives fill their vector."""
    type = TensorType((inputs[0].size,), f32)
    builder = KernelBuilder()
    with builder.function():
        given = [builder.param(("operand", i), type) for i in range(len(inputs))]
        out = builder.param(("result", 0), type)
        with builder.tasks([inputs[0].size // LANES], LANES) as [i]:
            value = function(*(m.load(i * LANES, LANES) for m in given))
            out.store(splat(value, LANES), i * LANES, LANES)
    result = np.empty_like(inputs[0])
    compiled = tvm.runtime.Executable(lower({"main": builder.func}, TARGET))["main"]
    compiled(*map(to_tvm, (*inputs, result)))
    return result


def padded(values: Any) -> Floats:
    array = np.asarray(values, np.float32)
    return np.pad(array, (0, -array.size % LANES), mode="edge")


def error(got: Floats, want: Any, relative: bool = True) -> float:
    wide = np.asarray(want, np.float64)
    scale = np.maximum(np.abs(wide), 1e-37) if relative else 1
    return float(np.max(np.abs(got.astype(np.float64) - wide) / scale))


def erf(x: NDArray[np.float64]) -> Any:
    return np.array([math.erf(v) for v in x])


def sigmoid(x: NDArray[np.float64]) -> Any:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("function", "reference", "low", "high", "bound"),
    [
        (Math.exp, np.exp, -87, 88, 1.2e-7),
        (Math.exp, np.exp, -1, 1, 1.2e-7),
        (Math.log, np.log, 1e-3, 1e3, 2.5e-7),
        (Math.tanh, np.tanh, -9, 9, 3e-7),
        (Math.tanh, np.tanh, -1e-3, 1e-3, 3e-7),
        (Math.erf, erf, -4, 4, 5e-7),
        (Math.sigmoid, sigmoid, -80, 80, 3e-7),
        (Math.sqrt, np.sqrt, 0, 1e6, 6e-8),
        (Math.rsqrt, lambda x: 1 / np.sqrt(x), 1e-3, 1e6, 1.2e-7),
    ],
)
def test_relative_error(
    function: Any, reference: Any, low: float, high: float, bound: float
) -> None:
    x = padded(np.random.default_rng(0).uniform(low, high, 1 << 16))
    assert error(run(function, x), reference(x.astype(np.float64))) <= bound


def test_powers() -> None:
    rng = np.random.default_rng(1)
    x, y = padded(rng.uniform(0.1, 10, 4096)), padded(rng.uniform(-6, 6, 4096))
    assert error(run(Math.pow, x, y), x.astype(np.float64) ** y) <= 4e-6
    whole = np.round(y)
    assert error(run(Math.pow, -x, whole), (-x).astype(np.float64) ** whole) <= 4e-6


@pytest.mark.parametrize(
    ("function", "reference"),
    [(Math.exp, np.exp), (Math.log, np.log), (Math.tanh, np.tanh), (Math.erf, None)],
)
def test_edges(function: Any, reference: Any) -> None:
    x = padded(EDGES)
    with np.errstate(all="ignore"):
        want = erf(x.astype(np.float64)) if reference is None else reference(x)
    got = run(function, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_allclose(got, want.astype(np.float32), rtol=1e-6, atol=1e-37)


def test_nan_wins_extrema_in_either_place() -> None:
    a, b = padded([1, np.nan, 2, np.nan]), padded([np.nan, 1, 3, np.nan])
    np.testing.assert_array_equal(run(Math.maximum, a, b), np.maximum(a, b))
    np.testing.assert_array_equal(run(Math.minimum, a, b), np.minimum(a, b))
    np.testing.assert_array_equal(
        run(lambda x: Math.maximum(x, Math.const(0, x)), a), np.maximum(a, 0)
    )


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 7, 8])
def test_fold_sums_any_number_of_lanes(lanes: int) -> None:
    x = padded(np.arange(8))

    def head(v: Any) -> Any:
        memory = Memory.local(LANES, f32)
        memory.store(v, 0, LANES)
        return fold(memory.load(0, lanes), lambda a, b: a + b)

    assert run(head, x)[0] == sum(range(lanes))


def test_transpose_in_registers() -> None:
    x = np.arange(64, dtype=np.float32)
    builder = KernelBuilder()
    with builder.function():
        source, out = (builder.param((k, 0), TensorType((64,), f32)) for k in ("operand", "result"))
        rows: Sequence[Any] = transpose([source.load(i * 8, 8) for i in range(8)])
        assert all(lanes_of(r) == 8 for r in rows)
        for i, row in enumerate(rows):
            out.store(row, i * 8, 8)
    got = np.empty_like(x)
    tvm.runtime.Executable(lower({"main": builder.func}, TARGET))["main"](to_tvm(x), to_tvm(got))
    np.testing.assert_array_equal(got.reshape(8, 8), x.reshape(8, 8).T)
