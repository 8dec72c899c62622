"""Errors of reading foreign models."""

from typing import Any

from baryon.ir import BaryonError, UnsupportedError, Value


class ModelError(BaryonError, ValueError):
    """A model file that cannot be read, or that contradicts itself; `where` names file and node."""


class NotConstantError(UnsupportedError):
    """What has to be known while importing, such as a shape, is computed at run time: `value`."""

    def __init__(self, message: str, value: Value, **context: Any) -> None:
        super().__init__(message, **context)
        self.value = value
