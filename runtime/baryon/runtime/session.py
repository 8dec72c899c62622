"""A run in parts, for callers that learn some inputs only after some calls have run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.runtime import _native
from baryon.runtime.executable import Executable
from baryon.runtime.spec import numpy_dtype


class Session:
    """One run of an executable, whose kernel calls are executed a part at a time.

    Intermediate values stay from one part to the next. One thread at a time may use a session.
    """

    def __init__(self, executable: Executable) -> None:
        self._native = _native.Session(executable._native)

    def run(
        self, first: int, count: int, inputs: list[NDArray[Any]], outputs: list[NDArray[Any]]
    ) -> None:
        """Execute the calls first .. first + count - 1.

        inputs, outputs: all of the executable's, row-major and of its shapes and dtypes; those that
        these calls do not use may hold anything. Raises InputError, RuntimeError.
        """
        self._native.run(first, count, inputs, outputs)

    def argument(self, call: int, number: int) -> NDArray[Any] | None:
        """A copy of what an argument of a call holds, after a part that has executed the call.

        As the kernel sees it: rows of memory. None for an argument that is not row-major. Raises
        ValueError for a call or an argument that is not there.
        """
        found = self._native.argument(call, number)
        if found is None:
            return None
        name, shape, data = found
        return np.frombuffer(data, numpy_dtype(name)).reshape(shape)


class Steps(Session):
    """One run, call by call: between two calls `argument` says what was computed so far.

    done: how many of the `total` calls have been executed.
    """

    def __init__(self, executable: Executable, /, *inputs: object, **named: object) -> None:
        """inputs, named: as those of a call. Raises InputError."""
        super().__init__(executable)
        self._arrays, _, self._buffers = executable._prepare(inputs, named)
        self.done, self.total = 0, executable._native.call_count()
        self.advance(0)  # so that the first call's arguments can be looked at before it

    def advance(self, count: int = 1) -> None:
        """Execute the next calls."""
        self.run(self.done, count, self._arrays, self._buffers)
        self.done += count
