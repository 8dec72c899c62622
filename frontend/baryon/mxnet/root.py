"""The module that `import mxnet` gives."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import baryon
from baryon.mxnet.base import MXNetError
from baryon.mxnet.names import ELSEWHERE, MODULES
from baryon.mxnet.removed import Removed


class Root(ModuleType):
    """`mxnet`: baryon's names under MXNet's, and those that MXNet 2 replaced."""

    def __init__(self) -> None:
        super().__init__("mxnet", "MXNet 2's interface, by baryon.")
        self.__version__ = f"2.0.0+baryon{baryon.__version__}"
        self.__path__: list[str] = []
        self.MXNetError = MXNetError

    def __getattr__(self, name: str) -> Any:
        if name in MODULES:
            found: Any = Removed(name)
        elif name in ELSEWHERE:
            found = importlib.import_module(f"baryon.{ELSEWHERE[name]}")
        else:
            found = self._of_baryon(name)
        self.__dict__[name] = found
        return found

    def _of_baryon(self, name: str) -> Any:
        try:
            return getattr(baryon, name)
        except AttributeError:
            raise AttributeError(f"module 'mxnet' has no attribute {name!r}") from None

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *dir(baryon), *ELSEWHERE, *MODULES} - {"ops", "ir"})
