"""Arithmetic on constants that keeps repeated axes (stride 0) repeated: big splats stay small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from baryon.ir import Array
from baryon.rewrite import compact


def is_repeated(array: Array) -> bool:
    """True when some axis repeats one element, so that the payload is smaller than the shape."""
    return any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True))


def elementwise(function: Callable[..., Array], *arrays: Array) -> Array:
    """`function(*arrays)` with broadcasting, computed once for each repeated element."""
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return np.broadcast_to(function(*map(compact, arrays)), shape)


def stored_bytes(array: Array) -> int:
    """Bytes of memory behind the array, repeated axes counted once."""
    return compact(array).nbytes


def same_payload(a: Array, b: Array) -> bool:
    """True when both arrays are the same memory seen the same way, or small and bit-equal."""
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if a is b or (a.ctypes.data, a.strides) == (b.ctypes.data, b.strides):
        return True
    small_a, small_b = compact(a), compact(b)
    small = small_a.shape == small_b.shape and small_a.nbytes <= SMALL
    return small and small_a.tobytes() == small_b.tobytes()


SMALL = 65536
"""Payloads up to this many bytes are compared by content; larger ones only by identity."""
