"""`mx.engine`: bulks of MXNet's asynchronous engine; here calls are complete when they return."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_size = [15]


def set_bulk_size(size: int) -> int:
    """Keep a number that changes nothing; returns the one before."""
    before, _size[0] = _size[0], size
    return before


@contextmanager
def bulk(size: int) -> Iterator[None]:
    """`set_bulk_size` inside a `with` block."""
    before = set_bulk_size(size)
    try:
        yield
    finally:
        set_bulk_size(before)
