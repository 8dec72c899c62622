"""Functions of `mx.np` that NumPy computes: no gradient, eager only, element types as NumPy's.

One table says which they are. A name stands for NumPy's function of that name, with NumPy's
arguments, unless `_INSTEAD` gives another; arrays in the result are ours, numbers among them arrays
without axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy

from baryon.array.host import on_host
from baryon.np import finance


def _in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    return numpy.isin(numpy.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert)


def _msort(a: Any) -> Any:
    return numpy.sort(a, axis=0)


def _trapz(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return numpy.trapezoid(y, x, dx, axis)


HOST: Mapping[str, str] = {
    "apply_along_axis": "A function applied to vectors along an axis.",
    "apply_over_axes": "A function applied over axes, one after the other.",
    "argpartition": "The indices that would partition an array.",
    "choose": "Elements chosen from several arrays by an array of their numbers.",
    "compress": "The slices along an axis for which a condition holds.",
    "corrcoef": "The matrix of correlation coefficients.",
    "correlate": "The cross-correlation of two vectors.",
    "count_nonzero": "The number of elements other than zero.",
    "cov": "The covariance matrix.",
    "cumprod": "The cumulative product.",
    "digitize": "The numbers of the bins that elements fall into.",
    "divmod": "The quotient rounded down, and the remainder.",
    "extract": "The elements for which a condition holds.",
    "float_power": "x1 to the power x2 in float64.",
    "frexp": "The mantissa in [0.5, 1) and the exponent of 2.",
    "heaviside": "0 for negative elements, 1 for positive ones, x2 for zeros.",
    "histogram2d": "A histogram of points in the plane.",
    "histogram_bin_edges": "The edges of the bins of a histogram.",
    "histogramdd": "A histogram of points in any number of dimensions.",
    "i0": "The modified Bessel function of the first kind, order 0.",
    "in1d": "Whether each element, in order, is in another array.",
    "intersect1d": "The elements that two arrays have in common, sorted.",
    "isin": "Whether each element is in another array.",
    "ix_": "An open mesh of sequences, to index with.",
    "lexsort": "The indices that sort by several keys, the last one first.",
    "mirr": "The modified internal rate of return: mirr(values, finance_rate, reinvest_rate).",
    "modf": "The fractional and the whole part.",
    "msort": "A copy sorted along the first axis.",
    "nanargmax": "The index of the largest element, NaNs left out.",
    "nanargmin": "The index of the smallest element, NaNs left out.",
    "nancumprod": "The cumulative product, NaNs counted as 1.",
    "nancumsum": "The cumulative sum, NaNs counted as 0.",
    "nanmedian": "The median, NaNs left out.",
    "nanpercentile": "Percentiles, NaNs left out.",
    "nanquantile": "Quantiles, NaNs left out.",
    "nanstd": "The standard deviation, NaNs left out.",
    "nanvar": "The variance, NaNs left out.",
    "ndim": "The number of axes.",
    "npv": "The value now of payments, the first one due now: npv(rate, values).",
    "packbits": "Booleans as the bits of bytes.",
    "partition": "A copy whose kth element is where sorting would put it.",
    "piecewise": "A function given by pieces, each with a condition.",
    "pmt": "The payment of a loan: pmt(rate, nper, pv, fv=0, when='end').",
    "poly": "The coefficients of the polynomial with the given roots.",
    "polyadd": "The sum of two polynomials.",
    "polydiv": "The quotient and the remainder of two polynomials.",
    "polyfit": "The polynomial that fits points with the least squares.",
    "polyint": "The integral of a polynomial.",
    "polymul": "The product of two polynomials.",
    "polysub": "The difference of two polynomials.",
    "ppmt": "The principal in a payment: ppmt(rate, per, nper, pv, fv=0, when='end').",
    "pv": "The present value of payments: pv(rate, nper, pmt, fv=0, when='end').",
    "rate": "The interest rate: rate(nper, pmt, pv, fv, when='end', guess=0.1).",
    "real": "The real part: the array, as elements are real.",
    "roots": "The roots of a polynomial; UnsupportedError where they are complex.",
    "searchsorted": "Where to insert elements into a sorted array.",
    "select": "Elements chosen by the first condition that holds.",
    "setdiff1d": "The elements of one array that another lacks, sorted.",
    "setxor1d": "The elements that only one of two arrays has, sorted.",
    "signbit": "Whether the sign bit is set.",
    "size": "The number of elements.",
    "spacing": "The distance to the next floating number.",
    "trapz": "The integral by the trapezoid rule.",
    "trim_zeros": "A vector without its first and last zeros.",
    "union1d": "The elements of two arrays, sorted, each once.",
    "unpackbits": "The bits of bytes.",
    "unwrap": "Angles with jumps of more than half a period taken out.",
    "vander": "The Vandermonde matrix.",
}
"""The functions, with the first line of their docstrings."""

_INSTEAD: Mapping[str, Callable[..., Any]] = {
    "in1d": _in1d,
    "mirr": finance.mirr,
    "msort": _msort,
    "npv": finance.npv,
    "pmt": finance.pmt,
    "ppmt": finance.ppmt,
    "pv": finance.pv,
    "rate": finance.rate,
    "trapz": _trapz,
}
"""Functions that NumPy 2 has no more."""


def _host_function(name: str, doc: str) -> Callable[..., Any]:
    computed = _INSTEAD.get(name) or getattr(numpy, name)

    def function(*args: Any, **kwargs: Any) -> Any:
        return on_host(f"np.{name}", computed, args, kwargs)

    manual = "" if name in _INSTEAD else f" Arguments: see `numpy.{name}`."
    function.__name__ = function.__qualname__ = name
    function.__module__ = "baryon.np"
    function.__doc__ = f"{doc}\n\nComputed by NumPy on the host, without a gradient.{manual}"
    return function


def host_functions() -> dict[str, Callable[..., Any]]:
    """The functions by name."""
    return {name: _host_function(name, doc) for name, doc in HOST.items()}
