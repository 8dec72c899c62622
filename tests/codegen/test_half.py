"""Conversions to half precision, for which the CPU has no single instruction."""

from __future__ import annotations

import numpy as np
import pytest
from ml_dtypes import bfloat16

import baryon as mx
from baryon.deferred import trace
from baryon.interp import run
from baryon.ir import parse_module

EDGES = [
    np.nan, np.inf, -np.inf, 0, -0.0, 65519.999999, 65520, 1e300, -1e300, 5e-324, 2.0**-25,
    2.0**-25 * (1 + 1e-12), -(2.0**-24), 1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-50,
]  # fmt: skip


@pytest.mark.parametrize("count", [1000, 3])
def test_float64_is_rounded_once(count: int) -> None:
    rng = np.random.default_rng(5)
    halves = rng.integers(0, 31 << 10, count).astype(np.uint16).view(np.float16)
    above = np.nextafter(halves, np.float16(np.inf)).astype(np.float64)
    middle = (halves.astype(np.float64) + above) / 2
    x = np.concatenate([middle, -middle, middle * (1 + 1e-13), middle * (1 - 1e-13), EDGES])
    module = parse_module(
        f"""module {{
          func @main(%x: f64[{x.size}]) -> (y) {{
            %y = npx.cast(%x) {{dtype="f16"}} : f16[{x.size}]
            ir.return(%y)
          }}
        }}"""
    )
    (got,) = mx.compile(module)(x)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(got, x.astype(np.float16))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("count", [1000, 3])
def test_halves_that_are_not_stored_are_rounded(dtype: str, count: int) -> None:
    """Each op of a kernel rounds to its element type, though its result stays in a register."""
    rng = np.random.default_rng(6)
    x, y = (rng.standard_normal(count).astype(np.float32) for _ in "xy")
    x[:3] = np.nan, np.inf, 65000.0

    def network(x: mx.np.ndarray, y: mx.np.ndarray) -> tuple[mx.np.ndarray, ...]:
        half, other = x.astype(dtype), y.astype(dtype)
        product = half * other
        chain = (product + half).astype("float32") - 1.0
        return half.astype("float32"), product.astype("float32"), chain, mx.np.abs(product) > 0.5

    inputs = mx.np.array(x), mx.np.array(y)
    expected = run(trace(network, *inputs), [x, y])
    for got, wanted in zip(mx.compile(network, *inputs)(x, y), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    half = x.astype(np.dtype(dtype) if dtype == "float16" else bfloat16)
    np.testing.assert_array_equal(expected[0], half.astype(np.float32))
