"""Who is told when a parameter changes, and what stands for its array meanwhile."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from baryon.array import ndarray

_SUBSTITUTES: ContextVar[Mapping[int, ndarray] | None] = ContextVar(
    "baryon.parameters", default=None
)

substitutes = _SUBSTITUTES.get
"""Arrays in place of those of parameters, by the parameters' ids, or None."""


@contextmanager
def substituted(arrays: Mapping[int, ndarray]) -> Iterator[None]:
    """Let `data()` of parameters, by id, return other arrays inside the block."""
    token = _SUBSTITUTES.set(arrays)
    try:
        yield
    finally:
        _SUBSTITUTES.reset(token)


class Watch:
    """Whether a parameter changed since a program was made from its value (or from its array).

    casts_only: writing into the array is no change, putting another in its place is.
    """

    __slots__ = ("__weakref__", "casts_only", "changed")

    def __init__(self, *, casts_only: bool) -> None:
        self.casts_only, self.changed = casts_only, False


class Watched:
    """The watches of one parameter, which belong to whoever made them."""

    __slots__ = ("_watches",)

    def __init__(self) -> None:
        self._watches: list[weakref.ref[Watch]] = []

    def add(self, watch: Watch) -> None:
        """Tell one more watch; those that nobody holds any more are forgotten."""
        self._watches = [w for w in self._watches if w() is not None] + [weakref.ref(watch)]

    def tell(self, *, cast: bool) -> None:
        """The parameter changed; `cast`: its array is another one."""
        for watch in [w() for w in self._watches]:
            if watch is not None and (cast or not watch.casts_only):
                watch.changed = True

    def __deepcopy__(self, memo: object) -> Watched:
        return Watched()

    def __reduce__(self) -> tuple[type[Watched], tuple[()]]:
        return Watched, ()
