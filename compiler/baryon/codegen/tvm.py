"""TVM, by the parts that generate code for CPUs: the one place that imports it.

Plain ``import tvm`` takes 1.1 s of a core: half of that is for GPUs, Relax, tuning and clusters.
Those parts load at their first use instead. A program that has imported TVM before is not changed,
and one that wants a GPU calls ``tvm.backend.load``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_LAZY = frozenset({"tvm.relax", "tvm.runtime.disco", "tvm.s_tir.dlight", "tvm.s_tir.meta_schedule"})
_GPUS = "TVM_DEVICE_BACKEND_AUTOLOAD"
"""TVM's own variable: 0 leaves out what registers GPUs."""


class _AtFirstUse(Loader):
    """Fills a module when it is asked for a name of its own.

    `importlib.util.LazyLoader` does that for every name, `__file__` too, which programs that look
    through `sys.modules` ask of all modules (inspect, Hypothesis).
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def load(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            del module.__dict__["__getattr__"]
            self.loader.exec_module(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = load


class _LazyFinder(MetaPathFinder):
    """Finds the parts that are not needed, to be loaded at their first use."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in _LAZY else None
        if spec is not None and spec.loader is not None:
            spec.loader = _AtFirstUse(spec.loader)
        return spec


@contextmanager
def _cpu_only() -> Iterator[None]:
    """What is imported for the first time is imported without the rest."""
    finder, before = _LazyFinder(), os.environ.get(_GPUS)
    sys.meta_path.insert(0, finder)
    os.environ.setdefault(_GPUS, "0")
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if before is None:
            del os.environ[_GPUS]


with _cpu_only():
    import tvm
    import tvm_ffi
    from tvm import s_tir, tirx
    from tvm.ir import Call, Op, PrimType
    from tvm.runtime import Executable
    from tvm.script.ir_builder import IRBuilder
    from tvm.script.ir_builder import tirx as T
    from tvm.target import Target as TvmTarget
    from tvm.tirx.build import codegen_build

__all__ = [
    "Call",
    "Executable",
    "IRBuilder",
    "Op",
    "PrimType",
    "T",
    "TvmTarget",
    "codegen_build",
    "s_tir",
    "tirx",
    "tvm",
    "tvm_ffi",
]
