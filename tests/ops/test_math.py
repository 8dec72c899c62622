"""Element-wise functions at chosen points: gradients inside of their domains, edges, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from baryon import interp
from baryon.ir import DTYPES, Builder, IRTypeError, Module, Region, TensorType, tensor_type_of
from baryon.ops import TABLE, lookup
from baryon.ops.numerics import Arr
from baryon.ops.samples import close
from baryon.ops.vjp import append_gradients


def gradients(name: str, arrays: list[Arr], **attrs: Any) -> list[Arr]:
    """The gradients of the sum of an op's result."""
    types = [tensor_type_of(x) for x in arrays]
    (result,) = TABLE[name].evaluate(arrays, attrs)
    region, module = Region([*types, tensor_type_of(result)]), Module()
    *operands, seed = region.args
    builder = Builder(module, region, lookup)
    results = builder.emit(name, operands, TABLE[name].normalize(attrs))
    found = append_gradients(TABLE, builder, {results[0]: seed}, operands)
    outputs = [x if g is None else g for x, g in zip(operands, found, strict=True)]
    module.funcs["main"] = close(region, outputs)
    grads: list[Arr] = interp.run(module, [*arrays, np.ones_like(result)])
    return [np.zeros_like(x) if g is None else y
            for x, g, y in zip(arrays, found, grads, strict=True)]  # fmt: skip


def evaluate(name: str, *arrays: Any) -> Any:
    """The result of an op without attributes."""
    return TABLE[name].evaluate(arrays, {})[0]


DOMAINS: dict[str, tuple[float, float]] = {
    "np.arcsin": (-0.95, 0.95),
    "np.arccos": (-0.95, 0.95),
    "np.arctanh": (-0.95, 0.95),
    "npx.erfinv": (-0.95, 0.95),
    "np.arccosh": (1.1, 9),
    "npx.gamma": (-3.9, 5),
    "npx.gammaln": (-3.9, 9),
    "npx.digamma": (-3.9, 9),
    "np.tan": (-9, 9),
    "np.cbrt": (-9, -0.1),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_gradients_inside_of_the_domain(name: str) -> None:
    x, step = np.random.default_rng(0).uniform(*DOMAINS[name], 40), 1e-6
    x = x[np.abs(x - np.rint(x)) > 0.02]
    (grad,) = gradients(name, [x])
    above, below = (evaluate(name, x + d) for d in (step, -step))
    np.testing.assert_allclose(grad, (above - below) / (2 * step), rtol=1e-5, atol=1e-6)


def test_straight_through_gradients() -> None:
    x = np.array([0.5, -2.5, 0.2])
    for name in ("npx.round_ste", "npx.sign_ste"):
        np.testing.assert_array_equal(gradients(name, [x])[0], 1)
    np.testing.assert_array_equal(evaluate("npx.round_ste", x), [1, -3, 0])


def test_gradients_of_what_was_chosen() -> None:
    x, y = np.array([np.nan, 1, 2, 3, np.nan]), np.array([1, np.nan, 2, 5, np.nan])
    first, second = gradients("np.fmax", [x, y])
    np.testing.assert_array_equal(first, [0, 1, 1, 0, 1])
    np.testing.assert_array_equal(second, [1, 0, 0, 1, 0])
    signs = gradients("np.copysign", [np.array([-0.0, 2, -3]), np.array([1.0, -1, -1])])
    np.testing.assert_array_equal(signs, [[-1, -1, 1], [0, 0, 0]])


EDGES = np.array([0.0, -0.0, 1, -1, 0.5, np.inf, -np.inf, np.nan, 1e-300, 1 - 2**-53, 2**-60, -2.5])


@pytest.mark.parametrize(
    ("name", "judge"),
    [
        ("npx.erfinv", scipy.special.erfinv),
        ("npx.gamma", scipy.special.gamma),
        ("npx.digamma", scipy.special.digamma),
        ("npx.erf", scipy.special.erf),
    ],
)
def test_edges_of_references(name: str, judge: Callable[..., Any]) -> None:
    found = evaluate(name, EDGES)
    np.testing.assert_allclose(found, judge(EDGES), rtol=1e-13)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float64, 20, elements=st.floats(-1, 1)))
def test_erfinv_undoes_erf(x: Arr) -> None:
    y = evaluate("npx.erfinv", x)
    np.testing.assert_allclose(y, scipy.special.erfinv(x), rtol=1e-13, atol=1e-300)
    narrow = evaluate("npx.erfinv", x.astype(np.float32))
    wanted = scipy.special.erfinv(x.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(narrow, wanted.astype(np.float32), rtol=2e-7)


WHOLE = ["floor_divide", "mod", "fmod", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor",
         "bitwise_left_shift", "bitwise_right_shift"]  # fmt: skip
KINDS = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool"]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(WHOLE), st.sampled_from(KINDS), st.sampled_from(KINDS), st.data())
def test_whole_numbers_are_numpys(name: str, left: str, right: str, data: st.DataObject) -> None:
    a, b = (data.draw(hnp.arrays(DTYPES[k].numpy, 4)) for k in (left, right))
    op = TABLE[f"np.{name}"]
    common = np.result_type(a, b)
    if common.kind == "f":
        if name not in ("floor_divide", "mod", "fmod"):
            with pytest.raises(IRTypeError, match="whole"):
                op.infer(tensor_type_of(a), tensor_type_of(b))
        return
    (found,) = op.evaluate([a, b], {})
    if left == right == "bool" and name in ("gcd", "lcm"):
        a, b = a.view(np.int8), b.view(np.int8)
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(a, b)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("name", "dtypes"),
    [
        ("np.bitwise_and", ("f32", "i32")),
        ("np.bitwise_left_shift", ("u64", "i64")),
        ("np.gcd", ("f32", "f32")),
        ("np.invert", ("f32",)),
        ("np.ceil", ("bool",)),
        ("np.around", ("bool",)),
    ],
)
def test_refusals(name: str, dtypes: tuple[str, ...]) -> None:
    with pytest.raises(IRTypeError, match=name):
        TABLE[name].infer(*(TensorType((2,), DTYPES[d]) for d in dtypes))
