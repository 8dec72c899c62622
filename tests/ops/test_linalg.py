"""Gradients of decompositions that need matrices of a kind, and values against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baryon import interp
from baryon.ir import Builder, Module, Region, UnsupportedError, tensor_type_of
from baryon.ops import TABLE, lookup
from baryon.ops.numerics import Arr
from baryon.ops.samples import close
from baryon.ops.vjp import append_gradients

RNG = np.random.default_rng(4)
FREE = RNG.uniform(-1, 1, (2, 4, 4))
SYMMETRIC = FREE + FREE.swapaxes(-1, -2)
DEFINITE = FREE @ FREE.swapaxes(-1, -2) + np.eye(4)
REAL = FREE @ (np.diag([1.0, 2, 3, 5]) @ np.linalg.inv(FREE))
STEP = 1e-6


def evaluate(name: str, a: Any, **attrs: Any) -> Any:
    return TABLE[f"ir.linalg_{name}"].evaluate([a], attrs)


def gradient(name: str, attrs: dict[str, Any], a: Arr, seeds: list[Arr]) -> Arr:
    """The gradient for the only operand, by the op's rule."""
    module, opdef = Module(), TABLE[name]
    region = Region([tensor_type_of(x) for x in (a, *seeds)])
    builder = Builder(module, region, lookup)
    results = builder.emit(name, region.args[:1], opdef.normalize(attrs))
    given = dict(zip(results, region.args[1:], strict=True))
    (found,) = append_gradients(TABLE, builder, given, region.args[:1])
    assert found is not None
    module.funcs["main"] = close(region, [found])
    return interp.run(module, [a, *seeds])[0]


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(
    ("name", "matrices"), [("cholesky", DEFINITE), ("eigh", SYMMETRIC)], ids=["cholesky", "eigh"]
)
def test_gradients_of_symmetric_matrices(name: str, matrices: Arr, upper: bool) -> None:
    check(f"ir.linalg_{name}", matrices, {"upper": upper}, symmetric=True)


def test_gradient_of_eig() -> None:
    check("ir.linalg_eig", REAL, {}, symmetric=False)


def check(name: str, a: Any, attrs: dict[str, Any], symmetric: bool) -> None:
    opdef = TABLE[name]
    direction: Any = RNG.uniform(-1, 1, a.shape)
    direction = direction + direction.swapaxes(-1, -2) if symmetric else direction
    moved: Any = (opdef.evaluate([a + s * direction], attrs) for s in (STEP, -STEP))
    plus, minus = moved
    seeds = [RNG.uniform(-1, 1, x.shape) for x in plus]
    want = sum(((p - m) * s).sum() for p, m, s in zip(plus, minus, seeds, strict=True)) / 2 / STEP
    got: Any = gradient(name, attrs, a, seeds)
    np.testing.assert_allclose((got * direction).sum(), want, rtol=1e-6)
    if symmetric:
        np.testing.assert_allclose(got, got.swapaxes(-1, -2))


def test_only_one_triangle_is_read() -> None:
    for upper in (False, True):
        half = np.triu(DEFINITE) if upper else np.tril(DEFINITE)
        for name in ("cholesky", "eigh"):
            whole, part = (evaluate(name, x, upper=upper) for x in (DEFINITE, half))
            for a, b in zip(whole, part, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-10)
    (factor,) = evaluate("cholesky", DEFINITE, upper=True)
    np.testing.assert_allclose(factor.swapaxes(-1, -2) @ factor, DEFINITE, rtol=1e-10)


def test_complex_eigenvalues_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="eigenvalues are complex"):
        evaluate("eig", np.asarray([[0.0, 1], [-1, 0]]))


def test_decompositions_compose() -> None:
    for shape in ((4, 3), (3, 4), (2, 3, 3)):
        a = RNG.uniform(-1, 1, shape)
        q, r = evaluate("qr", a)
        u, s, vt = evaluate("svd", a)
        (p,) = evaluate("pinv", a)
        np.testing.assert_allclose(q @ r, a, atol=1e-12)
        np.testing.assert_allclose(u * s[..., None, :] @ vt, a, atol=1e-12)
        np.testing.assert_allclose(a @ p @ a, a, atol=1e-12)
