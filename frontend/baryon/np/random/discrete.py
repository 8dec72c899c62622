"""Whole numbers, choices and orders of `mx.np.random`, and the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from baryon.array import Ops, ndarray, only_cpu, random, stored, wrap
from baryon.ir import Dim, IRTypeError, dim_prod, dtype_of, f64, i64
from baryon.np.arguments import as_shape, operand
from baryon.np.random import draws
from baryon.np.searching import argsort

_np, _npx = Ops("np"), Ops("npx")

_MOST = 1 << 53
"""The longest range of whole numbers: a float64 tells that many apart."""


def seed(seed_state: int, device: Any = "all") -> None:
    """Make the random numbers that follow repeat, also those of layers and initializers."""
    random.seed(seed_state)


def randint(low: int, high: int | None = None, size: Any = None, dtype: Any = None,
            device: Any = None, out: ndarray | None = None,
            ctx: Any = None) -> ndarray:  # fmt: skip
    """Whole numbers of [low, high), or of [0, low); int64 by default.

    Raises ValueError for an empty range and for one of more than 2^53 numbers.
    """
    only_cpu(device or ctx)
    begin, end = (0, int(low)) if high is None else (int(low), int(high))
    if not 0 < end - begin <= _MOST:
        raise ValueError(f"the range [{begin}, {end}) must hold 1 to 2^53 numbers")
    kind = dtype_of(dtype or (i64 if out is None else out.dtype))
    if kind.is_float:
        raise IRTypeError(f"np.random.randint draws whole numbers, not {kind}")
    drawn = _below(end - begin, draws.shape_of(size, (), out))
    return stored(_npx.cast(drawn + begin, dtype=kind), out)


def _below(count: int, shape: tuple[Dim, ...]) -> ndarray:
    """Whole numbers of [0, count), as int64."""
    scaled = _np.floor(random.uniform(shape, f64) * float(count))
    return _npx.cast(_np.minimum(scaled, float(count - 1)), dtype=i64)


def choice(a: Any, size: Any = None, replace: bool = True, p: Any = None, device: Any = None,
           out: ndarray | None = None,
           ctx: Any = None) -> ndarray:  # fmt: skip
    """Elements of a vector, or of range(a), drawn with or without putting them back.

    p: their probabilities, which are even by default. Raises ValueError for more draws without
    replacement than there are elements.
    """
    only_cpu(device or ctx)
    source = None if isinstance(a, int | numpy.integer) else operand(a)
    count = a if source is None else source.shape[0]
    shape = draws.shape_of(size, (), out)
    chances = None if p is None else operand(p).astype("float64", copy=False)
    picked = _picked(int(count), shape, chances, replace)  # type: ignore[arg-type]
    found = picked if source is None else _np.take(source, picked, axis=0, mode="clip")
    return stored(found, out)


def _picked(count: int, shape: tuple[Dim, ...], p: ndarray | None, replace: bool) -> ndarray:
    if p is not None and p.shape != (count,):
        raise ValueError(f"p has the shape {p.shape}, but there are {count} elements")
    if replace:
        return _below(count, shape) if p is None else outcomes(p, shape)
    number = dim_prod(shape)
    if not isinstance(number, int) or number > count:
        raise ValueError(f"{number} of {count} elements cannot be drawn without replacement")
    return _np.reshape(_order(count, p)[:number], shape)


def _order(count: int, p: ndarray | None) -> ndarray:
    """The elements 0 to count - 1 in random order; likely ones tend to come first."""
    if p is None:
        return argsort(random.uniform((count,), f64))
    arrivals = draws.exponential01((count,), f64) / p  # who comes first, at rates p
    return argsort(arrivals)


def outcomes(p: ndarray, shape: tuple[Dim, ...]) -> ndarray:
    """Outcomes of the probabilities on the last axis of p, as int64.

    The result has the other axes of p, then `shape`. Probabilities are scaled to the sum 1.
    """
    stack, count = p.shape[:-1], p.shape[-1]
    sums = _np.cumsum(_npx.stop_gradient(p).astype("float64", copy=False), axis=-1)
    u = random.uniform((*stack, *shape), f64)
    if not stack and not (sums.is_traced or u.is_traced):
        edges, places = sums.asnumpy(), u.asnumpy()
        found = numpy.searchsorted(edges, places * edges[-1], side="right")
        return wrap(numpy.minimum(found, len(edges) - 1).astype(numpy.int64))
    wide = sums.reshape(*stack, *(1 for _ in shape), count)
    below = _np.less_equal(wide, _np.expand_dims(u, -1) * wide[..., -1:])
    return _np.minimum(_np.sum(below, -1, i64), int(count) - 1)  # type: ignore[arg-type]


def shuffle(x: ndarray) -> None:
    """Put the elements along the first axis in random order, in place."""
    x[...] = _np.take(x, _order(len(x), None), axis=0, mode="clip")


def multinomial(n: Any, pvals: Any, size: Any = None, **kwargs: Any) -> ndarray:
    """How often each outcome occurs in n trials, for `size` experiments, as int64.

    pvals: the probabilities of the outcomes; they are scaled to the sum 1. Drawn on the host.
    """
    only_cpu(kwargs.pop("device", None) or kwargs.pop("ctx", None))
    if kwargs:
        raise TypeError(f"np.random.multinomial has no argument {', '.join(kwargs)}")
    chances = operand(pvals)
    chances = chances if chances.type.dtype.is_float else chances.astype("float64")
    shape = as_shape(size) if size is not None else chances.shape[:-1]
    rows = _np.broadcast_to(chances, (*shape, chances.shape[-1]))
    trials = _np.broadcast_to(operand(n).astype("int64", copy=False), shape)
    return draws.multinomial(trials, rows)


PUBLIC: tuple[Callable[..., Any], ...] = (seed, randint, choice, shuffle, multinomial)
