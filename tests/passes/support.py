"""What the tests of passes share: reading IR, running it on random inputs, comparing."""

from __future__ import annotations

import numpy as np

from baryon.interp import run
from baryon.ir import Array, Module, TensorType, parse_module, verify
from baryon.ops import lookup

SYMBOL_SIZE = 3
"""What symbolic dimensions are in test inputs."""


def module_of(text: str) -> Module:
    module = parse_module(text)
    verify(module, lookup)
    return module


def random_inputs(module: Module, seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [_random(rng, v.type, module) for v in module.main.inputs]


def _random(rng: np.random.Generator, type: TensorType, module: Module) -> Array:
    sizes = {name: min(SYMBOL_SIZE, high) for name, (_, high) in module.symbols.items()}
    shape = type.bound(sizes)
    if type.dtype.is_float:
        return rng.uniform(-2, 2, shape).astype(type.dtype.numpy)
    return rng.integers(0, 2, shape).astype(type.dtype.numpy)


def outputs(module: Module, inputs: list[Array]) -> list[Array]:
    with np.errstate(all="ignore"):
        return run(module, inputs)


def assert_close(actual: list[Array], expected: list[Array], tolerance: float = 1e-4) -> None:
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert (a.shape, a.dtype) == (e.shape, e.dtype)
        np.testing.assert_allclose(
            a.astype(np.float64), e.astype(np.float64), rtol=tolerance, atol=tolerance
        )
