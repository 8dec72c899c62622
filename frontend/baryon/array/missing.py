"""What a module says of a name that it does not have."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn


def missing_name(
    module: str,
    names: Iterable[str],
    planned: Any = None,
    absent: Mapping[str, str] | None = None,
) -> Callable[[str], NoReturn]:
    """A module's `__getattr__`: an AttributeError that tells later names from wrong ones.

    planned: an object whose attributes are names that users may expect. absent: names that MXNet
    has and baryon will not have, with the reason.
    """
    known, reasons = sorted(names), absent or {}

    def fail(name: str) -> NoReturn:
        text = f"module {module!r} has no attribute {name!r}"
        if name in reasons:
            raise AttributeError(f"{text}: {reasons[name]}")
        if not name.startswith("_") and hasattr(planned, name):
            text = f"{module}.{name} is not there yet: this version of baryon does not have it"
        close = difflib.get_close_matches(name, known, 3)
        raise AttributeError(text + (f"; did you mean {' or '.join(close)}?" if close else ""))

    return fail
