"""`mx.device`: where arrays live, which here is always the memory of the CPU.

Programs pass devices around (`device=mx.cpu()`, `net.initialize(device=...)`), so there are objects
for them. All CPU devices are the same memory, used by all threads of one pool; there is no GPU.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar, cast

from baryon.array.device import CPU, Device, only_cpu
from baryon.ir import UnsupportedError, caller_loc

__all__ = [
    "Context", "Device", "cpu", "cpu_pinned", "current_context", "current_device", "gpu",
    "gpu_memory_info", "num_gpus", "one_device", "takes_ctx",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


def cpu(device_id: int = 0) -> Device:
    """The CPU."""
    return Device("cpu", device_id)


def cpu_pinned(device_id: int = 0) -> Device:
    """The CPU: without a GPU, no memory needs pinning."""
    return Device("cpu_pinned", device_id)


def gpu(device_id: int = 0) -> NoReturn:
    """UnsupportedError: there are only CPUs."""
    raise UnsupportedError(
        f"gpu({device_id}) is asked for, but baryon runs on CPUs",
        where=str(caller_loc("baryon")),
        hint="use mx.cpu(), or choose by mx.device.num_gpus(), which is 0",
    )


def num_gpus() -> int:
    """0."""
    return 0


def gpu_memory_info(device_id: int = 0) -> NoReturn:
    """UnsupportedError: there are only CPUs."""
    gpu(device_id)


def current_device() -> Device:
    """cpu(0): arrays are always made there."""
    return CPU


def takes_ctx(function: F) -> F:
    """Let a function that takes `device` take the old keyword `ctx` too, with a warning."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if "ctx" in kwargs:
            warnings.warn("ctx= is now device=", DeprecationWarning, stacklevel=2)
            kwargs["device"] = kwargs.pop("ctx")
        return function(*args, **kwargs)

    return cast(F, wrapper)


def one_device(device: Any) -> Device:
    """The device that a `device=` argument (None, one, or a list of equal ones) names.

    Raises UnsupportedError for several different ones (parameters have one copy, and all threads
    work on each batch) and for a GPU.
    """
    if device is None or isinstance(device, Device):
        only_cpu(device)
        return device or CPU
    found = list(device) if isinstance(device, Iterable) else [device]
    if not found or any(not isinstance(d, Device) for d in found):
        raise TypeError(f"expected a Device or a list of them, not {device!r}")
    if len(set(found)) > 1:
        raise UnsupportedError(
            f"parameters on {len(found)} devices ({', '.join(map(str, found))}) are asked for",
            where=str(caller_loc("baryon")),
            hint="pass one device, mx.cpu(): all CPU cores work on each batch",
        )
    return one_device(found[0])


class Context(Device):
    """The old name of `Device`."""

    def __init__(self, device_type: str | Device = "cpu", device_id: int = 0) -> None:
        warnings.warn("Context is now called Device", DeprecationWarning, stacklevel=2)
        super().__init__(device_type, device_id)


def current_context() -> Device:
    """The old name of `current_device`."""
    warnings.warn("current_context is now current_device", DeprecationWarning, stacklevel=2)
    return current_device()
