"""Folds along axes: sums, extrema, positions of extrema, moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import Dim, DType, TensorType, Value, i64, u64
from baryon.ops.attributes import Param
from baryon.ops.gradients import (
    Attrs,
    Grads,
    Recorder,
    Values,
    cast_like,
    count,
    expand_to,
    keep_reduced,
)
from baryon.ops.numerics import Arr, as_float, rounded
from baryon.ops.opdef import OpDef, Role, Sample, absent, kernel
from baryon.ops.shapes import fail, floating, many_axes, one_axis

_AXIS = Param("axis", "ints?", None, "the axes to fold; None for all")
_KEEP = Param("keepdims", "bool", False, "keep the folded axes with size 1")
_DTYPE = Param("dtype", "dtype?", None, "the element type to compute in and to return")
_REDUCE = kernel("reduce", Role.REDUCTION)

SAMPLES = (
    Sample(((2, 3, 4),), batch=(0,)),
    Sample(((2, 3, 4),), {"axis": (-1, 1), "keepdims": True}, batch=(0,)),
    Sample(((2, 3),), {"axis": 0}, dtypes=("f64",), batch=(0,)),
    Sample(((),)),
    Sample(((2, 0),), {"axis": 0}),
    Sample(((2, 3),), {"axis": 1}, dtypes=("f16",)),
    Sample(((2, 3),), {"axis": 1}, dtypes=("i32",)),
)
_EMPTY = (Sample(((2, 0),), {"axis": 1}),)


def _folded(op: str, shape: tuple[Dim, ...], axis: Any, keepdims: bool) -> tuple[Dim, ...]:
    axes = many_axes(op, axis, len(shape))
    kept = [1 if i in axes else d for i, d in enumerate(shape)]
    return tuple(d for i, d in enumerate(kept) if keepdims or i not in axes)


def _need_elements(op: str, x: TensorType, axis: Any) -> None:
    if any(x.shape[a] == 0 for a in many_axes(op, axis, x.rank)):
        fail(op, f"{x} has no elements along the folded axes, and the fold has no neutral element")


def _total_dtype(dtype: DType) -> DType:
    """NumPy's dtype for sums: whole numbers widen to 64 bits."""
    if dtype.is_float:
        return dtype
    return u64 if dtype.kind == "uint" else i64


def _total(name: str, doc: str, function: Callable[..., Any], gradient: Any) -> OpDef:
    def infer(a: TensorType, axis: Any, dtype: DType | None, keepdims: bool) -> TensorType:
        return TensorType(_folded(name, a.shape, axis, keepdims), dtype or _total_dtype(a.dtype))

    def reference(a: Arr, axis: Any, dtype: DType | None, keepdims: bool) -> Any:
        chosen = None if dtype is None else dtype.numpy
        return function(a, axis=axis, dtype=chosen, keepdims=keepdims)

    wide = Sample(((2, 3),), {"axis": 0, "dtype": "f64"}, dtypes=("i32",))
    return OpDef(
        name=name,
        doc=f"{doc}\n\nFloats keep their dtype; whole numbers and bool give 64-bit ones, as in "
        "NumPy. IRTypeError for an unknown axis.",
        operands=("a",),
        params=(_AXIS, _DTYPE, _KEEP),
        infer=infer,
        reference=rounded(reference),
        gradient=gradient,
        lowering=_REDUCE,
        samples=(*SAMPLES, *_EMPTY, wide, Sample(((3,),), dtypes=("bool",))),
        source=name.replace("np.", "numpy."),
    )


def _spread(o: Recorder, g: Value, x: Value, attrs: Attrs) -> Value:
    """A reduction's gradient at every element that it folded."""
    return expand_to(o, keep_reduced(o, g, x, attrs["axis"]), x)


def _sum_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [cast_like(o, _spread(o, g[0], x[0], attrs), x[0])]


def _prod_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    product = keep_reduced(o, o.np.multiply(g[0], y[0]), x[0], attrs["axis"])
    return [cast_like(o, o.np.divide(product, x[0]), x[0])]


sum = _total("np.sum", "The sum of elements; 0 for none.", np.sum, _sum_grad)
prod = _total(
    "np.prod",
    "The product of elements; 1 for none. Its gradient is NaN at elements that are 0.",
    np.prod,
    _prod_grad,
)


def _extremum(name: str, doc: str, function: Callable[..., Any]) -> OpDef:
    def infer(a: TensorType, axis: Any, keepdims: bool) -> TensorType:
        _need_elements(name, a, axis)
        return a.with_shape(_folded(name, a.shape, axis, keepdims))

    return OpDef(
        name=name,
        doc=f"{doc}\n\nThe dtype is a's. Equal extrema share the gradient. IRTypeError for an "
        "unknown axis and where there are no elements to fold.",
        operands=("a",),
        params=(_AXIS, _KEEP),
        infer=infer,
        reference=rounded(function),
        gradient=_extremum_grad,
        lowering=_REDUCE,
        samples=SAMPLES,
        source=name.replace("np.", "numpy."),
    )


def _extremum_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    kept = keep_reduced(o, y[0], x[0], attrs["axis"])
    hits = o.npx.cast(o.np.equal(x[0], kept), dtype=x[0].type.dtype)
    share = o.np.divide(hits, o.np.sum(hits, axis=attrs["axis"], keepdims=True))
    return [o.np.multiply(share, keep_reduced(o, g[0], x[0], attrs["axis"]))]


max = _extremum("np.max", "The largest element; NaN if there is one.", np.max)
min = _extremum("np.min", "The smallest element; NaN if there is one.", np.min)


def _moment(name: str, doc: str, function: Callable[..., Any], gradient: Any) -> OpDef:
    def infer(a: TensorType, axis: Any, keepdims: bool) -> TensorType:
        return TensorType(_folded(name, a.shape, axis, keepdims), floating(a.dtype))

    def reference(a: Arr, axis: Any, keepdims: bool) -> Any:
        x = as_float(a)
        if not x.size:  # NumPy's answer, without its warning
            return np.full(_folded(name, x.shape, axis, keepdims), np.nan, x.dtype)
        return function(x, axis=axis, keepdims=keepdims)

    return OpDef(
        name=name,
        doc=f"{doc} NaN for none.\n\nFloats keep their dtype; whole numbers give float32. "
        "IRTypeError for an unknown axis.",
        operands=("a",),
        params=(_AXIS, _KEEP),
        infer=infer,
        reference=rounded(reference),
        gradient=gradient,
        lowering=_REDUCE,
        samples=(*SAMPLES, Sample(((2, 0),), {"axis": 1}, dtypes=("i32",))),
        source=name.replace("np.", "numpy."),
    )


def _mean_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    kept = keep_reduced(o, g[0], x[0], attrs["axis"])
    return [expand_to(o, o.np.divide(kept, count(o, x[0], attrs["axis"])), x[0])]


def _deviation(o: Recorder, x: Value, attrs: Attrs) -> Any:
    return o.np.subtract(x, o.np.mean(x, axis=attrs["axis"], keepdims=True))


def _var_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    kept = o.np.multiply(keep_reduced(o, g[0], x[0], attrs["axis"]), 2.0)
    share = o.np.divide(kept, count(o, x[0], attrs["axis"]))
    return [o.np.multiply(_deviation(o, x[0], attrs), share)]


def _std_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    kept = keep_reduced(o, o.np.divide(g[0], y[0]), x[0], attrs["axis"])
    share = o.np.divide(kept, count(o, x[0], attrs["axis"]))
    return [o.np.multiply(_deviation(o, x[0], attrs), share)]


mean = _moment("np.mean", "The mean of elements.", np.mean, _mean_grad)
var = _moment("np.var", "The mean square distance from the mean.", np.var, _var_grad)
std = _moment("np.std", "The square root of np.var.", np.std, _std_grad)


def _position(name: str, doc: str, function: Callable[..., Any]) -> OpDef:
    def infer(a: TensorType, axis: int | None, keepdims: bool) -> TensorType:
        axes = None if axis is None else (one_axis(name, axis, a.rank),)
        _need_elements(name, a, axes)
        return TensorType(_folded(name, a.shape, axes, keepdims), i64)

    def reference(a: Arr, axis: int | None, keepdims: bool) -> Any:
        return function(a, axis=axis, keepdims=keepdims)

    return OpDef(
        name=name,
        doc=f"{doc}\n\nThe first one of equals, as int64. IRTypeError for an unknown axis and "
        "where there are no elements to fold.",
        operands=("a",),
        params=(
            Param("axis", "int?", None, "the axis to search; None for all elements in order"),
            _KEEP,
        ),
        infer=infer,
        reference=rounded(reference),
        gradient=absent("a position is a whole number and has no gradient"),
        lowering=_REDUCE,
        samples=(
            Sample(((2, 3, 4),), batch=(0,)),
            Sample(((2, 3, 4),), {"axis": 1, "keepdims": True}, batch=(0,)),
            Sample(((2, 3),), {"axis": -1}, dtypes=("i32",)),
            Sample(((2, 3),), {"axis": 0}, dtypes=("f16",)),
        ),
        source=name.replace("np.", "numpy."),
    )


argmax = _position("np.argmax", "The position of the largest element.", np.argmax)
argmin = _position("np.argmin", "The position of the smallest element.", np.argmin)

OPS = (sum, mean, max, min, prod, argmax, argmin, var, std)
