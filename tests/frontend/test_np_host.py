"""Functions that NumPy computes: all of the table, what they refuse, and NumPy's lost ones."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import baryon as mx
from baryon import autograd
from baryon.array import GradientError, TraceError
from baryon.deferred import trace
from baryon.ir import UnsupportedError
from baryon.np import ndarray
from baryon.np.host import HOST

RNG = numpy.random.default_rng(2)
V = numpy.array([3, 1, 2, 0, 5, 0], numpy.float32)
M = RNG.uniform(-2, 2, (3, 4)).astype(numpy.float32)
N = numpy.where(M > 1.5, numpy.nan, M).astype(numpy.float32)
INDICES = numpy.array([[0, 1, 0], [2, 0, 1]], numpy.int64)
BITS = numpy.array([1, 0, 1, 1, 0, 0, 1, 0], numpy.uint8)

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "argpartition": (V, 2), "argwhere": (INDICES,),
    "choose": (INDICES % 2, [INDICES, -INDICES]),
    "compress": ([True, False, True], M, 0), "correlate": (V, V[:3]), "digitize": (V, V[:2] * 0),
    "divmod": (V, 2), "extract": (M > 0, M), "float_power": (V, 2), "heaviside": (V, 0.5),
    "histogram2d": (V, V), "intersect1d": (V, V[:2]), "isin": (V, V[:2]), "ix_": (V, V),
    "lexsort": ([V, -V],), "packbits": (BITS,), "partition": (V, 2),
    "piecewise": (V, [V > 2], [7.0]),
    "poly": (V,), "polyadd": (V, V[:2]), "polydiv": (V, V[:2]), "polyfit": (V[:4], V[1:5], 2),
    "polymul": (V, V), "polysub": (V, V[:2]), "roots": (numpy.array([1.0, -3, 2]),),
    "searchsorted": (numpy.sort(V), V), "select": ([V > 2, V < 1], [V, -V]),
    "setdiff1d": (V, V[:2]), "setxor1d": (V, V[:2]), "union1d": (V, V[:2]), "unpackbits": (BITS,),
    "nanpercentile": (N, 30), "nanquantile": (N, 0.3), "apply_over_axes": (numpy.sum, M, [0]),
    "vander": (V,), "trim_zeros": (V,), "polyint": (V,), "histogram_bin_edges": (V,), "i0": (V,),
    "take_along_axis": (M, INDICES[:, :1] % 3, 1), "apply_along_axis": (numpy.sum, 1, M),
}  # fmt: skip
WITH_NAN = {"nancumprod", "nancumsum", "nanmedian", "nanstd", "nanvar", "nanargmax", "nanargmin"}
OWN = {"mirr", "npv", "pmt", "ppmt", "pv", "rate", "in1d", "msort", "trapz"}


@pytest.mark.parametrize("name", sorted({*HOST} - OWN))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_numpy_says(name: str) -> None:
    arguments = ARGUMENTS.get(name, (N if name in WITH_NAN else M,))
    got = getattr(mx.np, name)(*map(ours, arguments))
    same(got, getattr(numpy, name)(*arguments))


def ours(x: Any) -> Any:
    if isinstance(x, numpy.ndarray):
        return mx.np.array(x, dtype=x.dtype)
    return [ours(v) for v in x] if isinstance(x, list) else x


def same(got: Any, want: Any) -> None:
    if isinstance(want, tuple | list):
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            same(a, b)
    elif isinstance(want, numpy.ndarray | numpy.generic):
        assert isinstance(got, ndarray)
        assert got.shape == want.shape
        assert_allclose(got.asnumpy(), numpy.asarray(want, got.dtype), rtol=2e-6)
    else:
        assert got == want


def test_names_that_numpy_lost() -> None:
    assert_array_equal(mx.np.in1d(ours(M), ours(M[0])).asnumpy(), numpy.isin(M, M[0]).ravel())
    assert_array_equal(mx.np.msort(ours(M)).asnumpy(), numpy.sort(M, axis=0))
    area = mx.np.trapz(ours(M), dx=0.5, axis=0).asnumpy()
    assert_allclose(area, numpy.trapezoid(M, dx=0.5, axis=0))
    for alias, name in {"alltrue": "all", "sometrue": "any", "product": "prod"}.items():
        assert getattr(mx.np, alias) is getattr(mx.np, name)
    assert mx.np.PINF == -mx.np.NINF == numpy.inf
    assert mx.np.NaN != mx.np.NaN


@pytest.mark.parametrize("when", ["end", "begin", 0, 1])
@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_payments_belong_together(rate: float, when: Any) -> None:
    """The equation that defines them, and a loan written out month by month."""
    np, nper, loan, rest = mx.np, 24, 5000.0, -300.0
    pmt = np.pmt(rate, nper, loan, rest, when).item()
    assert np.pv(rate, nper, pmt, rest, when).item() == pytest.approx(loan)
    early, debt = when in ("begin", 1), loan
    for month in range(1, nper + 1):
        before = debt
        debt = (debt + pmt) * (1 + rate) if early else debt * (1 + rate) + pmt
        principal = np.ppmt(rate, month, nper, loan, rest, when).item()
        interest = before * rate / (1 + rate) * (month > 1) if early else before * rate
        assert principal == pytest.approx(pmt + interest)
    assert debt == pytest.approx(-rest)
    if rate:
        assert np.rate(nper, pmt, loan, rest, when).item() == pytest.approx(rate)


def test_rates_of_return() -> None:
    flows = mx.np.array([-100.0, 39, 59, 55, 20])
    assert mx.np.npv(0.281, flows).item() == pytest.approx(-0.00847859, abs=1e-5)
    values = [-4500, -800, 800, 800, 600, 600, 800, 800, 700, 3000]
    assert mx.np.mirr(values, 0.08, 0.055).item() == pytest.approx(0.066597175, abs=1e-8)
    assert numpy.isnan(mx.np.mirr([1.0, 2.0], 0.1, 0.1).item())
    assert mx.np.rate(10, 0, -3500, 10000).item() == pytest.approx(0.1106908, abs=1e-6)
    assert numpy.isnan(mx.np.rate(10, -10, 50, 60).item())


@pytest.mark.parametrize("name", ["cov", "i0"])
def test_no_gradient_and_no_trace(name: str) -> None:
    x = ours(M)
    x.attach_grad()
    with autograd.record(), pytest.raises(GradientError, match=f"np.{name} computes on the host"):
        getattr(mx.np, name)(x)
    getattr(mx.np, name)(x.detach())
    with pytest.raises(TraceError, match=rf"np.{name}\(\) needs the elements"):
        trace(getattr(mx.np, name), x)


def test_functions_of_users_get_our_arrays() -> None:
    def spread(v: Any) -> Any:
        assert isinstance(v, ndarray)
        return mx.np.max(v) - mx.np.min(v)

    got = mx.np.apply_along_axis(spread, 0, ours(M))
    assert_allclose(got.asnumpy(), numpy.ptp(M, axis=0), rtol=1e-6)


def test_memory_is_not_shared() -> None:
    x = ours(V)
    y = mx.np.real(x)
    y[0] = 100
    assert x[0].item() == V[0]


def test_results_that_arrays_cannot_hold() -> None:
    with pytest.raises(UnsupportedError, match="elements of type complex"):
        mx.np.roots(mx.np.array([1.0, 0, 1]))
