"""What a mapping function sees of a node, and how a mapping is declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import onnx
from onnx import helper

from baryon.array import ArrayBase, ElementsError
from baryon.importers.errors import NotConstantError
from baryon.importers.onnx.reader import ModelFile
from baryon.ir import Array, Dim, Loc, Sym, UnsupportedError, Value
from baryon.ops import Calls

if TYPE_CHECKING:
    from baryon.importers.onnx.scope import Scope

Operand = Value | Array
"""A value of the graph, or an array that is known while importing."""

Held = Operand | list[Operand] | None
"""What a name of the file stands for: a tensor, a sequence of them, or an optional that is absent.
"""

Build = Callable[..., Any]
T = TypeVar("T")

_MOST_DIMS = 1 << 16
"""More numbers than any shape, axes or sizes have: a damaged file can ask for billions."""


@dataclass(frozen=True)
class OnnxOp:
    """How one ONNX op becomes ours, from opset `since` until the next entry of the same op.

    build: (o, node, *inputs) -> one result or a tuple. `o` offers our ops (`o.np.add(x, y)`), an
        optional input that the node leaves out is None. Results beyond those returned are missing:
        a model that uses them is refused. Every attribute of the node must be read (`node.attr`) or
        named as having no effect (`node.ignore`), or the model is refused: nothing is dropped
        silently.
    takes_sequences: whether an input may be a list of tensors.
    """

    name: str
    build: Build
    since: int = 1
    domain: str = ""
    takes_sequences: bool = False


class Node:
    """One ONNX node: its attributes, its place in the file, and the graph that it is in."""

    def __init__(self, file: ModelFile, proto: onnx.NodeProto, opset: int, scope: Scope) -> None:
        self.file, self.proto, self.opset, self.scope = file, proto, opset, scope
        self.op, self.outputs = proto.op_type, tuple(proto.output)
        self.title = node_title(proto)
        self.loc = Loc(f"{file.name}#{self.title}")
        self._attrs = {a.name: a for a in proto.attribute}

    def attr(self, name: str, default: T) -> T:
        """The attribute's value as a Python object (lists become tuples), or the default."""
        proto = self._attrs.pop(name, None)
        if proto is None:
            return default
        value = helper.get_attribute_value(proto)
        if isinstance(value, bytes):
            value = value.decode()
        if isinstance(value, onnx.TensorProto):
            value = self.file.array(value)
        if not isinstance(value, bool | int | float | str | np.ndarray):
            value = tuple(v.decode() if isinstance(v, bytes) else v for v in value)
        return value  # type: ignore[no-any-return]

    def graph(self, name: str) -> Any:
        """An attribute that is a graph: the body of a loop or branch."""
        proto = self._attrs.pop(name, None)
        if proto is None or not proto.HasField("g"):
            raise self.unsupported(f"it has no {name}")
        return proto.g

    @property
    def batch(self) -> int | None:
        """The batch size that the file fixes, where it becomes a symbol."""
        return self.scope.batch

    def ints(self, name: str, default: Sequence[int] = ()) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers."""
        return tuple(self.attr(name, tuple(default)))

    def ignore(self, *names: str) -> None:
        """Say that these attributes have no effect on inference."""
        for name in names:
            self._attrs.pop(name, None)

    @property
    def unread(self) -> list[str]:
        """The attributes that the mapping has not read."""
        return sorted(self._attrs)

    def unsupported(self, message: str, hint: str | None = None) -> UnsupportedError:
        """An error that names the op and the node."""
        where = f"{self.file.path or self.file.name}#{self.title}"
        return UnsupportedError(f"{self.op}: {message}", where=where, hint=hint)

    def not_constant(self, message: str, value: Value) -> NotConstantError:
        """An error about a value of the graph that must be known while importing."""
        where = f"{self.file.path or self.file.name}#{self.title}"
        return NotConstantError(f"{self.op}: {message}", value, where=where)

    def number_in(self, x: ArrayBase, what: str) -> Any:
        """The number in an array of one element that must be known while importing."""
        try:
            return x.elements(what, "").item()
        except ElementsError as error:
            raise self.not_constant(f"{what} must be a constant", error.value) from error

    def known(self, x: Operand | None, what: str) -> Array:
        """The array of an input that must be known while importing."""
        if isinstance(x, np.ndarray):
            return x
        message = f"{what} must be a constant"
        if x is None:
            raise self.unsupported(f"{message}, but it is left out")
        raise self.not_constant(f"{message}, but it is computed at run time", x)

    def known_ints(self, x: Operand | None, what: str) -> tuple[int, ...]:
        """The whole numbers of an input that must be known and free of symbols."""
        dims = self.known_dims(x, what)
        if any(isinstance(d, Sym) for d in dims):
            raise self.unsupported(f"{what} must not depend on the batch size")
        return tuple(int(d) for d in dims)  # type: ignore[arg-type]

    def number(self, dim: Dim, what: str) -> int:
        """A dimension that must not be symbolic."""
        if isinstance(dim, Sym):
            raise self.unsupported(f"{what} is {dim}", "only the batch may be symbolic")
        return dim

    def known_dims(self, x: Operand | None, what: str) -> tuple[Dim, ...]:
        """The dimensions that an input holds, which must be known while importing."""
        array = self.known(x, what)
        if array.size > _MOST_DIMS:
            raise self.unsupported(f"{what} has {array.size} numbers, {_MOST_DIMS} at most")
        flat = array.reshape(-1)
        return tuple(d if isinstance(d, Sym) else int(d) for d in flat)


def node_title(proto: onnx.NodeProto) -> str:
    """The node's name, or that of its first output, or its op."""
    return str(proto.name or next(filter(None, proto.output), proto.op_type))


def shape_of(x: Operand | ArrayBase) -> tuple[Dim, ...]:
    """The logical shape of an operand, or of an array that stands for one."""
    return x.type.shape if isinstance(x, Value) else tuple(x.shape)


def rank_of(x: Operand) -> int:
    """The number of dimensions of an operand."""
    return len(shape_of(x))


def numpy_dtype(x: Operand) -> np.dtype[np.generic]:
    """The element type of an operand as NumPy's."""
    return x.type.dtype.numpy if isinstance(x, Value) else x.dtype


def is_symbolic(x: Operand | None) -> bool:
    """True for an array of dimensions some of which are symbols."""
    return isinstance(x, np.ndarray) and x.dtype == object


def dims_array(dims: Sequence[Dim]) -> Array:
    """Dimensions as an array: int64, or of objects where one is symbolic."""
    symbolic = any(isinstance(d, Sym) for d in dims)
    return np.array([*dims], object if symbolic else np.int64)


def call(o: Calls[Operand], target: str) -> Callable[..., Any]:
    """The call of one of our ops by its dotted name."""
    namespace, name = target.split(".")
    found: Callable[..., Any] = getattr(getattr(o, namespace), name)
    return found


def direct(name: str, target: str, since: int = 1, **attrs: tuple[str, Any]) -> OnnxOp:
    """A mapping onto one of our ops with the same operands.

    attrs: for each of our attributes the ONNX one and its default.
    """

    def build(o: Calls[Operand], node: Node, *inputs: Operand | None) -> Any:
        node.ignore("consumed_inputs")  # opset 1 said here which inputs may be overwritten
        given = {ours: node.attr(theirs, default) for ours, (theirs, default) in attrs.items()}
        return call(o, target)(*inputs, **given)

    return OnnxOp(name, build, since)
