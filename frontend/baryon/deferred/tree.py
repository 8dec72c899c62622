"""Nested tuples, lists and dictionaries of arrays as flat lists, in a stated order.

Tuples and lists are walked in order, dictionaries in the order of insertion. A leaf is named by the
path to it: the second item of `x` is `x.1`, the item `mean` of a dictionary is `x.mean`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def items_of(tree: Any) -> list[tuple[str, Any]] | None:
    """The children with their keys as text, or None for a leaf."""
    if isinstance(tree, dict):
        return [(str(k), v) for k, v in tree.items()]
    if isinstance(tree, tuple | list):
        return [(str(i), v) for i, v in enumerate(tree)]
    return None


def flatten(tree: Any) -> list[Any]:
    """The leaves in order."""
    return [leaf for _, leaf in paths(tree, "")]


def names_of(tree: Any, root: str) -> list[str]:
    """The names of the leaves in order."""
    return [name for name, _ in paths(tree, root)]


def paths(tree: Any, root: str) -> Iterator[tuple[str, Any]]:
    """(name, leaf) in order."""
    items = items_of(tree)
    if items is None:
        yield root, tree
        return
    for key, child in items:
        yield from paths(child, f"{root}.{key}" if root else key)


def rebuild(tree: Any, leaf: Callable[[Any], Any]) -> Any:
    """The same structure with `leaf(x)` in place of each leaf."""
    if isinstance(tree, dict):
        return {k: rebuild(v, leaf) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(rebuild(v, leaf) for v in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(rebuild(v, leaf) for v in tree)
    return leaf(tree)
