"""Padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, Sym, TensorType
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.manipulation import END
from baryon.ops.numerics import Arr
from baryon.ops.opdef import OpDef, Sample, injective
from baryon.ops.shapes import fail, static_dim

MODES = ("constant", "edge", "reflect", "symmetric")


def _pad_infer(x: TensorType, pad_width: tuple[int, ...], mode: str, **attrs: Any) -> TensorType:
    op = "np.pad"
    if len(pad_width) != 2 * x.rank or any(w < 0 for w in pad_width):
        fail(op, f"pad_width must be {2 * x.rank} numbers of at least 0, not {pad_width}")
    pairs = zip(x.shape, pad_width[::2], pad_width[1::2], strict=True)
    return x.moved_to(tuple(_padded(op, mode, *axis) for axis in pairs))


def _padded(op: str, mode: str, size: Dim, before: int, after: int) -> Dim:
    if not before and not after:
        return size
    known = static_dim(op, size, "a padded axis")
    if mode != "constant" and not known:
        fail(op, f"mode {mode} has no elements to repeat on an axis of size 0")
    return known + before + after


def _pad_ref(x: Arr, pad_width: tuple[int, ...], mode: Any, constant_value: Any) -> Any:
    widths = list(zip(pad_width[::2], pad_width[1::2], strict=True))
    if not widths:
        return x
    more = {"constant_values": constant_value} if mode == "constant" else {}
    return np.pad(x, widths, mode, **more)


def _pad_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    widths, mode = attrs["pad_width"], attrs["mode"]
    shape = x[0].type.shape
    if mode == "constant":
        sizes = zip(widths[::2], shape, strict=True)
        end = tuple(END if isinstance(d, Sym) else b + d for b, d in sizes)
        return [o.npx.slice(g[0], begin=widths[::2], end=end)]
    grad = g[0]
    for axis, (size, pair) in enumerate(
        zip(shape, zip(widths[::2], widths[1::2], strict=True), strict=True)
    ):
        if any(pair):  # every element goes back to where it was copied from
            places = np.pad(np.arange(static_dim("np.pad", size, "a padded axis")), pair, mode)
            grad = o.ir.scatter_add(places, grad, size=size, axis=axis)
    return [grad]


def _pad_expr(
    t: Any, loads: Any, index: Any, in_shapes: Any, pad_width: Any, mode: str, constant_value: Any
) -> Any:
    places = [i - before if before else i for i, before in zip(index, pad_width[::2], strict=True)]
    axes = list(zip(places, in_shapes[0], pad_width[::2], pad_width[1::2], strict=True))
    if mode == "constant":
        return _inside_or(t, loads[0], axes, constant_value)
    inside = {"edge": _edge, "reflect": _reflect, "symmetric": _symmetric}[mode]
    return loads[0](*(inside(t, i, d) if b or a else i for i, d, b, a in axes))


def _inside_or(t: Any, load: Any, axes: Any, value: Any) -> Any:
    element = load(*(i for i, _, _, _ in axes))
    outside = t.const(value, like=element)
    for i, d, before, after in axes:
        element = t.select(t.ge(i, 0), element, outside) if before else element
        element = t.select(t.lt(i, d), element, outside) if after else element
    return element


def _edge(t: Any, i: Any, d: Any) -> Any:
    return t.maximum(t.minimum(i, d - 1), 0)


def _reflect(t: Any, i: Any, d: Any) -> Any:
    return (d - 1) - t.abs((d - 1) - i % (2 * (d - 1))) if d > 1 else 0


def _symmetric(t: Any, i: Any, d: Any) -> Any:
    there = i % (2 * d)
    return t.minimum(there, 2 * d - 1 - there)


pad = OpDef(
    name="np.pad",
    doc="x with elements added at both ends of its axes.\n\n"
    "constant adds constant_value, edge repeats the outermost element, reflect mirrors around it, "
    "symmetric mirrors with it. Symbolic axes cannot be padded. IRTypeError for widths that do not "
    "fit.",
    operands=("x",),
    params=(
        Param("pad_width", "ints", REQUIRED, "before and after of axis 0, of axis 1, and so on"),
        Param("mode", "str", "constant", "what is added", choices=MODES),
        Param("constant_value", "number", 0, "the value that mode constant adds"),
    ),
    infer=_pad_infer,
    reference=_pad_ref,
    gradient=_pad_grad,
    lowering=injective(_pad_expr),
    samples=(
        Sample(((2, 3),), {"pad_width": (0, 0, 1, 2), "constant_value": -1.5}, batch=(0,)),
        Sample(((2, 3),), {"pad_width": (2, 0, 0, 1), "mode": "edge"}),
        Sample(((3, 4),), {"pad_width": (0, 2, 3, 1), "mode": "reflect"}),
        Sample(((2, 4),), {"pad_width": (0, 0, 9, 5), "mode": "reflect"}, batch=(0,)),
        Sample(((2, 1),), {"pad_width": (3, 5, 0, 2), "mode": "symmetric"}),
        Sample(((1,),), {"pad_width": (1, 2), "mode": "reflect"}),
        Sample(((2,),), {"pad_width": (1, 1), "constant_value": 7}, dtypes=("i32",)),
        Sample(((0,),), {"pad_width": (1, 1)}),
        Sample(((),), {"pad_width": ()}),
    ),
    source="numpy.pad; ONNX Pad",
)

OPS = (pad,)
