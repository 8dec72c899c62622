"""Arrays as the C++ part takes them: the right dtype, row-major, copied only when they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.runtime.errors import InputError
from baryon.runtime.spec import TensorSpec


def arrange(
    specs: Sequence[TensorSpec], values: Sequence[object], named: Mapping[str, object]
) -> tuple[object, ...]:
    """One value for each input, in order, from positional and named ones. Raises InputError."""
    names = [spec.name for spec in specs]
    if len(values) > len(names):
        raise InputError(f"{len(values)} inputs given, the network has {len(names)}: {names}")
    given = dict(zip(names, values, strict=False))
    if twice := given.keys() & named.keys():
        raise InputError(f"input '{min(twice)}' is given twice, by position and by name")
    if unknown := named.keys() - set(names):
        raise InputError(f"there is no input '{min(unknown)}'; the network has {names}")
    given |= named
    if missing := [name for name in names if name not in given]:
        raise InputError(f"input '{missing[0]}' is missing; the network has {names}")
    return tuple(given[name] for name in names)


def input_array(spec: TensorSpec, value: object) -> NDArray[Any]:
    """The value's memory as a row-major array of the spec's buffer_dtype.

    Copies only strided arrays and those of foreign byte order. Raises InputError for another dtype.
    The shape is not looked at.
    """
    array = value if isinstance(value, np.ndarray) else _imported(spec, value)
    if array.dtype != spec.dtype:
        if array.dtype.newbyteorder("=") != spec.dtype:
            raise InputError(
                f"input '{spec.name}' has dtype {array.dtype}, expected {spec.dtype}: "
                f"convert it, for example with .astype('{spec.dtype}')"
            )
        array = array.astype(spec.dtype, order="C")
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        array = array.copy(order="C")
    return array if spec.buffer_dtype is spec.dtype else array.view(spec.buffer_dtype)


def _imported(spec: TensorSpec, value: object) -> NDArray[Any]:
    """Share the memory of something that is not a NumPy array."""
    try:
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
        return np.asarray(memoryview(value))  # type: ignore[arg-type]
    except (TypeError, BufferError, ValueError, RuntimeError) as error:
        raise InputError(
            f"input '{spec.name}' is a {type(value).__name__}; expected a NumPy array, or anything "
            f"on the CPU with DLPack or the buffer protocol ({error})"
        ) from error
