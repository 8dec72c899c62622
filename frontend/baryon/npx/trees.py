"""Nested lists, tuples and dicts of arrays as flat lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from baryon.array import ndarray
from baryon.array.types import ArrayLike

T = TypeVar("T")


def leaves_of(tree: Any) -> list[Any]:
    """The leaves in order; None has none."""
    return [*_walk(tree)]


def _walk(tree: Any) -> Iterator[Any]:
    children = tree.values() if isinstance(tree, dict) else tree
    if isinstance(tree, dict | list | tuple):
        for child in children:
            yield from _walk(child)
    elif tree is not None:
        yield tree


def rebuilt(tree: Any, leaves: Sequence[T]) -> Any:
    """The same structure with other leaves, in order."""
    rest = iter(leaves)
    return _rebuilt(tree, lambda: next(rest))


def _rebuilt(tree: Any, next_leaf: Callable[[], Any]) -> Any:
    if isinstance(tree, dict):
        return {k: _rebuilt(v, next_leaf) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_rebuilt(v, next_leaf) for v in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(_rebuilt(v, next_leaf) for v in tree)
    return None if tree is None else next_leaf()


def as_arrays(leaves: Sequence[ArrayLike], convert: Callable[[Any], ndarray]) -> list[ndarray]:
    """Leaves that are arrays of ours; NumPy's and numbers are converted."""
    return [x if isinstance(x, ndarray) else convert(x) for x in leaves]
