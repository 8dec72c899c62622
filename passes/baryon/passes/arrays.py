"""Arithmetic on constants that keeps repeated axes (stride 0) repeated: big splats stay small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from baryon.ir import Array
from baryon.rewrite import compact


def elementwise(function: Callable[..., Array], *arrays: Array) -> Array:
    """`function(*arrays)` with broadcasting, computed once for each repeated element."""
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return np.broadcast_to(function(*map(compact, arrays)), shape)


def stored_bytes(array: Array) -> int:
    """Bytes of memory behind the array, repeated axes counted once."""
    return compact(array).nbytes


SMALL = 65536
"""Payloads up to this many bytes are compared by content; larger ones only by identity."""
