"""Counts of elements in bins: the one pass over all values that calibration makes.

`np.bincount` keeps the interpreter's lock and takes half of a calibration's time. Large arrays are
counted by a compiled kernel on all threads, what is left of them by NumPy. Both find an element's
bin by one product and one rounding, so the counts are the same whoever counts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from baryon.build import Options, build, in_process
from baryon.ir import Array, Attr, Builder, Func, Module, Region, TensorType, f32, i32
from baryon.ops import lookup
from baryon.runtime import Executable

_ROWS = 8
"""Rows of a piece, each with counts of its own: what threads share out."""

_SIDES = (1 << 13, 1 << 16)
"""Bins on either side of the middle one that kernels have, and elements of a row."""

_CHUNK = 1 << 16
"""Elements that NumPy counts at a time: they stay in the cache."""

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


def counted(flat: Array, width: float, bins: int) -> Counts:
    """How many elements fall into each of an odd number of bins, of which the middle one is at 0.

    flat: float32 of one axis. width: of a bin. What lies outside is counted in the bins at the end.
    """
    total = np.zeros(bins, np.int64)
    inverse, limit = np.float32(1 / width), bins // 2
    rest = flat
    side = next((s for s in _SIDES if s >= limit), None)
    if side is not None and flat.size >= _ROWS * side:
        pieces = flat[: flat.size - flat.size % (_ROWS * side)].reshape(-1, _ROWS, side)
        rest = flat[pieces.size :]
        run = _kernel(side)
        for piece in pieces:
            (counts,) = run(piece, inverse, np.float32(limit))
            total += counts[side - limit : side + limit + 1]
    for start in range(0, rest.size, _CHUNK):
        total += _by_numpy(rest[start : start + _CHUNK], inverse, limit)
    return total


def _by_numpy(flat: Array, inverse: Any, limit: int) -> Counts:
    places = np.rint(flat * inverse)
    np.clip(places, -limit, limit, out=places)
    return np.bincount(places.astype(np.int64) + limit, minlength=2 * limit + 1)


@lru_cache(maxsize=len(_SIDES))
def _kernel(side: int) -> Executable:
    """Counts a piece (_ROWS, side): 2 * side + 1 bins, those beyond the limit empty."""
    scalar = TensorType((), f32)
    types = [TensorType((_ROWS, side), f32), scalar, scalar]
    module, region = Module(), Region(types, ["data", "inverse", "limit"])
    builder = Builder(module, region, lookup)
    data, inverse, limit = region.args
    (x,) = builder.emit("np.multiply", (data, inverse))
    (x,) = builder.emit("np.rint", (x,))
    (least,) = builder.emit("np.negative", (limit,))
    (x,) = builder.emit("np.maximum", (x, least))
    (x,) = builder.emit("np.minimum", (x, limit))
    (x,) = builder.emit("npx.cast", (x,), {"dtype": i32})
    (places,) = builder.emit("np.add", (x, builder.constant(np.asarray(side, np.int32))))
    ones = builder.constant(np.ones((_ROWS, side), np.int32))
    settings: dict[str, Attr] = {"size": 2 * side + 1, "axis": 1, "mode": "clip"}
    (counts,) = builder.emit("ir.scatter_add_along", (places, ones), settings)
    builder.ret(builder.emit("np.sum", (counts,), {"axis": (0,)}))
    module.funcs["main"] = Func("main", region, ["counts"])
    return in_process(build(module, Options()))
