"""baryon: compile, quantize and deploy networks written for Gluon 2 or trained elsewhere.

    import baryon as mx
    exe = mx.compile("model.onnx", target="native")
    outputs = exe(x)

The package is spread over four source roots (frontend, passes, compiler, runtime) that join here;
its parts load when first used, so that `import baryon.runtime` never loads the compiler.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time `__getattr__` loads these
    from baryon import autograd as autograd
    from baryon import gluon as gluon
    from baryon import importers as importers
    from baryon import initializer as init  # noqa: F401
    from baryon import ir as ir
    from baryon import np as np
    from baryon import npx as npx
    from baryon import onnx as onnx
    from baryon import ops as ops
    from baryon import optimizer as optimizer
    from baryon import runtime as runtime
    from baryon.api import compile as compile  # noqa: A004
    from baryon.deferred import trace as trace
    from baryon.device import cpu as cpu

__path__ = pkgutil.extend_path(__path__, __name__)
__version__ = "0.1.0"

_SUBMODULES = frozenset({
    "amp", "array", "autograd", "callback", "contrib", "deferred", "device", "engine", "gluon",
    "image", "importers", "initializer", "io", "ir", "kvstore", "lr_scheduler", "np", "npx",
    "onnx", "ops", "optimizer", "profiler", "quantization", "random", "recordio", "runtime",
    "test_utils", "util", "visualization",
})  # fmt: skip
_ALIASES = {"init": "initializer", "kv": "kvstore", "viz": "visualization", "context": "device",
            "img": "image"}  # fmt: skip
_ATTRIBUTES = {
    "compile": "baryon.api",
    "trace": "baryon.deferred",
    **dict.fromkeys(
        ("Context", "Device", "cpu", "cpu_pinned", "current_context", "current_device", "gpu",
         "gpu_memory_info", "num_gpus"),
        "baryon.device",
    ),
}  # fmt: skip

_ABSENT = {
    "library": "libraries with operators for MXNet's C++ interface cannot be loaded",
    "rtc": "there are no GPUs",
}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES or name in _ALIASES:
        return importlib.import_module(f"baryon.{_ALIASES.get(name, name)}")
    if name in _ATTRIBUTES:
        return getattr(importlib.import_module(_ATTRIBUTES[name]), name)
    if not name.startswith("_") and name in importlib.import_module("baryon.mxnet.names").MODULES:
        removed = importlib.import_module("baryon.mxnet.removed")
        return removed.Removed(name)  # its names say what replaced them
    reason = f": {_ABSENT[name]}" if name in _ABSENT else ""
    raise AttributeError(f"module 'baryon' has no attribute {name!r}{reason}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_ALIASES, *_ATTRIBUTES})
