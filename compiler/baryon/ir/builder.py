"""Appends ops to a region, their types inferred."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from baryon.ir.core import CONSTANT, RETURN, UNKNOWN, Array, Attr, Loc, Op, Region, Value
from baryon.ir.diagnostics import BaryonError, IRTypeError
from baryon.ir.module import Module
from baryon.ir.types import tensor_type_of
from baryon.ir.verifier import Lookup, excerpt


class Builder:
    """Inserts ops into `region` at `index` (None: at the end, before nothing).

    `loc` is given to every op made; passes set it to the op that they replace.
    """

    def __init__(
        self, module: Module, region: Region, lookup: Lookup, index: int | None = None
    ) -> None:
        self.module, self.region, self.lookup, self.index = module, region, lookup, index
        self.loc = UNKNOWN

    def emit(
        self,
        name: str,
        operands: Sequence[Value],
        attrs: Mapping[str, Attr] | None = None,
        regions: Sequence[Region] = (),
    ) -> tuple[Value, ...]:
        """Insert an op; returns its results. IRTypeError when its declaration refuses it.

        A symbol that it defines is declared, under a new name where the attributes give none.
        """
        info = self.lookup(name)
        if info is None:
            raise IRTypeError(f"there is no op named {name}", where=str(self.loc))
        attrs = info.named(attrs or {}, self.module.fresh_symbol)
        probe = Op(name, operands, (), attrs, regions, self.loc)
        try:
            types = info.result_types(probe)
            defined = info.defined(probe)
        except BaryonError as error:
            error.where = error.where or str(self.loc)
            error.excerpt = error.excerpt or excerpt(probe)
            raise
        finally:
            probe.operands = ()
        if defined is not None:
            self.module.symbols[defined[0]] = (0, self.module.largest(defined[1]))
        return self.insert(Op(name, operands, types, attrs, regions, self.loc)).results

    def constant(self, array: Array, hint: str = "c") -> Value:
        """Insert an `ir.constant` with a new payload."""
        return self.constant_named(self.module.add_constant(array, hint))

    def constant_named(self, name: str) -> Value:
        """Insert an `ir.constant` that reads a payload that the module has."""
        type = tensor_type_of(self.module.constants[name])
        return self.insert(Op(CONSTANT, (), (type,), {"name": name}, (), self.loc)).result

    def ret(self, values: Sequence[Value]) -> Op:
        """Close the region."""
        return self.insert(Op(RETURN, values, (), loc=self.loc))

    @contextmanager
    def at(self, loc: Loc) -> Iterator[None]:
        """Give ops made inside the block this location."""
        before, self.loc = self.loc, loc
        try:
            yield
        finally:
            self.loc = before

    def insert(self, op: Op) -> Op:
        """Insert an op that is made already; its types are taken as they are."""
        if self.index is None:
            return self.region.append(op)
        self.index += 1
        return self.region.insert(self.index - 1, op)


_PLACE: ContextVar[Loc | None] = ContextVar("baryon.place", default=None)


@contextmanager
def placed(loc: Loc) -> Iterator[None]:
    """What is called inside of the block comes from this place in a file, not from Python."""
    token = _PLACE.set(loc)
    try:
        yield
    finally:
        _PLACE.reset(token)


def caller_loc(package: str) -> Loc:
    """The place that `placed` names, else the innermost line of Python outside a package."""
    place = _PLACE.get()
    if place is not None:
        return place
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name != package and not name.startswith(f"{package}."):
            return Loc(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return UNKNOWN
