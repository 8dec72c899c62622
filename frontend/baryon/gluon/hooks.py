"""Functions that a block calls before and after its forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class HookHandle:
    """Detaches the hook that it was returned for: `detach()`, or the end of a `with` block."""

    def __init__(self) -> None:
        self._hooks: dict[int, Callable[..., Any]] | None = None

    def attach(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        """Add a hook to a block's."""
        if self._hooks is not None:
            raise RuntimeError("this handle has a hook already")
        self._hooks = hooks
        hooks[id(self)] = hook

    def detach(self) -> None:
        """Remove the hook; nothing if it was removed."""
        if self._hooks is not None:
            self._hooks.pop(id(self), None)

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.detach()


def attached(hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> HookHandle:
    """The handle of a new hook."""
    handle = HookHandle()
    handle.attach(hooks, hook)
    return handle
