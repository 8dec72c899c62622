"""What type inference shares: promotion, broadcasting, axes, and dimensions inside attributes.

Every refusal is an IRTypeError whose text begins with the op's name and shows the shapes.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

import numpy as np

from baryon.ir import Dim, DType, IRTypeError, Sym, TensorType, bind_dim, dtype_of, f32

_DIM = re.compile(r"(?:(\d+)\*)?([A-Za-z_][A-Za-z0-9_]*)")


def fail(op: str, message: str, hint: str | None = None) -> NoReturn:
    """Refuse operands or attributes."""
    raise IRTypeError(f"{op}: {message}", hint=hint)


def text(shape: Iterable[Dim]) -> str:
    """A shape as error messages print it: (N, 3, 4)."""
    return f"({', '.join(map(str, shape))})"


def promote(op: str, dtypes: Iterable[DType]) -> DType:
    """NumPy's promotion, but a float beside whole numbers stays that float.

    float32 with int64 is float32; float16 with bfloat16 is float32.
    """
    given = tuple(dtypes)
    floats = {d.numpy for d in given if d.is_float}
    try:
        return dtype_of(np.result_type(*(floats or {d.numpy for d in given})))
    except TypeError:  # the two half precisions have no common NumPy dtype
        return f32


def floating(dtype: DType) -> DType:
    """The dtype of a real-valued function: floats keep theirs, whole numbers give float32."""
    return dtype if dtype.is_float else f32


def broadcast(op: str, *shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The common shape of operands by NumPy's rule; a symbol fits itself and 1."""
    rank = max(map(len, shapes), default=0)
    padded = [(*[1] * (rank - len(s)), *s) for s in shapes]
    result: list[Dim] = []
    for axis, dims in enumerate(zip(*padded, strict=True)):
        sizes = list(dict.fromkeys(d for d in dims if d != 1))
        if len(sizes) > 1:
            fail(op, f"shapes {' and '.join(map(text, shapes))} do not broadcast: at axis "
                 f"{axis - rank} one is {sizes[0]}, another {sizes[1]}",
                 "sizes must be equal or 1: reshape, or use np.expand_dims")  # fmt: skip
        result.append(sizes[0] if sizes else 1)
    return tuple(result)


def one_axis(op: str, axis: int, rank: int) -> int:
    """An axis counted from the front; negative ones count from the end."""
    if not -rank <= axis < rank:
        fail(op, f"axis {axis} is outside [-{rank}, {rank}) of an operand of rank {rank}",
             "axes count from 0 at the front, or from -1 at the back")  # fmt: skip
    return axis % rank


def many_axes(op: str, axes: Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, in ascending order; None means all."""
    if axes is None:
        return tuple(range(rank))
    found = [one_axis(op, a, rank) for a in axes]
    if len(set(found)) < len(found):
        fail(op, f"axes {tuple(axes)} name an axis twice")
    return tuple(sorted(found))


def same_dtype(op: str, **operands: TensorType | None) -> DType:
    """The dtype that all given operands have; refuses mixed ones."""
    given = {name: t.dtype for name, t in operands.items() if t is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name} {dtype}" for name, dtype in given.items())
        fail(op, f"operands must have one dtype, not {listed}", "convert with npx.cast")
    return next(iter(given.values()))


def need_float(op: str, **operands: TensorType | None) -> DType:
    """The floating dtype that all given operands have."""
    dtype = same_dtype(op, **operands)
    if not dtype.is_float:
        fail(op, f"{next(iter(operands))} must be floating, not {dtype}", "convert with npx.cast")
    return dtype


def need_indices(op: str, indices: TensorType) -> None:
    """Refuse indices that are not whole numbers."""
    dtype = indices.dtype
    if dtype.is_float or dtype.is_small or dtype.kind == "bool":
        fail(op, f"indices must be whole numbers, not {indices.dtype}", "use npx.cast")


def need_shape(op: str, name: str, x: TensorType | None, shape: tuple[Dim, ...], why: str) -> None:
    """Refuse an operand (if given) that has not this shape."""
    if x is not None and x.shape != shape:
        fail(op, f"{name} must have the shape {text(shape)} ({why}), not {text(x.shape)}")


def read_dim(op: str, dim: int | str) -> Dim:
    """A dimension as attributes write it: a whole number, a symbol "N", or "4*N"."""
    if isinstance(dim, int):
        return dim
    match = _DIM.fullmatch(dim)
    if match is None:
        fail(op, f"{dim!r} is not a dimension", "write a whole number, 'N' or '4*N'")
    return Sym(match[2], int(match[1] or 1))


def read_shape(op: str, dims: Sequence[int | str]) -> tuple[Dim, ...]:
    """A shape attribute as dimensions, none of them negative."""
    shape = tuple(read_dim(op, d) for d in dims)
    if any(isinstance(d, int) and d < 0 for d in shape):
        fail(op, f"shape {text(shape)} has a negative dimension")
    return shape


def bind_shape(
    op: str, dims: Sequence[int | str], sizes: Mapping[str, int]
) -> tuple[int | str, ...]:
    """A shape attribute with the sizes of symbols put in; unknown symbols stay."""
    read = [read_dim(op, d) for d in dims]
    known = [d if isinstance(d, Sym) and d.name not in sizes else bind_dim(d, sizes) for d in read]
    return write_shape(known)


def write_shape(shape: Iterable[Dim]) -> tuple[int | str, ...]:
    """A shape in the form of an attribute; `read_shape` reads it."""
    return tuple(d if isinstance(d, int) else str(d) for d in shape)


def dim_add(op: str, dims: Iterable[Dim]) -> Dim:
    """The sum of dimensions; symbolic ones must all be of one symbol."""
    given = list(dims)
    symbols = [d for d in given if isinstance(d, Sym)]
    if not symbols:
        return sum(operator.index(d) for d in given if isinstance(d, int))
    if len({s.name for s in symbols}) > 1 or any(d != 0 for d in given if isinstance(d, int)):
        fail(op, f"cannot add the dimensions {text(given)}: one of them is symbolic")
    return Sym(symbols[0].name, sum(s.factor for s in symbols))


def static_dim(op: str, dim: Dim, what: str) -> int:
    """A dimension that must be a number."""
    if isinstance(dim, Sym):
        fail(op, f"{what} is the symbolic dimension {dim}; it must be a number")
    return dim
