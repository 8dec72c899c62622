"""What is kept of values while they stream by, and the thresholds that are taken from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baryon as mx
from baryon.ir import i8, u8
from baryon.npx.divergence import BINS, best_reach, divergence
from baryon.quantization.counting import _by_numpy, counted
from baryon.quantization.planning import params_of
from baryon.quantization.ranges import (
    MOST_BINS,
    THRESHOLDS,
    CalibrationError,
    Seen,
    clipped_share,
    entropy,
    mse,
    naive,
    percentile,
    range_of,
)

RNG = np.random.default_rng(0)
SAMPLES = {
    "normal": RNG.normal(size=20_000),
    "relu": np.maximum(RNG.normal(size=20_000), 0),
    "laplace": RNG.laplace(size=20_000),
    "outlier": np.concatenate([RNG.normal(size=20_000), [300.0]]),
    "few": RNG.normal(size=100),
    "away from zero": RNG.normal(0.8, 0.15, size=1000),
    "two heaps": np.concatenate([RNG.normal(-3, 0.1, 5000), RNG.normal(8, 0.5, 9000)]),
}


def _seen(*arrays: np.ndarray) -> Seen:
    seen = Seen("x")
    for array in arrays:
        seen.add(array.astype(np.float32))
    return seen


@pytest.mark.parametrize("name", SAMPLES)
def test_the_histogram_is_numpys(name: str) -> None:
    x = SAMPLES[name].astype(np.float32)
    seen = _seen(x)
    expected, _ = np.histogram(x.astype(np.float64), bins=BINS, range=(-seen.end, seen.end))
    assert seen.counts.sum() == x.size
    # elements within an ulp of an edge may fall on its other side
    assert np.abs(np.cumsum(seen.counts - expected)).max() <= 2
    assert (seen.low, seen.high) == (x.min(), x.max())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=6), st.integers(0, 99))
def test_batches_of_growing_ranges_extend_the_histogram(scales: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = [rng.normal(size=500) * scale for scale in scales]
    seen = _seen(*batches)
    x = np.concatenate(batches).astype(np.float32)
    assert seen.counts.sum() == seen.elements == x.size
    assert len(seen.counts) % 2 == 1
    assert len(seen.counts) <= MOST_BINS + 2
    assert seen.end >= seen.reach * (1 - 1e-6)
    expected, _ = np.histogram(x, bins=len(seen.counts), range=(-seen.end, seen.end))
    assert np.abs(np.cumsum(seen.counts - expected)).max() <= 4


def test_memory_does_not_grow_with_ranges() -> None:
    seen = _seen(*(np.array([10.0**k, -1.0]) for k in range(-20, 20)))
    assert len(seen.counts) <= MOST_BINS + 2
    assert seen.counts.sum() == 80


@pytest.mark.parametrize("name", SAMPLES)
def test_the_fast_entropy_search_finds_the_best(name: str) -> None:
    seen = _seen(SAMPLES[name])
    levels = 511 if seen.is_positive else 255
    middle = BINS // 2
    every = [divergence(seen.counts, r, levels) for r in range(levels // 2, middle + 1, 8)]
    found = divergence(seen.counts, best_reach(seen.counts, levels), levels)
    # of 4000 divergences the 3rd best may be found; they differ by less than any rounding matters
    assert found <= min(every) * (1 + 1e-3) + 1e-9


@pytest.mark.parametrize("name", SAMPLES)
def test_entropy_is_that_of_npx(name: str) -> None:
    seen = _seen(SAMPLES[name])
    edges = np.linspace(-seen.end, seen.end, len(seen.counts) + 1).astype(np.float32)
    counts = mx.np.array(seen.counts.astype(np.float32))
    levels = 511 if seen.is_positive else 255
    threshold, _ = mx.npx.contrib_calibrate_entropy(counts, mx.np.array(edges), levels)
    other = np.abs(SAMPLES[name][SAMPLES[name] != 0])
    least = np.quantile(other, 0.999)  # a thousandth is what may be cut off
    expected = min(max(float(threshold[0]), least), seen.reach)
    assert entropy(seen) == pytest.approx(expected, rel=1e-4, abs=10 * seen.width)


def test_entropy_does_not_cut_off_what_is_no_outlier() -> None:
    """ReLU6 makes a heap of its largest value, which MXNet's algorithm takes for outliers."""
    x = np.maximum(RNG.normal(size=100_000), 0)
    seen = _seen(np.where(RNG.random(x.size) < 0.016, 6.0, x))
    mxnet = best_reach(seen.counts, 511) * seen.width
    assert mxnet < 5
    assert entropy(seen) == pytest.approx(6.0, abs=2 * seen.width)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 900_000),
    st.sampled_from([1, 255, BINS, 12_345, MOST_BINS + 1]),
    st.integers(0, 99),
)
def test_kernels_and_numpy_count_alike(size: int, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size).astype(np.float32)
    width = 6.0 / bins
    expected = _by_numpy(x, np.float32(1 / width), bins // 2)
    np.testing.assert_array_equal(counted(x, width, bins), expected)
    assert expected.sum() == size


def test_percentile_is_numpys_within_a_bin() -> None:
    seen = _seen(SAMPLES["normal"])
    expected = np.percentile(np.abs(SAMPLES["normal"]), 99.99)
    assert percentile(seen) == pytest.approx(expected, abs=2 * seen.width)
    assert percentile(seen, 50) == pytest.approx(
        np.median(np.abs(SAMPLES["normal"])), abs=2 * seen.width
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_mse_has_the_least_error_of_all_thresholds(name: str) -> None:
    x = SAMPLES[name]
    seen = _seen(x)
    levels = 255 if seen.is_positive else 127

    def error(threshold: float) -> float:
        scale = threshold / levels
        codes = np.clip(np.rint(x / scale), -levels, levels)
        return float(((codes * scale - x) ** 2).sum())

    least = min(error(t) for t in np.linspace(0.01, 1, 200) * seen.reach)
    assert error(mse(seen)) <= 1.05 * least


def test_outliers_are_cut_off_but_by_naive() -> None:
    seen = _seen(SAMPLES["outlier"])
    assert naive(seen) == 300.0
    assert percentile(seen) < 10
    assert entropy(seen) < 30
    assert clipped_share(seen, range_of(seen, percentile)) == pytest.approx(1e-4, abs=2e-4)
    assert clipped_share(seen, range_of(seen, naive)) == 0


@pytest.mark.parametrize("mode", THRESHOLDS)
def test_values_that_are_all_zero_have_an_empty_range(mode: str) -> None:
    seen = _seen(np.zeros(10))
    assert THRESHOLDS[mode](seen) == 0.0
    seen.add(np.array([1.0, -1.0], np.float32))
    assert seen.counts.sum() == 12
    assert THRESHOLDS[mode](seen) > 0


def test_positive_values_have_one_sided_ranges() -> None:
    assert range_of(_seen(SAMPLES["relu"]), naive).low == 0
    found = range_of(_seen(SAMPLES["normal"]), naive)
    assert found.low == -found.high


def test_what_is_hardly_negative_is_stored_from_its_least_element_on() -> None:
    """As after gelu, silu and hard-swish; int8 stays symmetric."""
    x = SAMPLES["normal"]
    seen = _seen(x / (1 + np.exp(-x)))
    found = range_of(seen, naive)
    assert -0.3 < found.low == seen.low
    (dtype, quant), whole = params_of(found), params_of(found, "int8")
    assert (dtype, whole.dtype) == (u8, i8)
    assert 0 < quant.zero[0] < 85
    assert quant.scale[0] < 0.75 * whole.quant.scale[0]
    assert whole.quant.zero == (0,)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named(bad: float) -> None:
    with pytest.raises(CalibrationError, match="x has elements that are not finite"):
        _seen(np.array([1.0, bad]))
