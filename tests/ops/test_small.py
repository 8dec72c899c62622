"""The small element types: what conversions give, found here by looking for the nearest value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.numpy_helper import saturate_cast, to_float8e8m0

from baryon.ir import (
    DTYPES,
    SMALL_DTYPES,
    Array,
    DType,
    IRTypeError,
    TensorType,
    boolean,
    dtype_of,
    f32,
    i8,
)
from baryon.ops import TABLE, lookup
from baryon.ops.small import ROUNDINGS

FLOATS = tuple(t for t in SMALL_DTYPES if t.is_float and t.name != "f8e8m0")
POWERS = DTYPES["f8e8m0"]
each_float = pytest.mark.parametrize("dtype", FLOATS, ids=str)


def narrow(x: Any, dtype: DType, saturate: bool = True, rounding: str = "up") -> Array:
    attrs = {"dtype": dtype, "saturate": saturate, "rounding": rounding}
    return TABLE["ir.narrow"].evaluate((x,), attrs)[0]


def cast(x: Any, dtype: DType) -> Array:
    return TABLE["npx.cast"].evaluate((x,), {"dtype": dtype})[0]


def codes(dtype: DType) -> Array:
    """All elements that a type has."""
    return np.arange(1 << dtype.bits, dtype=np.uint8).view(dtype.numpy)


def numbers(dtype: DType) -> Any:
    """The magnitudes of a small float in ascending order, by their bits, as float64."""
    form = dtype.format
    assert form is not None
    return codes(dtype)[: form.largest + 1].astype(np.float64)


def nearest(x: float, dtype: DType, saturate: bool) -> int:
    """The bits for a number, by comparing its distances to all magnitudes; even bits in a tie."""
    form = dtype.format
    assert form is not None
    sign = form.sign if np.signbit(x) else 0
    if np.isnan(x):
        return 0 if form.nan is None else form.nan | sign
    magnitudes = numbers(dtype)
    beyond = 2 * magnitudes[-1] - magnitudes[-2]  # what would be the next number
    places = np.abs(np.append(magnitudes, beyond) - min(abs(x), beyond))
    best = np.flatnonzero(places == places.min())
    code = int(best[0] if best[0] % 2 == 0 else best[-1])
    if code > form.largest:
        special = form.nan if form.infinity is None else form.infinity
        code = form.largest if saturate or special is None else special
    return code | (sign if code or form.has_negative_zero else 0)


def middles(dtype: DType) -> Any:
    """Numbers of the type, what lies in the middle of two, and what is next to that in float64."""
    known = numbers(dtype)
    middle = (known[1:] + known[:-1]) / 2
    last = known[-1] + (known[-1] - known[-2]) / 2
    points = np.concatenate([known, middle, [last, 2 * last, np.inf, np.nan]])
    points = np.concatenate([points, np.nextafter(points, 0), np.nextafter(points, np.inf)])
    return np.concatenate([points, -points])


@each_float
@pytest.mark.parametrize("saturate", [True, False])
def test_the_nearest_number_is_taken_and_rounding_happens_once(
    dtype: DType, saturate: bool
) -> None:
    points = middles(dtype)
    got = narrow(points, dtype, saturate).view(np.uint8)
    assert got.tolist() == [nearest(float(x), dtype, saturate) for x in points]


@each_float
@settings(max_examples=200, deadline=None)
@given(x=st.floats(width=32))
def test_any_number(dtype: DType, x: float) -> None:
    got = narrow(np.array([x], np.float32), dtype)
    assert got.view(np.uint8).item() == nearest(x, dtype, True)


@pytest.mark.parametrize("dtype", [t for t in FLOATS if t.format and t.format.nan], ids=str)
def test_half_floats_as_the_standard_converts_them(dtype: DType) -> None:
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    x = np.where(np.isnan(x), np.float16(np.nan), x)
    want = saturate_cast(x, dtype.numpy)
    assert np.array_equal(cast(x, dtype).view(np.uint8), want.view(np.uint8))


@each_float
def test_a_number_of_the_type_stays_what_it_is(dtype: DType) -> None:
    every = codes(dtype)
    again = narrow(cast(every, f32), dtype, saturate=False)
    assert np.array_equal(again.astype(np.float32), every.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@settings(max_examples=300, deadline=None)
@given(x=st.floats(2.0**-126, float(np.finfo(np.float32).max), width=32))
def test_powers_of_two_as_the_standard_converts_them(rounding: str, x: float) -> None:
    array = np.array([x], np.float32)
    for saturate in (True, False):
        want = to_float8e8m0(array, saturate, rounding)
        got = narrow(array, POWERS, saturate, rounding)
        assert got.view(np.uint8) == want.view(np.uint8)


@pytest.mark.parametrize(
    ("x", "saturated", "plain"),
    [
        (0.0, 0, 255), (np.nan, 255, 255), (np.inf, 254, 255), (3e38, 254, 255), (1e-40, 0, 255),
        (2.0**-127, 0, 0), (1.0, 127, 127),
    ],
)  # fmt: skip
def test_the_standards_table_of_powers_of_two(x: float, saturated: int, plain: int) -> None:
    array = np.array([x], np.float32)
    assert narrow(array, POWERS, True, "up").view(np.uint8) == saturated
    assert narrow(array, POWERS, False, "nearest").view(np.uint8) == plain


@pytest.mark.parametrize("name", ["i2", "i4", "u2", "u4"])
def test_whole_numbers_keep_the_lowest_bits(name: str) -> None:
    dtype, x = DTYPES[name], np.arange(-40, 40)
    low, _ = dtype.limits
    want = (x - low) % (1 << dtype.bits) + low
    assert np.array_equal(cast(x, dtype).astype(np.int64), want)
    assert np.array_equal(cast(x.astype(np.float32) + 0.0, dtype).astype(np.int64), want)


def test_small_types_meet_in_what_computes_with_them() -> None:
    int4 = np.arange(-8, 8).astype(DTYPES["i4"].numpy)
    assert cast(int4, DTYPES["f8e5m2"]).astype(np.float32).tolist() == [*range(-8, 8)]
    assert cast(cast(int4, DTYPES["f8e5m2"]), i8).tolist() == [*range(-8, 8)]
    assert cast(codes(DTYPES["f4e2m1"]), boolean).tolist() == [False, *[True] * 7] * 2


@pytest.mark.parametrize("dtype", SMALL_DTYPES, ids=str)
def test_nothing_is_computed_in_small_types(dtype: DType) -> None:
    x = TensorType((2, 3), dtype)
    assert dtype_of(dtype.numpy) == dtype
    for name in ("np.add", "npx.relu", "np.matmul", "np.where", "np.max", "ir.sort"):
        opdef = TABLE[name]
        operands = [x] * len(opdef.operands)
        with pytest.raises(IRTypeError, match="not computed in"):
            opdef.infer_types(operands, {p.name: p.default for p in opdef.params})
    with pytest.raises(IRTypeError, match="not computed in"):
        TABLE["np.ones"].infer_types((), {"shape": (2,), "dtype": dtype})


@pytest.mark.parametrize("dtype", SMALL_DTYPES, ids=str)
def test_small_types_are_moved(dtype: DType) -> None:
    array = np.resize(codes(dtype), 12).reshape(3, 4)
    moved: dict[str, tuple[Any, Any, Any]] = {
        "np.transpose": ((array,), {"axes": (1, 0)}, array.T),
        "np.reshape": ((array,), {"newshape": (2, 6)}, array.reshape(2, 6)),
        "np.concatenate": ((array, array), {"axis": 1}, np.concatenate([array, array], 1)),
        "np.take": ((array, np.array([2, 0])), {"axis": 0}, array[[2, 0]]),
    }
    for name, (operands, attrs, want) in moved.items():
        (got,) = TABLE[name].evaluate(operands, attrs)
        assert got.dtype == dtype.numpy
        assert np.array_equal(got.view(np.uint8), np.ascontiguousarray(want).view(np.uint8))


def test_bits_are_taken_for_a_type_of_their_width() -> None:
    opdef = lookup("ir.bit_cast")
    assert opdef is not None
    (bits,) = opdef.evaluate((np.array([1.0, -0.0], np.float32),), {"dtype": "u32"})
    assert bits.tolist() == [0x3F800000, 0x80000000]
    with pytest.raises(IRTypeError, match="32 bits"):
        opdef.infer_types([TensorType((2,), f32)], {"dtype": i8})
    with pytest.raises(IRTypeError, match="truth"):
        opdef.infer_types([TensorType((2,), i8)], {"dtype": boolean})
