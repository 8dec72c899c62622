"""A run in parts, for callers that learn some inputs only after some calls have run."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from baryon.runtime import _native
from baryon.runtime.executable import Executable


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
