"""The state of an array, concrete or traced, and who is recording.

A concrete array has its elements. A traced one has only a type: it stands for a value of the graph
that its recorder builds, and asking it for elements is an error that names the user's line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn, Protocol

import numpy as np

from baryon.ir import Array, BaryonError, Dim, TensorType, Value, caller_loc, tensor_type_of
from baryon.ops import OpDef


class TraceError(BaryonError, TypeError):
    """A traced array was used for something that needs its elements, or outside its trace."""


class Recorder(Protocol):
    """Takes down op calls instead of computing them."""

    def emit(
        self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
    ) -> Sequence[Value]:
        """Append an op; returns its results."""
        ...


_RECORDER: ContextVar[Recorder | None] = ContextVar("baryon.recorder", default=None)


def recorder() -> Recorder | None:
    """The recorder of this thread or task, or None where ops compute at once."""
    return _RECORDER.get()


@contextmanager
def recording_to(new: Recorder) -> Iterator[None]:
    """Record the op calls inside the block; a recorder around it sees none of them."""
    token = _RECORDER.set(new)
    try:
        yield
    finally:
        _RECORDER.reset(token)


class ArrayBase:
    """Elements (`_data`), or a value of the graph (`_value`) of a recorder (`_owner`).

    The memory of `_data` is never written: assignments put another array in its place. It may be
    the user's own (`_foreign`), who may write it.
    """

    __slots__ = ("__weakref__", "_data", "_foreign", "_owner", "_value")

    def __init__(
        self,
        data: Array | None,
        value: Value | None = None,
        owner: Recorder | None = None,
        *,
        foreign: bool = False,
    ) -> None:
        self._data, self._value, self._owner, self._foreign = data, value, owner, foreign

    @property
    def is_traced(self) -> bool:
        """True for an array that has a type but no elements."""
        return self._data is None

    @property
    def tensor_type(self) -> TensorType:
        """Shape and element type as the IR writes them."""
        if self._data is not None:
            return tensor_type_of(self._data)
        assert self._value is not None
        return self._value.type

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The sizes of the axes; a symbolic one is an `ir.Sym`."""
        return self.tensor_type.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The element type as NumPy's."""
        return self.tensor_type.dtype.numpy

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def elements(self, asked: str, hint: str) -> Array:
        """The elements; TraceError, with what `asked` for them and a `hint`, if it is traced."""
        if self._data is None:
            self.refuse(f"{asked} needs the elements of a traced array ({self.tensor_type})", hint)
        return self._data

    def refuse(self, message: str, hint: str) -> NoReturn:
        """Raise a TraceError that names the user's line."""
        raise TraceError(message, where=str(caller_loc("baryon")), hint=hint)

    def value_for(self, user: Recorder | None) -> Value:
        """The graph value of a traced array; TraceError unless `user` is its own recorder."""
        assert self._value is not None
        if self._owner is not user:
            self.refuse(
                f"a traced array ({self.tensor_type}) is used outside the trace that made it",
                "pass it as an input of the inner trace, or return it from the traced function",
            )
        return self._value

    def assign(self, other: ArrayBase) -> None:
        """Become `other`, which must have the same shape and element type."""
        if self.tensor_type != other.tensor_type:
            raise TypeError(f"the result is {other.tensor_type}, the target {self.tensor_type}")
        if other.is_traced and not self.is_traced:
            self.refuse(
                "an array from outside the trace cannot be assigned a traced result",
                "return the result from the traced function",
            )
        self._data, self._value, self._owner = other._data, other._value, other._owner
        self._foreign = other._foreign
