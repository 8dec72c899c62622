"""Modules of MXNet 1 as objects whose every name raises an error that says what replaced it."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NoReturn

from baryon import np, npx
from baryon.ir import caller_loc
from baryon.mxnet.names import GROUPS, MODULES, RemovedNameError, replacement

_OF_FUNCTIONS = ("nd", "ndarray", "sym", "symbol")


class Removed(ModuleType):
    """`mx.nd` and the like, or a part of it such as `mx.nd.random`."""

    def __init__(self, module: str, group: str = "") -> None:
        super().__init__(f"mxnet.{module}{'.' if group else ''}{group}", "Replaced in MXNet 2.")
        self._module, self._group = module, group
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if not self._group and name in GROUPS and self._module in _OF_FUNCTIONS:
            return Removed(self._module, name)
        return refuse(self._module, f"{self._group}.{name}" if self._group else name)


def refuse(module: str, name: str) -> NoReturn:
    """RemovedNameError for a name in a module that was replaced."""
    found = replacement(module, name) or _of_the_same_name(module, name) or MODULES[module]
    line = str(caller_loc("baryon"))
    raise RemovedNameError(
        f"there is no mx.{module}.{name}: MXNet 2's NumPy interface does without it",
        where=None if line.startswith("<frozen") else line,
        hint=f"use {found}",
    )


def _of_the_same_name(module: str, name: str) -> str | None:
    if module in ("metric", "rnn"):
        return f"mx.gluon.{module}.{name}"
    if module not in _OF_FUNCTIONS:
        return None
    plain = name.removeprefix("op.")
    for space, functions in (("np", np), ("npx", npx)):
        if plain in functions.__all__:
            return f"mx.{space}.{plain}"
    return None
