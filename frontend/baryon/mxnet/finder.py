"""The import hook: `mxnet` and its modules are baryon's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from baryon.ir import BaryonError
from baryon.mxnet.names import ABSENT, ELSEWHERE, MODULES
from baryon.mxnet.removed import Removed, refuse
from baryon.mxnet.root import Root


class _InPlace(Loader):
    """Gives a module that exists already: importing another name makes no second copy."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def exec_module(self, module: ModuleType) -> None:
        """Put the existing module where the import system takes the result from."""
        sys.modules[module.__name__] = self.module


class Finder(MetaPathFinder):
    """Finds `mxnet` and everything below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of mxnet; ImportError for one that is not here."""
        if fullname == "mxnet":
            root = Root()
            root.__spec__ = ModuleSpec("mxnet", _InPlace(root), is_package=True)
            return root.__spec__
        if not fullname.startswith("mxnet."):
            return None
        return ModuleSpec(fullname, _InPlace(_module(fullname.removeprefix("mxnet."))))


def _module(name: str) -> ModuleType:
    first, _, rest = name.partition(".")
    if first in MODULES:
        if rest:
            _refuse_import(first, rest)
        return Removed(first)
    if name in ABSENT:
        raise ModuleNotFoundError(f"baryon has no mxnet.{name}: {ABSENT[name]}")
    target = ELSEWHERE.get(name) or ".".join([ELSEWHERE.get(first, first), *filter(None, [rest])])
    try:
        return importlib.import_module(f"baryon.{target}")
    except ModuleNotFoundError as error:
        if error.name is None or not f"baryon.{target}".startswith(error.name):
            raise
        raise ModuleNotFoundError(f"baryon has no mxnet.{name}", name=f"mxnet.{name}") from None


def _refuse_import(module: str, name: str) -> None:
    """ImportError with what `refuse` says: `from mxnet.nd import concat`."""
    try:
        refuse(module, name)
    except BaryonError as error:
        raise ImportError(str(error)) from None


def install() -> None:
    """Make `import mxnet` give baryon, in this process from now on.

    Raises ImportError if another mxnet is imported already.
    """
    other = sys.modules.get("mxnet")
    if other is not None and not isinstance(other, Root) and not _is_stub(other):
        raise ImportError(
            f"mxnet is imported already (from {getattr(other, '__file__', '?')}); "
            "call baryon.mxnet.install() before"
        )
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


def _is_stub(module: ModuleType) -> bool:
    return getattr(module, "BARYON_STUB", False) is True
