"""Run compiled networks, without the compiler.

    import baryon.runtime
    exe = baryon.runtime.load("model.baryon")
    outputs = exe(x)

Needs NumPy and nothing else; its parts load when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baryon.runtime.errors import (
        ArtifactError,
        BaryonRuntimeError,
        InputError,
        KernelError,
        SignatureError,
        UnsupportedCpuError,
    )
    from baryon.runtime.executable import Event, Executable, KernelTime, load, verify_file
    from baryon.runtime.features import Feature, Features, feature_list
    from baryon.runtime.session import Session, Steps
    from baryon.runtime.signing import sign_file
    from baryon.runtime.spec import TensorSpec

__version__ = "0.1.0"

_HOMES = {
    "load": "executable",
    "verify_file": "executable",
    "sign_file": "signing",
    "Executable": "executable",
    "Event": "executable",
    "KernelTime": "executable",
    "Session": "session",
    "Steps": "session",
    "Feature": "features",
    "Features": "features",
    "feature_list": "features",
    "TensorSpec": "spec",
    "BaryonRuntimeError": "errors",
    "ArtifactError": "errors",
    "InputError": "errors",
    "KernelError": "errors",
    "SignatureError": "errors",
    "UnsupportedCpuError": "errors",
}

__all__ = [
    "ArtifactError",
    "BaryonRuntimeError",
    "Event",
    "Executable",
    "Feature",
    "Features",
    "InputError",
    "KernelError",
    "KernelTime",
    "Session",
    "SignatureError",
    "Steps",
    "TensorSpec",
    "UnsupportedCpuError",
    "feature_list",
    "load",
    "sign_file",
    "verify_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'baryon.runtime' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"baryon.runtime.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
