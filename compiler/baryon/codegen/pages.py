"""Memory of arrays that are mapped from files.

What was read of a mapped file counts as memory of the process until the system wants it back.
Weights are read once, when they are packed or written; letting go of them then keeps a compilation
of a model of gigabytes in the memory that the result needs.
"""

from __future__ import annotations

import mmap
from typing import Any


def release(array: Any) -> None:
    """Let go of the pages of an array that is mapped from a file; reading brings them back.

    Arrays elsewhere stay as they are.
    """
    owner = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    if owner is None or not hasattr(mmap, "MADV_DONTNEED"):
        return
    with memoryview(owner) as view:  # changes of a private mapping would be lost
        if not view.readonly:
            return
    owner.madvise(mmap.MADV_DONTNEED)
