"""`mx.util`: the switches of semantics, and small helpers of MXNet 2."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy

from baryon.array import ndarray
from baryon.array.switches import (
    default_float,
    is_np_array,
    is_np_default_dtype,
    is_np_shape,
    np_array,
    np_default_dtype,
    np_shape,
    reset_np,
    set_np,
    set_np_default_dtype,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_default_dtype,
    use_np_shape,
)
from baryon.ir import UnsupportedError
from baryon.np import array

F = TypeVar("F", bound=Callable[..., Any])


def getenv(name: str) -> str | None:
    """A variable of the environment, or None."""
    return os.environ.get(name)


def setenv(name: str, value: str | None) -> None:
    """Set a variable of the environment, or remove it (None)."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def set_module(module: str) -> Callable[[F], F]:
    """A decorator that says in which module a function or class is public."""

    def decorate(decorated: F) -> F:
        if module is not None:
            decorated.__module__ = module
        return decorated

    return decorate


def set_flush_denorms(value: bool) -> bool:
    """Do nothing: compiled kernels choose how they treat denormal numbers; returns False."""
    return False


def default_array(source_array: Any, device: Any = None, dtype: Any = None) -> ndarray:
    """An array of ours from nested sequences, numbers, or an array; see `mx.np.array`."""
    return array(source_array, dtype, device)


def dtype_from_number(number: Any) -> numpy.dtype[Any]:
    """The element type that a Python number gives an array: bool, int64, or the default float."""
    if isinstance(number, bool | numpy.bool_):
        return numpy.dtype(numpy.bool_)
    if isinstance(number, int | numpy.integer):
        return numpy.dtype(numpy.int64)
    if isinstance(number, float | numpy.floating):
        return default_float()
    raise TypeError(f"{number!r} is not a number")


def wrap_ctx_to_device_func(func: F) -> F:
    """The function, with `ctx` as another name of its argument `device`."""

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        if "ctx" in kwargs:
            kwargs.setdefault("device", kwargs.pop("ctx"))
        return func(*args, **kwargs)

    return call  # type: ignore[return-value]


def get_gpu_count() -> int:
    """The number of GPUs that arrays can be on: none."""
    return 0


def get_gpu_memory(gpu_dev_id: int = 0) -> tuple[int, int]:
    """Raise UnsupportedError: arrays are on the CPU."""
    raise UnsupportedError(f"there is no GPU {gpu_dev_id}", hint="use mx.cpu()")


def get_cuda_compute_capability(device: Any = None) -> int:
    """Raise UnsupportedError: arrays are on the CPU."""
    raise UnsupportedError(f"{device} is no CUDA device", hint="use mx.cpu()")


__all__ = [
    "TemporaryDirectory", "default_array", "dtype_from_number", "get_cuda_compute_capability",
    "get_gpu_count", "get_gpu_memory", "getenv", "is_np_array", "is_np_default_dtype",
    "is_np_shape", "np_array", "np_default_dtype", "np_shape", "reset_np", "set_flush_denorms",
    "set_module", "set_np", "set_np_default_dtype", "set_np_shape", "setenv", "use_np",
    "use_np_array", "use_np_default_dtype", "use_np_shape", "wrap_ctx_to_device_func",
]  # fmt: skip
