"""Which layer each op of a trace was written by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from baryon.array.base import recorder
from baryon.gluon import structure
from baryon.ir import Op

if TYPE_CHECKING:
    from baryon.gluon.base_block import Block

OBSERVER: ContextVar[Callable[[Any], AbstractContextManager[None]] | None] = ContextVar(
    "OBSERVER", default=None
)
"""Entered around the forward function of each block, by whoever wants to know."""


class Scopes:
    """Collects, while blocks are traced, the structural name of the innermost one for each op."""

    def __init__(self, net: Block) -> None:
        named: dict[int, str] = {}
        for prefix, block in structure.walk(net):
            named.setdefault(id(block), prefix.removesuffix("."))
        self._names = named
        self.found: dict[Op, str] = {}

    @contextmanager
    def collecting(self) -> Iterator[dict[Op, str]]:
        """Collect inside the block."""
        token = OBSERVER.set(self._entered)
        try:
            yield self.found
        finally:
            OBSERVER.reset(token)

    @contextmanager
    def _entered(self, block: Block) -> Iterator[None]:
        trace: Any = recorder()
        builder = getattr(trace, "builder", None)
        start = len(builder.region.ops) if builder else 0
        yield
        name = self._names.get(id(block))
        for op in builder.region.ops[start:] if builder and name else ():
            self.found.setdefault(op, str(name))
