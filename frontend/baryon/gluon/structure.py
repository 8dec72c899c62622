"""The tree of blocks: names, sharing, and how it prints."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from baryon.gluon.errors import BlockError, here
from baryon.gluon.parameter import Parameter

if TYPE_CHECKING:
    from baryon.gluon.base_block import Block

_OWN = frozenset({"_children", "_parents", "_reg_params"})
"""Attributes that blocks themselves have."""


def check_replacement(owner: str, name: str, old: Any, value: Any) -> None:
    """TypeError if a block or parameter is replaced by something of another type."""
    if not isinstance(value, type(old)):
        raise TypeError(
            f"{owner}.{name} is a {type(old).__name__} and cannot become a {type(value).__name__}; "
            "use another attribute"
        )


def require_init(block: Block) -> None:
    """BlockError if `Block.__init__` has not run yet."""
    if "_reg_params" not in block.__dict__:
        raise BlockError(
            f"{type(block).__name__} gets children or parameters before Block.__init__",
            where=here(),
            hint="call super().__init__() first",
        )


def walk(block: Block, prefix: str = "") -> Iterator[tuple[str, Block]]:
    """The block and all below it, with the prefix of their parameters' names."""
    yield prefix, block
    for name, child in block.children():
        yield from walk(child, f"{prefix}{name}.")


def collect(block: Block, select: str | None) -> dict[str, Parameter]:
    """Parameters by structural name."""
    named = {
        prefix + name: parameter
        for prefix, b in walk(block)
        for name, parameter in b.params.items()
    }
    if select is None:
        return named
    pattern = re.compile(select)
    return {name: p for name, p in named.items() if pattern.match(name)}


def share(block: Block, shared: Mapping[str, Parameter]) -> None:
    """Replace parameters by those of the same structural name; warn of names that there are not."""
    if not isinstance(shared, Mapping):
        raise TypeError(f"expected collect_params() of a block, not {type(shared).__name__}")
    used = set()
    for prefix, b in walk(block):
        for name in [n for n in b.params if prefix + n in shared]:
            setattr(b, name, shared[prefix + name])
            used.add(prefix + name)
    for name in shared.keys() - used:
        warnings.warn(f"there is no parameter {name!r} to be shared", stacklevel=3)


def outline(block: Block) -> dict[str, Any]:
    """The tree as nested dictionaries: class, own parameters, children."""
    return {
        "class": type(block).__name__,
        "params": [*block.params],
        "children": {name: outline(child) for name, child in block.children()},
    }


def describe(name: str, parts: Mapping[str, Any]) -> str:
    """The tree as `repr` prints it."""
    if not parts:
        return f"{name}()"
    lines = [f"  ({key}): {indented(repr(part), 2)}" for key, part in parts.items()]
    return "\n".join([f"{name}(", *lines, ")"])


def indented(text: str, spaces: int) -> str:
    """The text with all lines but the first indented."""
    return text.replace("\n", "\n" + " " * spaces)


def warn_of_unregistered(block: Block) -> None:
    """Warn of blocks in lists and dictionaries, whose parameters nobody would find."""
    for _, b in walk(block):
        registered = {id(child) for _, child in b.children()}
        for name, value in vars(b).items():
            if name in _OWN or not isinstance(value, list | tuple | dict):
                continue
            if any(id(found) not in registered for found in _blocks_in(value)):
                warnings.warn(
                    f"{type(b).__name__}.{name} holds blocks that are not registered, so their "
                    "parameters are not found; use nn.HybridSequential or register_child",
                    stacklevel=3,
                )


def _blocks_in(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _blocks_in(item)
    elif hasattr(value, "register_child"):
        yield value
