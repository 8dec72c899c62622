"""The IR's data structure: functions, regions, ops and values.

SSA: every value is defined once, by an op or as an argument of a region, and is used only after its
definition in the same region: what a nested region reads comes in as its arguments. Ops know the
user's source line. Nothing here knows what any op means; that is `baryon.ops`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from baryon.ir.dtypes import DType
from baryon.ir.types import TensorType

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
Attr = None | bool | int | float | str | DType | tuple["Attr", ...]
"""Attribute values: scalars, names, element types, and tuples of them."""

RETURN = "ir.return"
CONSTANT = "ir.constant"


@dataclass(frozen=True)
class Loc:
    """Where an op comes from: a line of the user's Python, or a node of an imported file."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


UNKNOWN = Loc("?")


class Value:
    """One tensor: the result of an op or an argument of a region. `users` is kept by the ops."""

    __slots__ = ("name", "owner", "type", "users")

    def __init__(self, type: TensorType, owner: Op | Region, name: str = "") -> None:
        self.type, self.owner, self.name = type, owner, name
        self.users: dict[Op, int] = {}

    @property
    def op(self) -> Op | None:
        """The op that defines this value; None for a region's argument."""
        return self.owner if isinstance(self.owner, Op) else None

    @property
    def is_constant(self) -> bool:
        """Whether an `ir.constant` defines this value."""
        return isinstance(self.owner, Op) and self.owner.name == CONSTANT

    def replace_by(self, other: Value) -> None:
        """Make every user of this value use `other`."""
        for user in list(self.users):
            user.operands = [other if v is self else v for v in user.operands]

    def __repr__(self) -> str:
        return f"<Value %{self.name or '?'} : {self.type}>"


class Op:
    """One operation. Identity is the object; `name` is the dotted name of its declaration."""

    __slots__ = ("_operands", "attrs", "loc", "name", "parent", "regions", "results")

    def __init__(
        self,
        name: str,
        operands: Sequence[Value],
        result_types: Sequence[TensorType],
        attrs: Mapping[str, Attr] | None = None,
        regions: Sequence[Region] = (),
        loc: Loc = UNKNOWN,
    ) -> None:
        self.name = name
        self._operands: tuple[Value, ...] = ()
        self.operands = operands
        self.attrs: dict[str, Attr] = dict(attrs or {})
        self.results = tuple(Value(t, self) for t in result_types)
        self.regions = tuple(regions)
        self.loc = loc
        self.parent: Region | None = None
        for region in self.regions:
            region.parent = self

    @property
    def operands(self) -> Sequence[Value]:
        """The values that this op reads; assigning keeps the values' `users` right."""
        return self._operands

    @operands.setter
    def operands(self, values: Sequence[Value]) -> None:
        for old in self._operands:
            old.users[self] -= 1
            if not old.users[self]:
                del old.users[self]
        self._operands = tuple(values)
        for new in self._operands:
            new.users[self] = new.users.get(self, 0) + 1

    @property
    def result(self) -> Value:
        """The only result."""
        (value,) = self.results
        return value

    def replace_by(self, values: Sequence[Value]) -> None:
        """Erase this op; users of its results use these values, which take their names."""
        for old, new in zip(self.results, values, strict=True):
            new.name = new.name or old.name
            old.replace_by(new)
        self.erase()

    def erase(self) -> None:
        """Take this op out of its region. Its results must have no users."""
        assert not any(r.users for r in self.results), f"{self.name} still has users"
        self.operands = ()
        for region in self.regions:
            region.clear()
        if self.parent is not None:
            self.parent.ops.remove(self)
            self.parent = None

    def __repr__(self) -> str:
        return f"<Op {self.name} at {self.loc}>"


class Region:
    """Arguments and a list of ops that ends with `ir.return`; one basic block."""

    __slots__ = ("args", "ops", "parent")

    def __init__(self, arg_types: Sequence[TensorType] = (), names: Sequence[str] = ()) -> None:
        padded = [*names, *[""] * (len(arg_types) - len(names))]
        self.args = [Value(t, self, n) for t, n in zip(arg_types, padded, strict=True)]
        self.ops: list[Op] = []
        self.parent: Op | Func | None = None

    def append(self, op: Op) -> Op:
        """Add an op at the end."""
        return self.insert(len(self.ops), op)

    def insert(self, index: int, op: Op) -> Op:
        """Add an op before position `index`."""
        op.parent = self
        self.ops.insert(index, op)
        return op

    @property
    def terminator(self) -> Op:
        """The closing `ir.return`."""
        return self.ops[-1]

    @property
    def outputs(self) -> Sequence[Value]:
        """The values that the region returns."""
        return self.terminator.operands

    def clear(self) -> None:
        """Erase all ops, last first."""
        while self.ops:
            self.ops[-1].erase()

    def walk(self) -> Iterator[Op]:
        """All ops in order, those of nested regions after the op that holds them."""
        for op in list(self.ops):
            yield op
            for region in op.regions:
                yield from region.walk()


@dataclass(eq=False)
class Func:
    """A named region with named outputs."""

    name: str
    body: Region
    output_names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.body.parent = self

    @property
    def inputs(self) -> list[Value]:
        """The function's arguments."""
        return self.body.args

    @property
    def outputs(self) -> Sequence[Value]:
        """The values that the function returns."""
        return self.body.outputs
