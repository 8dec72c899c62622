"""How an op of the IR is written in ONNX: its declaration, and what it sees of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baryon.exporters.onnx.tensor import Tensor
from baryon.ir import Op, TensorType, UnsupportedError
from baryon.ops import OpDef

if TYPE_CHECKING:
    from baryon.exporters.onnx.writer import Writer


@dataclass(frozen=True)
class Call:
    """An op with its operands and normalized attributes, and the types of its results.

    op: the op itself, where it stands in the module; None for one that a form calls.
    """

    opdef: OpDef
    operands: Sequence[Tensor]
    attrs: Mapping[str, Any]
    types: Sequence[TensorType]
    op: Op | None = None

    def __getitem__(self, name: str) -> Any:
        """The value of an attribute."""
        return self.attrs[name]

    @property
    def type(self) -> TensorType:
        """The type of the first result."""
        return self.types[0]

    def unsupported(self, what: str, hint: str | None = None) -> UnsupportedError:
        """An error that names the op and its place."""
        where = None if self.op is None else str(self.op.loc)
        return UnsupportedError(f"{self.opdef.name} in ONNX: {what}", where=where, hint=hint)


Write = Callable[..., Any]
"""(o, call, *operands) -> one tensor or a sequence of them. `o` offers nodes (`o.onnx.Add(x, y)`)
and our own ops (`o.np.add(x, y)`), which are written by their own forms."""


@dataclass(frozen=True)
class Form:
    """How one op is written."""

    name: str
    write: Write


@dataclass(frozen=True)
class NoForm:
    """An op that no file has, and why."""

    name: str
    why: str


def direct(name: str, node: str, **attrs: str) -> Form:
    """One node with the same operands, in the type of the result.

    attrs: for each attribute of the node the name of ours.
    """

    def write(o: Writer, call: Call, *operands: Tensor) -> Tensor:
        given = {theirs: call[ours] for theirs, ours in attrs.items()}
        inputs = [o.cast(x, call.type.dtype) for x in operands]
        return o.node(node, *inputs, **given)

    return Form(name, write)


def same(name: str) -> Form:
    """An op that computes nothing: its result is its operand."""
    return Form(name, lambda o, call, x: o.cast(x, call.type.dtype))


def by_ops(name: str, write: Write) -> Form:
    """An op written by a function (o, operands, attrs) -> results, as expansions are."""

    def run(o: Writer, call: Call, *operands: Any) -> Any:
        return write(o, call.operands, call.attrs)

    return Form(name, run)
