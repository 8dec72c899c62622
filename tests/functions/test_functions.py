"""Every function on drawn shapes and dtypes: against NumPy, finite differences, and compiled."""

from __future__ import annotations

import warnings
from typing import Any

import numpy
import pytest

import baryon as mx
from baryon import autograd
from baryon.deferred import Cached, EagerWarning
from baryon.np import ndarray
from baryon.np.names import ALIASES
from functions.case import Case, flat, plain
from functions.cases import CASES

STEP = 1e-6


def ids(case: Case) -> str:
    return case.id


def expect(found: Any, wanted: Any, rtol: float) -> None:
    """The same structure, shapes, kinds of dtype, and elements."""
    found, wanted = flat(found), flat(wanted)
    assert len(found) == len(wanted)
    for x, y in zip(map(plain, found), map(plain, wanted), strict=True):
        assert x.shape == y.shape
        assert x.dtype.kind == y.dtype.kind, f"{x.dtype} for {y.dtype}"
        single = x.dtype in (numpy.float32, numpy.float16) or y.dtype == numpy.float32
        tolerance = max(rtol, 1e-4) if single else rtol
        scale = float(numpy.abs(y[numpy.isfinite(y)]).max(initial=1.0)) if y.dtype != bool else 1.0
        numpy.testing.assert_allclose(x, y, tolerance, tolerance * 0.1 * scale)


@pytest.mark.parametrize("case", [c for c in CASES if c.compared], ids=ids)
def test_numpy(case: Case) -> None:
    for seed, kind in enumerate(case.kinds * 3):
        arrays = case.draw(seed, kind)
        with numpy.errstate(all="ignore"):
            wanted = case.numpy(*arrays)
        expect(case.ours(*(mx.np.array(x, dtype=x.dtype) for x in arrays)), wanted, case.rtol)


def graded_sum(case: Case, arrays: list[ndarray]) -> ndarray:
    """A number that depends on every floating result with weights of its own."""
    total = mx.np.zeros((), dtype=arrays[0].dtype)
    for k, y in enumerate(flat(case.ours(*arrays))):
        if y.dtype.kind == "f":
            weights = numpy.cos(numpy.arange(y.size, dtype=y.dtype) + k).reshape(y.shape)
            total = total + (y * mx.np.array(weights, dtype=y.dtype)).sum()
    return total


def gradients(case: Case, arrays: list[Any]) -> list[Any]:
    leaves = [mx.np.array(x, dtype=x.dtype) for x in arrays]
    for leaf in leaves:
        leaf.attach_grad()
    with autograd.record():
        total = graded_sum(case, leaves)
    total.backward()
    return [leaf.grad.asnumpy() for leaf in leaves if leaf.grad is not None]


@pytest.mark.parametrize("case", [c for c in CASES if c.graded and "f" in c.kinds], ids=ids)
def test_gradient(case: Case) -> None:
    for seed in range(2):
        arrays = case.draw(seed, "f", "float64")
        found = gradients(case, arrays)
        rng = numpy.random.default_rng(seed)
        moves = [rng.standard_normal(x.shape) for x in arrays]
        with autograd.train_mode():  # as recording is
            ends = [
                float(graded_sum(case, [
                    mx.np.array(x + side * STEP * m, dtype="float64")
                    for x, m in zip(arrays, moves, strict=True)
                ]).item())
                for side in (1, -1)
            ]  # fmt: skip
        slope = (ends[0] - ends[1]) / (2 * STEP)
        expected = sum(float((g * m).sum()) for g, m in zip(found, moves, strict=True))
        assert expected == pytest.approx(slope, rel=1e-4, abs=1e-5)


NAMED_TWICE = {f"np.{name}" for name in ALIASES}
"""Functions that are others under a second name need not be compiled again."""


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.compiled and c.name not in NAMED_TWICE], ids=ids
)
def test_compiled(case: Case) -> None:
    for seed, kind in enumerate(case.kinds):
        dtype = {"f": "float32", "i": "int32", "b": "bool"}[kind]
        arrays = [mx.np.array(x, dtype=x.dtype) for x in case.draw(seed, kind, dtype)]
        cached = Cached(case.ours, list)
        with warnings.catch_warnings():
            warnings.simplefilter("error", EagerWarning)
            expect(cached(*arrays), case.ours(*arrays), 1e-5)
            if kind == "f" and case.graded:
                compare_gradients(case, cached, arrays)


def compare_gradients(case: Case, cached: Cached, arrays: list[ndarray]) -> None:
    """The compiled backward pass gives what the tape gives."""
    eager = gradients(case, [x.asnumpy() for x in arrays])
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        outputs = [y for y in flat(cached(*arrays)) if y.dtype.kind == "f"]
        weights = [
            mx.np.array(numpy.cos(numpy.arange(y.size) + k).reshape(y.shape), dtype=y.dtype)
            for k, y in enumerate(outputs)
        ]
    autograd.backward(outputs, weights)
    for x, expected in zip(arrays, eager, strict=True):
        assert x.grad is not None
        expect(x.grad, expected, 1e-4)
