"""What a mapping sees of a node, and how a mapping is declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baryon.array import ndarray
from baryon.importers.mxnet.attributes import Attr, Attributes
from baryon.importers.mxnet.reader import Symbol, SymbolNode
from baryon.ir import UnsupportedError
from baryon.npx.common import cast

if TYPE_CHECKING:
    from baryon.importers.mxnet.program import Program

Results = ndarray | Sequence[ndarray]
Build = Callable[..., Results]


@dataclass(frozen=True)
class MxOp:
    """How an operator of MXNet is computed.

    names: all by which files may call it, the oldest first; one name lies in one entry.
    build: (node, *inputs) -> an array or several. Inputs are arrays, with elements or traced; it
        calls functions of `np` and `npx`, so a network can be run, traced and trained. Results
        beyond those returned are missing: a network that uses them is refused. Every attribute of
        the node must be read (`node.get`) or named as having no effect (`node.ignore`), or the
        network is refused: nothing is dropped silently.
    unread: the inputs, by position, that prediction does not need, such as labels.
    states: names of all inputs where files until 0.8 leave out the last ones.
    frozen: whether the variables that it reads are constants, which cannot be trained.
    """

    names: tuple[str, ...]
    build: Build
    unread: frozenset[int] = frozenset()
    states: tuple[str, ...] = ()
    frozen: bool = False


class Node:
    """One node: its attributes, its place in the file, and the graphs inside of it."""

    def __init__(
        self, node: SymbolNode, around: Symbol, where: str, inner: Sequence[Program]
    ) -> None:
        self.op, self.name, self.where = node.op, node.name, where
        self.attributes = Attributes(node.attrs)
        self.is_np_shape, self.version = around.is_np_shape, around.version
        self.inner = inner

    def get(self, attr: Attr) -> Any:
        """The value of an attribute."""
        return attr.of(self.attributes)

    def ignore(self, *names: str) -> None:
        """Say that these attributes have no effect on prediction."""
        self.attributes.ignore(*names)

    def unsupported(self, message: str, hint: str | None = None) -> UnsupportedError:
        """An error that names the op and the node."""
        return UnsupportedError(f"{self.op}: {message}", where=self.where, hint=hint)


def op(names: str, build: Build, **more: Any) -> MxOp:
    """An entry; `names` has blanks between them."""
    return MxOp(tuple(names.split()), build, **more)


def direct(names: str, function: Callable[..., Any], **attrs: Attr) -> MxOp:
    """A function of ours with the same inputs; `attrs`: for each of its arguments the attribute."""

    def build(node: Node, *inputs: ndarray) -> Any:
        return function(*inputs, **{ours: node.get(attr) for ours, attr in attrs.items()})

    return op(names, build)


def like_operand(names: str, function: Callable[..., Any]) -> MxOp:
    """A function whose result has the element type of the first operand.

    So do MXNet 1's comparisons, which give 1.0 and 0.0, and its arithmetic on whole numbers.
    """

    def build(node: Node, x: ndarray, *others: ndarray) -> ndarray:
        return cast(function(x, *others), x.dtype)

    return op(names, build)
