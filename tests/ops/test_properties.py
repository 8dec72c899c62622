"""Properties over random shapes and windows, against a plain definition."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baryon import interp
from baryon.ir import Builder, Dim, IRTypeError, Module, Region, Sym, TensorType, f32, verify
from baryon.ops import TABLE, lookup, recording
from baryon.ops.nn_pool import pool_counts, pool_window
from baryon.ops.samples import close
from baryon.ops.shapes import broadcast, read_shape, write_shape
from baryon.ops.views import resolve_shape

few = settings(max_examples=60, deadline=None)
dims = st.integers(0, 4)
shapes = st.lists(dims, max_size=4).map(tuple)
symbolic_dims = st.one_of(dims, st.builds(Sym, st.sampled_from("NM"), st.integers(1, 3)))


@few
@given(shapes, shapes)
def test_broadcasting_is_numpys(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(IRTypeError):
            broadcast("op", a, b)
    else:
        assert broadcast("op", a, b) == expected


@few
@given(st.lists(symbolic_dims, max_size=4).map(tuple))
def test_symbolic_shapes(shape: tuple[Dim, ...]) -> None:
    assert read_shape("op", write_shape(shape)) == shape
    assert broadcast("op", shape, shape, (1,) * len(shape)) == shape


@st.composite
def reshapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A shape, codes for it, and what they mean, built side by side."""
    shape: list[int] = []
    codes: list[int] = []
    result: list[int] = []
    for _ in range(draw(st.integers(0, 4))):
        a, b = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        kind = draw(st.sampled_from([-2, -3, -5, -6, 0]))
        if kind == -3:
            shape.append(1)
            codes.append(-3)
        elif kind == -5:
            shape += (a, b)
            codes.append(-5)
            result.append(a * b)
        elif kind == -6:
            shape.append(a * b)
            codes += draw(st.sampled_from([(-6, a, b), (-6, -1, b), (-6, a, -1)]))
            result += (a, b)
        else:
            shape.append(a)
            codes.append(-2 if kind else a)
            result.append(a)
    if draw(st.booleans()):
        rest = draw(st.lists(st.integers(1, 3), max_size=2))
        return (*shape, *rest), (*codes, -4), (*result, *rest)
    return tuple(shape), tuple(codes), tuple(result)


@few
@given(reshapes())
def test_reshape_codes(case: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> None:
    shape, codes, expected = case
    assert resolve_shape(shape, codes) == expected
    batched = resolve_shape((Sym("N"), *shape), (-2, *codes))
    assert batched == (Sym("N"), *expected)


@few
@given(shapes, st.data())
def test_inferred_reshape_is_numpys(shape: tuple[int, ...], data: st.DataObject) -> None:
    target: list[int] = data.draw(st.permutations(shape))
    if target and 0 not in target[1:]:
        target = [-1, *target[1:]]
    assert resolve_shape(shape, tuple(target)) == np.zeros(shape).reshape(target).shape


windows = st.fixed_dictionaries(
    {
        "kernel": st.tuples(st.integers(1, 4), st.integers(1, 3)),
        "stride": st.tuples(st.integers(1, 4), st.integers(1, 3)),
        "pad": st.tuples(*[st.integers(0, 2)] * 4),
        "pool_type": st.sampled_from(["max", "avg", "sum"]),
        "pooling_convention": st.sampled_from(["valid", "full", "same"]),
        "count_include_pad": st.booleans(),
    }
)


@settings(max_examples=150, deadline=None)
@given(windows, st.tuples(st.integers(1, 7), st.integers(1, 7)), st.integers(0, 9))
def test_pooling_by_definition(attrs: dict[str, Any], size: tuple[int, int], seed: int) -> None:
    op = TABLE["npx.pooling"]
    full = op.normalize(attrs)
    x = np.random.default_rng(seed).uniform(-1, 1, (1, 1, *size))
    try:
        inferred = op.infer(TensorType(x.shape, f32), **full)
    except IRTypeError:
        assume(False)
    assert isinstance(inferred, TensorType)
    (y,) = op.evaluate([x], attrs)
    assert y.shape == inferred.shape
    window = pool_window("op", size, full)
    rows, columns = (np.asarray(c) for c in pool_counts("op", size, full))
    for i, j in itertools.product(*map(range, y.shape[2:])):
        top, left = i * window.stride[0] - window.before[0], j * window.stride[1] - window.before[1]
        seen = x[0, 0, max(top, 0) : top + window.kernel[0], max(left, 0) : left + window.kernel[1]]
        assert seen.size, "every window sees data"
        divisor = rows[i] * columns[j]
        assert seen.size <= divisor <= math.prod(window.kernel)
        if not attrs["count_include_pad"]:
            assert divisor == seen.size
        expected = {"max": seen.max(), "sum": seen.sum(), "avg": seen.sum() / divisor}
        np.testing.assert_allclose(
            y[0, 0, i, j].astype(float), expected[attrs["pool_type"]], atol=1e-12
        )


@few
@given(windows, st.integers(1, 2), st.tuples(st.integers(1, 7), st.integers(1, 7)))
def test_convolution_by_definition(
    attrs: dict[str, Any], dilate: int, size: tuple[int, int]
) -> None:
    op = TABLE["npx.convolution"]
    given = {k: attrs[k] for k in ("kernel", "stride", "pad")} | {"dilate": (dilate, 1)}
    rng = np.random.default_rng(0)
    x, w = rng.uniform(-1, 1, (1, 2, *size)), rng.uniform(-1, 1, (2, 2, *attrs["kernel"]))
    try:
        (y,) = op.evaluate([x, w], given)
    except IRTypeError:
        assume(False)
    top, left, bottom, right = attrs["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (kh, kw), (sh, sw) = attrs["kernel"], attrs["stride"]
    for i, j in itertools.product(*map(range, y.shape[2:])):
        a, b = i * sh, j * sw
        taps = padded[0, :, a : a + dilate * (kh - 1) + 1 : dilate, b : b + kw]
        np.testing.assert_allclose(
            y[0, :, i, j].astype(float), (w * taps).sum(axis=(1, 2, 3)), atol=1e-12
        )


bounds = st.integers(-6, 6)


@few
@given(st.integers(0, 5), bounds, bounds, st.integers(-3, 3).filter(bool), st.integers(0, 3))
def test_slice_is_pythons(size: int, begin: int, end: int, step: int, other: int) -> None:
    x = np.arange(size * other).reshape(size, other)
    (y,) = TABLE["npx.slice"].evaluate([x], {"begin": begin, "end": end, "step": step})
    np.testing.assert_array_equal(y, x[begin:end:step])


def test_symbols_inside_attributes_are_bound_by_the_inputs() -> None:
    batch = Sym("N")
    region = Region([TensorType((batch, 6), f32)])
    module = Module(symbols={"N": (1, 8)})
    o = recording(TABLE, Builder(module, region, lookup))
    folded = o.np.reshape(region.args[0], newshape=("2*N", -1))
    ones = o.np.broadcast_to(np.ones((1, 3), np.float32), shape=("2*N", 3))
    module.funcs["main"] = close(region, [o.np.add(folded, ones), o.np.zeros(shape=("N",))])
    verify(module, lookup)
    y, zeros = interp.run(module, [np.ones((4, 6), np.float32)])
    np.testing.assert_array_equal(y, np.full((8, 3), 2.0))
    assert zeros.shape == (4,)
