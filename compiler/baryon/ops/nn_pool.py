"""Pooling over 1 to 3 spatial axes, and its gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from baryon.ir import Dim, TensorType
from baryon.ops.attributes import Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail, need_shape, same_dtype, static_dim
from baryon.ops.windows import LAYOUTS, Window, window_of

POOLING, POOLING_GRADIENT = "npx.pooling", "ir.pooling_gradient"

_PARAMS = (
    Param("kernel", "ints", (), "window size along each spatial axis; unused by global_pool"),
    Param("stride", "ints", (), "steps of the window; () means 1 along each axis"),
    Param("pad", "ints", (), "padding: one number for each axis, or all begins, then all ends"),
    Param("pool_type", "str", "max", "what a window gives", choices=("max", "avg", "sum")),
    Param(
        "pooling_convention",
        "str",
        "valid",
        "valid: whole windows only; full: also a last one that sticks out at the end; same: "
        "ceil(size / stride) positions, pad computed (the odd row at the end)",
        choices=("valid", "full", "same"),
    ),
    Param("global_pool", "bool", False, "one window that covers all positions"),
    Param("count_include_pad", "bool", True, "whether an average counts the padding's zeros"),
    Param("layout", "str?", None, "meaning of the axes; channels-first only", choices=LAYOUTS),
    Param("dilate", "ints", (), "distance of a window's elements; () means 1 along each axis"),
)


def pool_window(op: str, dims: Sequence[Dim], attrs: Mapping[str, Any]) -> Window:
    """The window over data of the spatial size dims, its padding made to fit exactly.

    `after` is what the last window needs: more than the attribute where a window sticks out, less
    (even negative) where rows at the end belong to no window.
    """
    sizes = tuple(static_dim(op, d, "a spatial axis") for d in dims)
    if attrs["global_pool"]:
        none = (0,) * len(sizes)
        return replace(_nominal(op, sizes, {"kernel": sizes, "pad": ()}), before=none, after=none)
    window = _nominal(op, sizes, attrs)
    convention = attrs["pooling_convention"]
    counts = _positions(window, sizes, convention)
    steps = zip(counts, window.stride, window.extent, strict=True)
    spans = [(n - 1) * s + e for n, s, e in steps]
    before = window.before
    if convention == "same":
        before = tuple(max(n - d, 0) // 2 for n, d in zip(spans, sizes, strict=True))
    after = tuple(n - d - b for n, d, b in zip(spans, sizes, before, strict=True))
    return replace(window, before=before, after=after)


def _nominal(op: str, sizes: Sequence[int], attrs: Mapping[str, Any]) -> Window:
    """The window as the attributes say it."""
    if not 1 <= len(sizes) <= 3:
        fail(op, f"data must be (N, C, *spatial) with 1 to 3 spatial axes, not {len(sizes)}")
    if not attrs["kernel"]:
        fail(op, "kernel is missing", "give a kernel or global_pool=True")
    layout = attrs.get("layout")
    if layout is not None and layout != LAYOUTS[len(sizes) - 1]:
        fail(op, f"layout {layout} does not fit {len(sizes)} spatial axes")
    window = window_of(op, len(sizes), attrs)
    pads = zip(window.before, window.after, window.extent, strict=True)
    if any(max(before, after) >= size for before, after, size in pads):
        fail(op, f"pad {attrs['pad']} must be smaller than the kernel {window.extent}")
    return window


def _positions(window: Window, sizes: Sequence[int], convention: str) -> Sequence[int]:
    if convention == "valid":
        return window.out(sizes)
    if convention == "same":
        return [-(-d // s) for d, s in zip(sizes, window.stride, strict=True)]
    window.out(sizes)  # refuses windows larger than the data
    axes = zip(sizes, window.before, window.after, window.extent, window.stride, strict=True)
    return [_full_positions(*axis) for axis in axes]


def _full_positions(size: int, before: int, after: int, extent: int, stride: int) -> int:
    last = -(-(size + before + after - extent) // stride)
    return last if last * stride >= size + before else last + 1  # never a window of padding alone


def counted_spans(op: str, dims: Sequence[Dim], attrs: Mapping[str, Any]) -> list[tuple[int, int]]:
    """For each spatial axis, from where to where an average counts elements: [low, high).

    That is the data, or with count_include_pad also the padding, whose first row is negative. What
    sticks out beyond the padding does not count.
    """
    sizes = tuple(static_dim(op, d, "a spatial axis") for d in dims)
    if not attrs["count_include_pad"]:
        return [(0, size) for size in sizes]
    window = pool_window(op, dims, attrs)
    ends = window.after
    if attrs["pooling_convention"] == "full" and not attrs["global_pool"]:
        ends = _nominal(op, sizes, attrs).after
    borders = zip(sizes, window.before, ends, strict=True)
    return [(-before, size + max(after, 0)) for size, before, after in borders]


def pool_counts(op: str, dims: Sequence[Dim], attrs: Mapping[str, Any]) -> list[Arr]:
    """For each spatial axis, how many elements a window counts there, by position.

    The divisor of an average is the product over the axes.
    """
    window = pool_window(op, dims, attrs)
    spans, found = counted_spans(op, dims, attrs), []
    for axis, n in enumerate(window.out(dims)):
        start = np.arange(n) * window.stride[axis] - window.before[axis]
        first, stop = (-(-(end - start) // window.dilate[axis]) for end in spans[axis])
        taps = np.minimum(stop, window.kernel[axis]) - np.maximum(first, 0)
        found.append(np.maximum(taps, 0))
    return found


def _divisor(op: str, dims: Sequence[int], attrs: Attrs, dtype: np.dtype[Any]) -> Arr:
    """The average's divisors, or ones for sums: an array over the positions."""
    if attrs["pool_type"] != "avg":
        return np.ones((), dtype)
    return reduce(np.multiply.outer, pool_counts(op, dims, attrs)).astype(dtype)


def _pooling_infer(data: TensorType, **attrs: Any) -> TensorType:
    if attrs["pool_type"] == "avg" and not data.dtype.is_float:
        fail(POOLING, f"averages need a floating operand, not {data.dtype}", "use npx.cast")
    window = pool_window(POOLING, data.shape[2:], attrs)
    shape = (*data.shape[:2], *window.out(data.shape[2:]))
    return data.moved_to(shape) if attrs["pool_type"] == "max" else data.with_shape(shape)


def _lowest(dtype: np.dtype[Any]) -> Any:
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def _pooling_ref(data: Arr, **attrs: Any) -> Any:
    window = pool_window(POOLING, data.shape[2:], attrs)
    largest = attrs["pool_type"] == "max"
    view = window.view(window.padded(data, _lowest(data.dtype) if largest else 0))
    taps = tuple(range(-window.rank, 0))
    if largest:
        return view.max(axis=taps)
    total = view.sum(axis=taps, dtype=data.dtype)
    if attrs["pool_type"] == "sum":
        return total
    return total / _divisor(POOLING, data.shape[2:], attrs, data.dtype)


def _pooling_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.ir.pooling_gradient(x[0], y[0], g[0], **attrs)]


_FULL = {"kernel": (3, 3), "stride": (2, 2), "pooling_convention": "full"}
_SAMPLES: tuple[tuple[tuple[int, ...], Mapping[str, Any]], ...] = (
    ((2, 3, 6, 5), {"kernel": (3, 2), "stride": (2, 2)}),
    ((1, 2, 6, 7), {"kernel": (3, 3), "stride": (2, 3), "pad": (1, 0, 2, 1)}),
    ((1, 2, 6, 7), _FULL),
    ((1, 1, 6, 5), {**_FULL, "pad": (1, 1)}),
    ((1, 1, 5, 8), {"kernel": (3, 3), "stride": (2, 3), "pooling_convention": "same"}),
    ((1, 2, 4, 3), {"global_pool": True}),
    ((1, 2, 7), {"kernel": 3, "stride": 2, "pad": 1}),
    ((1, 1, 3, 4, 3), {"kernel": (2, 2, 1), "layout": "NCDHW"}),
    ((1, 2, 9, 8), {"kernel": (3, 2), "stride": (2, 1), "dilate": (2, 3), "pad": (2, 1)}),
    ((1, 1, 9, 8), {**_FULL, "dilate": (2, 1), "pad": (1, 1)}),
    ((0, 2, 4, 4), {"kernel": (2, 2)}),
)
_KINDS: tuple[Mapping[str, Any], ...] = (
    {"pool_type": "max"},
    {"pool_type": "sum"},
    {"pool_type": "avg"},
    {"pool_type": "avg", "count_include_pad": False},
)

pooling = OpDef(
    name=POOLING,
    doc="Maximum, average or sum over a sliding window.\n\n"
    "data (N, C, *spatial) gives (N, C, *positions) of the same dtype; averages need a floating "
    "one. Padding never wins a maximum. pad must be smaller than the kernel. IRTypeError for that, "
    "for windows that do not fit, and for symbolic spatial axes.",
    operands=("data",),
    params=_PARAMS,
    infer=_pooling_infer,
    reference=rounded(_pooling_ref),
    gradient=_pooling_grad,
    lowering=kernel("pool"),
    samples=(
        *(Sample((shape,), {**a, **k}, batch=(0,)) for shape, a in _SAMPLES for k in _KINDS),
        Sample(((1, 1, 4, 4),), {"kernel": (2, 2), "pad": (1, 1)}, dtypes=("i8",)),
        Sample(((1, 1, 4, 4),), {"kernel": (2, 2), "pool_type": "avg"}, dtypes=("bf16",)),
        Sample(((1, 1, 4, 4),), {"kernel": (2, 2), "pool_type": "sum"}, dtypes=("i32",)),
    ),
    source="MXNet 2 npx.pooling; ONNX MaxPool, AveragePool",
)


def _gradient_infer(
    data: TensorType, out: TensorType, out_grad: TensorType, **attrs: Any
) -> TensorType:
    same_dtype(POOLING_GRADIENT, data=data, out=out, out_grad=out_grad)
    pooled = _pooling_infer(data, **attrs)
    need_shape(POOLING_GRADIENT, "out", out, pooled.shape, "the pooling's result")
    need_shape(POOLING_GRADIENT, "out_grad", out_grad, pooled.shape, "the pooling's result")
    return data.with_shape(data.shape)


def _gradient_ref(data: Arr, out: Arr, out_grad: Arr, **attrs: Any) -> Any:
    op, dims = POOLING_GRADIENT, data.shape[2:]
    window = pool_window(op, dims, attrs)
    largest = attrs["pool_type"] == "max"
    padded = window.padded(data, _lowest(data.dtype) if largest else 0)
    result = np.zeros_like(padded)
    share = out_grad if largest else out_grad / _divisor(op, dims, attrs, data.dtype)
    free = np.ones(out.shape, bool)  # windows whose maximum is not found yet
    for tap in np.ndindex(*window.kernel):
        hit = free & (window.tap(padded, tap, out.shape[2:]) == out) if largest else free
        window.tap(result, tap, out.shape[2:])[...] += np.where(hit, share, 0)
        free = free & ~hit if largest else free
    return window.crop(result, dims)


pooling_gradient = OpDef(
    name=POOLING_GRADIENT,
    doc="The gradient of npx.pooling for its data.\n\n"
    "data and the pooling's result out with its gradient out_grad give data's shape and dtype. "
    "A maximum's gradient goes to the first of equal elements. IRTypeError where shapes disagree.",
    operands=("data", "out", "out_grad"),
    params=_PARAMS,
    infer=_gradient_infer,
    reference=rounded(_gradient_ref),
    gradient=absent("second derivatives of pooling are not defined yet"),
    lowering=kernel("pool_gradient"),
    samples=(
        Sample(
            ((2, 3, 4, 4), (2, 3, 2, 2), (2, 3, 2, 2)),
            {"kernel": (2, 2), "stride": (2, 2)},
            batch=(0, 1, 2),
        ),
        Sample(((1, 2, 4, 4), (1, 2, 3, 3), (1, 2, 3, 3)), {"kernel": (2, 2), "pool_type": "avg"}),
    ),
    source="backward of MXNet 2 npx.pooling",
)

OPS = (pooling, pooling_gradient)
