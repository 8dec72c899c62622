"""The counter-based generator: its definition, its evenness, independent keys and streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baryon.ir import IRTypeError, TensorType, f32, u64
from baryon.ops import TABLE
from baryon.ops.numerics import Arr
from baryon.ops.random import GAMMA, mixed

MASK = (1 << 64) - 1


def uniform(key: int, shape: tuple[int, ...], dtype: str = "f32", stream: int = 0) -> Arr:
    attrs = {"shape": shape, "dtype": dtype, "stream": stream}
    return TABLE["ir.random_uniform"].evaluate([np.asarray(key, np.uint64)], attrs)[0]


def test_mixed_is_splitmix64() -> None:
    # the first outputs of SplitMix64 seeded with 1234567, as other implementations print them
    state, found = 1234567, []
    for _ in range(3):
        state = state + GAMMA & MASK
        found.append(mixed(state))
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize(("dtype", "digits"), [("f16", 11), ("bf16", 8), ("f32", 24), ("f64", 53)])
def test_elements_are_the_hash_written_out(dtype: str, digits: int) -> None:
    key, stream = 0xFEDCBA9876543210, 2
    x = uniform(key, (3, 7000), dtype, stream).reshape(-1)  # more than one chunk
    start = mixed(key + stream * 0xD1342543DE82EF95 & MASK)
    for i in (0, 1, 6999, 16383, 16384, 20999):
        z = mixed(start + (i + 1) * GAMMA & MASK)
        assert float(x[i]) == (z >> 64 - digits) / 2**digits
    assert float(x.max()) < 1
    assert float(x.min()) >= 0


@pytest.mark.parametrize("key", [0, 1, 2, 1 << 63])
def test_even(key: int) -> None:
    counts = np.bincount((uniform(key, (200000,)) * 256).astype(np.int64), minlength=256)
    chi = float(((counts - counts.mean()) ** 2).sum() / counts.mean())
    assert 180 < chi < 345, "chi-square of 255 degrees: 0.9999 lie between"


def test_pairs_are_even() -> None:
    """Neighbours fill the square, as do equal places of neighbouring keys and streams."""
    a = uniform(5, (100000,))
    others = (np.roll(a, 1), uniform(6, (100000,)), uniform(5, (100000,), stream=1))
    for b in others:
        cells = (a * 16).astype(np.int64) * 16 + (b * 16).astype(np.int64)
        counts = np.bincount(cells, minlength=256)
        chi = float(((counts - counts.mean()) ** 2).sum() / counts.mean())
        assert 180 < chi < 345
        assert abs(float(np.corrcoef(a, b)[0, 1])) < 0.015


def test_same_key_same_numbers() -> None:
    np.testing.assert_array_equal(uniform(3, (4, 5)), uniform(3, (4, 5)))
    np.testing.assert_array_equal(uniform(3, (20,)), uniform(3, (4, 5)).reshape(-1))
    assert not np.array_equal(uniform(3, (20,)), uniform(4, (20,)))


@pytest.mark.parametrize(
    ("key", "attrs", "message"),
    [
        (TensorType((), u64), {"dtype": "i32"}, "dtype must be floating, not i32"),
        (TensorType((), u64), {"shape": (2, "N")}, "only the first axis may be symbolic"),
        (TensorType((), u64), {"stream": -1}, "stream must not be negative"),
        (TensorType((2,), u64), {}, "one number of type u64, not u64"),
        (TensorType((), f32), {}, "one number of type u64, not f32"),
    ],
)
def test_refusals(key: TensorType, attrs: dict[str, Any], message: str) -> None:
    opdef = TABLE["ir.random_uniform"]
    with pytest.raises(IRTypeError, match=message):
        opdef.infer(key, **opdef.normalize({"shape": (2,), **attrs}))
