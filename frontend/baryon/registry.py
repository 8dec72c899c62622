"""Names for classes, for functions that take a name: `optimizer.create("sgd")`."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from baryon.ir import BaryonError, caller_loc

T = TypeVar("T")
K = TypeVar("K", bound=type)


class UnknownNameError(BaryonError, ValueError):
    """A name that nothing is registered under."""


class Registry(Generic[T]):
    """Classes by name; upper and lower case are equal.

    kind: what the classes are, for errors.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[T]] = {}

    def add(self, klass: type[T], *aliases: str) -> None:
        """Enter a class under its own name and others."""
        for name in (klass.__name__, *aliases):
            self._classes[name.lower()] = klass

    def register(self, klass: K) -> K:
        """Enter a class of the user's under its own name: a decorator."""
        known = self._classes.get(klass.__name__.lower())
        if known is not None and known is not klass:
            warnings.warn(
                f"{self.kind} {klass.__name__!r} now means {klass.__module__}.{klass.__name__}, "
                f"not {known.__module__}.{known.__name__}",
                stacklevel=2,
            )
        self.add(klass)
        return klass

    def alias(self, *names: str) -> Callable[[K], K]:
        """Enter a class of the user's under more names: a decorator."""

        def enter(klass: K) -> K:
            self.add(klass, *names)
            return klass

        return enter

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._classes)

    def find(self, name: str) -> type[T]:
        """The class of a name; UnknownNameError, with those that are close, if there is none."""
        found = self._classes.get(name.lower())
        if found is None:
            raise UnknownNameError(
                f"there is no {self.kind} {name!r}",
                where=str(caller_loc("baryon")),
                hint=_suggestion(name, self.names()),
            )
        return found

    def create(self, name: str, *args: Any, **kwargs: Any) -> T:
        """An instance of the class of a name."""
        return self.find(name)(*args, **kwargs)


def _suggestion(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name.lower(), known, 3)
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"
