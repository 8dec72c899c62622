"""What can go wrong with parameters and blocks."""

from __future__ import annotations

from baryon.ir import BaryonError, caller_loc


class ParameterError(BaryonError, ValueError):
    """A value, shape or element type does not suit a parameter, or a file does not suit a net."""


class UninitializedError(BaryonError, RuntimeError):
    """A parameter was used that has no value."""


class DeferredInitializationError(UninitializedError):
    """A parameter was used whose shape is not known yet."""


class BlockError(BaryonError, RuntimeError):
    """A block was used in a way that it does not allow."""


class CallError(BaryonError, TypeError):
    """A block was called with arguments that it does not take."""


def here() -> str:
    """The innermost line outside baryon."""
    return str(caller_loc("baryon"))
