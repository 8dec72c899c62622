"""The option of passes that says which pattern groups are switched off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class Off(frozenset[str]):
    """Names of pattern groups that a pass leaves alone; prints and reads as "conv-bn+conv-sum"."""

    def __new__(cls, names: str | Iterable[str] = ()) -> Self:
        """From names, or from their text."""
        parts = names.split("+") if isinstance(names, str) else names
        return super().__new__(cls, (name.strip() for name in parts if name.strip()))

    def __str__(self) -> str:
        return "+".join(sorted(self))

    def __repr__(self) -> str:
        return f"Off({str(self)!r})"


NOTHING = Off()
