"""The keyword `name` that MXNet's neural-network functions take: the name of the result in a graph.

Graphs here name their values themselves, so it is accepted and means nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from baryon.array.border import public

_NAME = inspect.Parameter(
    "name", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="str | None"
)


def named(functions: Iterable[Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The functions of `npx` by name; all of them take `name`, and errors have the user's line."""
    return public("npx", map(_named, functions))


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    parameters = [*signature.parameters.values()]
    if "name" in signature.parameters:
        return function

    @wraps(function)
    def call(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    end = len(parameters) - (parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    made: Any = call
    made.__signature__ = signature.replace(parameters=[*parameters[:end], _NAME, *parameters[end:]])
    return call
