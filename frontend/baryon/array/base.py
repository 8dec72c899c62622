"""The state of an array, concrete or traced, and who is recording.

A concrete array has its elements. A traced one has only a type: it stands for a value of the graph
that its recorder builds, and asking it for elements is an error that names the user's line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np

from baryon.ir import Array, BaryonError, Dim, TensorType, Value, caller_loc, dtype_of
from baryon.ops import OpDef

if TYPE_CHECKING:
    from baryon.array.tape import Node


class TraceError(BaryonError, TypeError):
    """A traced array was used for something that needs its elements, or outside its trace."""


class ElementsError(TraceError):
    """The elements of a traced array were asked for; `value` is what it stands for."""

    def __init__(self, message: str, value: Value, **context: str | None) -> None:
        super().__init__(message, **context)
        self.value = value


class Recorder(Protocol):
    """Takes down op calls instead of computing them."""

    def takes(self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]) -> bool:
        """Whether this call belongs to the graph, rather than being computed at once."""
        ...

    def watch(self, operands: Sequence[ArrayBase]) -> None:
        """Note concrete arrays from which a constant of the graph is computed."""
        ...

    def emit(
        self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
    ) -> Sequence[Value]:
        """Append an op; returns its results."""
        ...

    def draw(self) -> tuple[ArrayBase, int]:
        """The key of the graph's random numbers, and a stream of them that nobody else has."""
        ...

    def assign(self, target: ArrayBase, value: ArrayBase) -> None:
        """Make the graph write `value` into a concrete array after each run."""
        ...


_RECORDER: ContextVar[Recorder | None] = ContextVar("baryon.recorder", default=None)


def recorder() -> Recorder | None:
    """The recorder of this thread or task, or None where ops compute at once."""
    return _RECORDER.get()


@contextmanager
def recording_to(new: Recorder | None) -> Iterator[None]:
    """Record the op calls inside the block; a recorder around it sees none of them."""
    token = _RECORDER.set(new)
    try:
        yield
    finally:
        _RECORDER.reset(token)


@lru_cache(maxsize=4096)
def _tensor_type(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> TensorType:
    return TensorType(shape, dtype_of(dtype))


class ArrayBase:
    """Elements (`_data`), or a value of the graph (`_value`) of a recorder (`_owner`).

    `_data` is row-major and stays the same object: assignments write into it. `_writes` counts
    them, in a list that views of the same memory share; None while nobody cares.
    `_node` and `_index`: the entry of the gradient tape that made the array. `_grad`, `_grad_req`:
    where its gradient goes and how (`write`, `add`), for arrays that have one attached.
    """

    # what most arrays lack stands in the class, so that making one sets one attribute
    _value: Value | None = None
    _owner: Recorder | None = None
    _node: Node | None = None
    _index: int = 0
    _grad: ArrayBase | None = None
    _grad_req: str | None = None
    _writes: list[int] | None = None

    def __init__(
        self, data: Array | None, value: Value | None = None, owner: Recorder | None = None
    ) -> None:
        self._data = data
        if value is not None:
            self._value, self._owner = value, owner

    @property
    def is_traced(self) -> bool:
        """True for an array that has a type but no elements."""
        return self._data is None

    @property
    def needs_gradient(self) -> bool:
        """True when the gradient tape follows this array."""
        return self._node is not None or self._grad_req is not None

    @property
    def type(self) -> TensorType:
        """Shape and element type as the IR writes them."""
        if self._data is not None:
            return _tensor_type(self._data.shape, self._data.dtype)
        assert self._value is not None
        return self._value.type

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The sizes of the axes; a symbolic one is an `ir.Sym`."""
        return self._data.shape if self._data is not None else self.type.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The element type as NumPy's."""
        return self._data.dtype if self._data is not None else self.type.dtype.numpy

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def elements(self, asked: str, hint: str) -> Array:
        """The elements; TraceError, with what `asked` for them and a `hint`, if it is traced."""
        if self._data is None:
            assert self._value is not None
            message = f"{asked} needs the elements of a traced array ({self.type})"
            raise ElementsError(message, self._value, where=str(caller_loc("baryon")), hint=hint)
        return self._data

    def refuse(self, message: str, hint: str) -> NoReturn:
        """Raise a TraceError that names the user's line."""
        raise TraceError(message, where=str(caller_loc("baryon")), hint=hint)

    def value_for(self, user: Recorder | None) -> Value:
        """The graph value of a traced array; TraceError unless `user` is its own recorder."""
        assert self._value is not None
        if self._owner is not user:
            self.refuse(
                f"a traced array ({self.type}) is used outside the trace that made it",
                "pass it as an input of the inner trace, or return it from the traced function",
            )
        return self._value

    def writes(self) -> list[int]:
        """The count of assignments to this array's memory, which starts when it is asked for."""
        if self._writes is None:
            self._writes = [0]
        return self._writes
