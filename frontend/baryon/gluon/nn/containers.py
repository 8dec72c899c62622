"""Blocks made of other blocks, and blocks made of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from baryon import np, npx
from baryon.gluon.base_block import Block
from baryon.gluon.errors import CallError, here
from baryon.gluon.hybrid_block import HybridBlock


class _Stack(Block):
    """What Sequential and HybridSequential have in common."""

    is_container = True

    def add(self, *blocks: Block) -> None:
        """Append blocks."""
        for block in blocks:
            self.register_child(block)

    def forward(self, x: Any, *args: Any) -> Any:
        """The blocks one after the other; one that returns a tuple gives the next its arguments."""
        for block in self._children.values():
            x = block(x, *args)
            args = ()
            if isinstance(x, tuple | list):
                x, args = x[0], tuple(x[1:])
        return (x, *args) if args else x

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Block]:
        return iter([*self._children.values()])

    def __getitem__(self, key: Any) -> Any:
        """A block, or for a slice a container of those blocks."""
        found = [*self._children.values()][key]
        if not isinstance(found, list):
            return found
        part = type(self)()
        part.add(*found)
        return part


class Sequential(_Stack):
    """Blocks run one after the other: `net.add(block, ...)`, `net[0]`, `net[1:]`, `len(net)`."""


class HybridSequential(_Stack, HybridBlock):
    """HybridBlocks run one after the other; it can be hybridized as a whole."""


class Concatenate(Sequential):
    """The outputs of all blocks on the same input, joined along an axis."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Any, *args: Any) -> Any:
        """The joined outputs."""
        return np.concatenate([block(x) for block in self._children.values()], axis=self.axis)


class HybridConcatenate(HybridSequential):
    """`Concatenate` of HybridBlocks."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Any, *args: Any) -> Any:
        """The joined outputs."""
        return np.concatenate([block(x) for block in self._children.values()], axis=self.axis)


class _OfFunction(Block):
    """A block that calls a function of its inputs."""

    def __init__(self, function: str | Callable[..., Any]) -> None:
        super().__init__()
        self._function, self._name = _resolved(function)

    def forward(self, *args: Any) -> Any:
        """The function's result."""
        return self._function(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name})"


class Lambda(_OfFunction):
    """A function, or the name of one of `mx.np` or `mx.npx`, as a block."""


class HybridLambda(_OfFunction, HybridBlock):
    """`Lambda` that can be hybridized."""


def _resolved(function: str | Callable[..., Any]) -> tuple[Callable[..., Any], str]:
    if callable(function):
        return function, getattr(function, "__name__", type(function).__name__)
    for module in (np, npx):
        found = getattr(module, function, None) if isinstance(function, str) else None
        if callable(found):
            return found, function
    raise CallError(
        f"{function!r} is neither a function nor a name in mx.np or mx.npx", where=here()
    )


class Identity(HybridBlock):
    """The input."""

    def forward(self, x: Any) -> Any:
        """The input."""
        return x
