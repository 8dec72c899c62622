"""What the gradient rules share.

A rule is `(o, x, y, g, attrs) -> one gradient or None for each operand`: `o` makes op calls, `x`
are the operands, `y` the results, `g` the gradients of the results (zeros where a result is
unused). None stands for a gradient that is zero everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.ir import Sym, Value
from baryon.ops.calls import Calls
from baryon.ops.shapes import many_axes, write_shape

Recorder = Calls[Value]
Values = Sequence[Value]
Grads = Sequence[Value | None]
Attrs = Mapping[str, Any]


def sum_to(o: Recorder, g: Value, x: Value) -> Value:
    """Undo broadcasting: sum g over the axes along which x was repeated; x's shape and dtype."""
    extra = g.type.rank - x.type.rank
    pairs = enumerate(zip(g.type.shape[extra:], x.type.shape, strict=True))
    axes = (*range(extra), *(extra + i for i, (a, b) in pairs if a != b))
    summed = o.np.sum(g, axis=axes) if axes else g
    return cast_like(o, reshape_like(o, summed, x), x)


def reshape_like(o: Recorder, g: Value, x: Value) -> Value:
    """The elements of g in the shape of x."""
    if g.type.shape == x.type.shape:
        return g
    reshaped: Value = o.np.reshape(g, newshape=write_shape(x.type.shape))
    return reshaped


def cast_like(o: Recorder, g: Value, x: Value) -> Value:
    """The elements of g in the dtype of x."""
    if g.type.dtype == x.type.dtype:
        return g
    cast: Value = o.npx.cast(g, dtype=x.type.dtype)
    return cast


def keep_reduced(o: Recorder, g: Value, x: Value, axis: Sequence[int] | None) -> Value:
    """A reduction's gradient with the reduced axes put back as 1."""
    axes = many_axes("gradient", axis, x.type.rank)
    kept = tuple(1 if i in axes else d for i, d in enumerate(x.type.shape))
    if g.type.shape == kept:
        return g
    put_back: Value = o.np.reshape(g, newshape=write_shape(kept))
    return put_back


def expand_to(o: Recorder, g: Value, x: Value) -> Value:
    """g repeated to the shape of x."""
    if g.type.shape == x.type.shape:
        return g
    expanded: Value = o.np.broadcast_to(g, shape=write_shape(x.type.shape))
    return expanded


def swap_last(o: Recorder, x: Value) -> Value:
    """The transpose of the last two axes."""
    rank = x.type.rank
    swapped: Value = o.np.transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))
    return swapped


def count(o: Recorder, x: Value, axis: Sequence[int] | None) -> Any:
    """How many elements a reduction folds: a number, or a value where an axis is symbolic."""
    dims = [x.type.shape[a] for a in many_axes("gradient", axis, x.type.rank)]
    if any(isinstance(d, Sym) for d in dims):
        return o.np.sum(o.np.ones_like(x), axis=axis, keepdims=True)
    total = 1.0
    for d in dims:
        total *= float(str(d))
    return total
