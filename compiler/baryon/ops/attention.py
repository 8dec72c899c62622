"""Attention: softmax(query x key^T) x value, for operands that lie in any order of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.ir import Dim, DType, TensorType, Value, boolean
from baryon.ops.attributes import Param
from baryon.ops.decompose import gradient_of
from baryon.ops.gradients import Attrs, Recorder, Values
from baryon.ops.manipulation import END
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, kernel
from baryon.ops.shapes import broadcast, fail, need_float, static_dim, text

NAME = "ir.attention"
ORDER = "bhld"
"""The axes as the meaning counts them: batch, heads, length, size of a head."""

ROLES = ("query", "key", "value")
ZERO_ROWS = ("none", "empty", "undefined")


@dataclass(frozen=True)
class HeadLayout:
    """Where the heads of an operand lie.

    axes: the letters of `ORDER`, in the order of the operand's axes. first, step: head i is number
    first + i * step along the axis `h`. count: heads that are read.
    """

    axes: str
    first: int
    step: int
    count: int

    @property
    def order(self) -> tuple[int, ...]:
        """The operand's axes in the order of `ORDER`."""
        return tuple(self.axes.index(letter) for letter in ORDER)

    def logical(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        """(batch, heads, length, size) of an operand of this shape."""
        batch, _, length, size = (shape[a] for a in self.order)
        return batch, self.count, length, size

    @property
    def end(self) -> int:
        """The number behind the last head."""
        return self.first + (self.count - 1) * self.step + 1

    def read(self, x: Arr) -> Arr:
        """A view of an array as (batch, heads, length, size)."""
        return x.transpose(self.order)[:, self.first : self.end : self.step]


def head_layouts(attrs: Attrs, query: TensorType) -> tuple[HeadLayout, HeadLayout, HeadLayout]:
    """The layouts of query, key and value, by an op's normalized attributes."""
    heads = attrs["heads"]
    if heads is None:
        heads = static_dim(NAME, query.shape[attrs["query_axes"].index("h")], "the axis of heads")
    counts = (heads, attrs["key_heads"] or heads, attrs["key_heads"] or heads)
    query_, key, value = (
        HeadLayout(attrs[f"{role}_axes"], attrs[f"{role}_at"][0], attrs[f"{role}_at"][1], count)
        for role, count in zip(ROLES, counts, strict=True)
    )
    return query_, key, value


def _check_attrs(attrs: Attrs) -> None:
    for name in (*(f"{role}_axes" for role in ROLES), "axes"):
        if sorted(attrs[name]) != sorted(ORDER):
            fail(NAME, f"{name} must name the axes {ORDER} once each, not {attrs[name]!r}")
    for role in ROLES:
        at = attrs[f"{role}_at"]
        if len(at) != 2 or at[0] < 0 or at[1] < 1:
            fail(NAME, f"{role}_at must be (first head, step), not {at}")


def _logical(role: str, x: TensorType, layout: HeadLayout) -> tuple[Dim, ...]:
    if x.rank != len(ORDER):
        fail(NAME, f"{role} must have the axes {layout.axes}, not {x}")
    heads = static_dim(NAME, x.shape[layout.axes.index("h")], f"the heads of {role}")
    if layout.count < 1 or layout.end > heads:
        fail(NAME, f"{role} has {heads} heads, not the {layout.count} from {layout.first} on in "
             f"steps of {layout.step}")  # fmt: skip
    return layout.logical(x.shape)


def _infer(
    query: TensorType, key: TensorType, value: TensorType, masks: Sequence[TensorType], **attrs: Any
) -> TensorType:
    dtype = need_float(NAME, query=query, key=key, value=value)
    _check_attrs(attrs)
    layouts = head_layouts(attrs, query)
    q, k, v = (
        _logical(role, x, layout)
        for role, x, layout in zip(ROLES, (query, key, value), layouts, strict=True)
    )
    if q[0] != k[0] or q[3] != k[3] or k[:3] != v[:3] or layouts[0].count % layouts[1].count:
        fail(NAME, f"query {text(q)}, key {text(k)} and value {text(v)} do not fit as (batch, "
             "heads, length, size)",
             "key and value have one length, query and key one size")  # fmt: skip
    if k[2] == 0:
        fail(NAME, "there are no keys, so there is nothing to take the mean of")
    _check_masks(masks, (*q[:3], k[2]), dtype)
    result = dict(zip(ORDER, (*q[:3], v[3]), strict=True))
    return TensorType(tuple(result[letter] for letter in attrs["axes"]), dtype)


def _check_masks(masks: Sequence[TensorType], scores: tuple[Dim, ...], dtype: DType) -> None:
    for mask in masks:
        if mask.dtype not in (boolean, dtype):
            fail(NAME, f"a mask must be bool or {dtype}, not {mask.dtype}", "convert with npx.cast")
        if broadcast(NAME, scores, mask.shape) != scores:
            fail(NAME, f"a mask {text(mask.shape)} does not broadcast to scores {text(scores)}")


def _scale(scale: float | None, size: int) -> float:
    return size**-0.5 if scale is None else scale


def _reference(query: Arr, key: Arr, value: Arr, masks: Sequence[Arr], **attrs: Any) -> Any:
    return _computed(query, key, value, *masks, **attrs)


@rounded
def _computed(query: Arr, key: Arr, value: Arr, *masks: Arr, **attrs: Any) -> Any:
    layouts = head_layouts(attrs, TensorType(query.shape, boolean))
    q, k, v = (layout.read(x) for layout, x in zip(layouts, (query, key, value), strict=True))
    times = layouts[0].count // layouts[1].count
    k, v = (np.repeat(x, times, axis=1) for x in (k, v))
    scores = np.matmul(q, k.swapaxes(2, 3)) * q.dtype.type(_scale(attrs["scale"], q.shape[3]))
    for mask in masks:
        is_bool = mask.dtype == np.bool_
        scores = np.where(mask, scores, attrs["fill"]) if is_bool else scores + mask
    scores = scores.astype(q.dtype, copy=False)
    out = np.matmul(_weights(scores, attrs["zero_rows"]), v)
    return np.ascontiguousarray(out.transpose([ORDER.index(letter) for letter in attrs["axes"]]))


def _weights(scores: Arr, zero_rows: str) -> Arr:
    peak = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(scores - peak)
    weights: Arr = exponentials / exponentials.sum(axis=-1, keepdims=True)
    if zero_rows == "none":
        return weights
    zero = np.isneginf(peak) if zero_rows == "empty" else np.isnan(weights)
    return np.where(zero, weights.dtype.type(0), weights)


def expansion(o: Recorder, x: Values, attrs: Attrs) -> list[Any]:
    """The same in plain ops: what the gradient goes through."""
    layouts = head_layouts(attrs, x[0].type)
    q, k, v = (_read(o, v, layout) for v, layout in zip(x[:3], layouts, strict=True))
    times = layouts[0].count // layouts[1].count
    if times > 1:
        repeated = np.repeat(np.arange(layouts[1].count), times)
        k, v = (o.np.take(y, repeated, axis=1, mode="clip") for y in (k, v))
    size = static_dim(NAME, q.type.shape[3], "the size of a head")
    products = o.np.matmul(q, o.np.transpose(k, axes=(0, 1, 3, 2)))
    scores = o.np.multiply(products, _scale(attrs["scale"], size))
    for mask in x[3:]:
        is_bool = mask.type.dtype == boolean
        scores = o.np.where(mask, scores, attrs["fill"]) if is_bool else o.np.add(scores, mask)
    out = o.np.matmul(_weights_in_ops(o, scores, attrs["zero_rows"]), v)
    return [o.np.transpose(out, axes=tuple(ORDER.index(letter) for letter in attrs["axes"]))]


def _read(o: Recorder, x: Value, layout: HeadLayout) -> Any:
    moved = o.np.transpose(x, axes=layout.order)
    begin, end, step = (0, layout.first), (END, layout.end), (1, layout.step)
    return o.npx.slice(moved, begin=begin, end=end, step=step)


def _weights_in_ops(o: Recorder, scores: Value, zero_rows: str) -> Any:
    if zero_rows == "none":
        return o.npx.softmax(scores, axis=-1)
    peak = o.np.max(scores, axis=(-1,), keepdims=True)
    some = o.np.greater(peak, -np.inf)
    if zero_rows == "undefined":
        some = o.np.isfinite(peak)
    return o.np.where(some, o.npx.softmax(o.np.where(some, scores, 0), axis=-1), 0)


def _axes(role: str, axes: str = ORDER) -> Param:
    return Param(f"{role}_axes" if role else "axes", "str", axes, f"axes of {role or 'the result'}")


def _at(role: str) -> Param:
    return Param(f"{role}_at", "ints", (0, 1), f"first head of {role}, and the step to the next")


_PACKED: dict[str, Any] = {"heads": 2, "axes": "blhd"} | {f"{role}_axes": "blhd" for role in ROLES}

attention = OpDef(
    name=NAME,
    doc="softmax(scale * query key^T, masked) value, for each batch and head.\n\n"
    "The operands have the four axes b (batch), h (heads), l (length) and d (size of a head) in "
    "any order; so heads may lie side by side in one projection. key and value have one length; "
    "where they have fewer heads, each serves as many neighbouring heads of query. masks broadcast "
    "to the scores (batch, heads, length of query, length of key) and are applied in their order: "
    "a floating one is added, where a bool one is false the score becomes `fill`. The weights "
    "of a row of scores that are all -inf are NaN, as are those of a row with a NaN or +inf, or 0 "
    "if zero_rows says so. All floats have one dtype. IRTypeError where shapes disagree.",
    operands=("query", "key", "value", "*masks"),
    params=(
        Param("heads", "int?", None, "heads of the result; None for all of query"),
        Param("key_heads", "int?", None, "heads of key and value; None for as many as of query"),
        Param("scale", "float?", None, "factor of the scores; None for 1 / sqrt(size of a head)"),
        Param("fill", "float", -np.inf, "the score where a bool mask is false"),
        Param("zero_rows", "str", "none", "rows whose weights are 0: none; those that are all "
              "-inf; or all that would be NaN", choices=ZERO_ROWS),
        *map(_axes, ROLES),
        _axes(""),
        *map(_at, ROLES),
    ),
    infer=_infer,
    reference=_reference,
    gradient=gradient_of(expansion),
    lowering=kernel("attention"),
    samples=(
        Sample(((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 2)), batch=(0, 1, 2)),
        Sample(((2, 2, 9, 4), (2, 2, 9, 4), (2, 2, 9, 3), (2, 1, 1, 9)), {"scale": 0.3}),
        Sample(((2, 17, 6, 4),) * 3,
               {**_PACKED, "key_at": (2, 1), "value_at": (4, 1)}, batch=(0, 1, 2)),
        Sample(((5, 2, 6, 4),) * 3,
               {"heads": 2, "axes": "lbhd", "query_axes": "lbhd", "key_axes": "lbhd",
                "value_axes": "lbhd", "query_at": (0, 3), "key_at": (1, 3), "value_at": (2, 3)}),
        Sample(((1, 4, 3, 2), (1, 2, 2, 5), (1, 2, 5, 2)),
               {"key_axes": "bhdl", "key_heads": 2}, dtypes=("f64",)),
        Sample(((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4), (3, 3)),
               {"fill": -1e4, "zero_rows": "undefined"}, dtypes=("f32", "f32", "f32", "bool")),
        Sample(((1, 1, 9, 4), (1, 1, 9, 4), (1, 1, 9, 4)), dtypes=("f16",)),
    ),
    source="arXiv:1706.03762; MXNet 2 npx.interleaved_matmul_selfatt_qk; ONNX Attention (23)",
)  # fmt: skip

OPS = (attention,)
