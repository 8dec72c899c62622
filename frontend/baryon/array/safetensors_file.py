"""Arrays by name in the format of the library safetensors, which maps files when it reads them.

github.com/huggingface/safetensors describes it: a length of 8 bytes, a header in JSON, the data.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, TensorSpec, safe_open, serialize

from baryon.atomic import FileName
from baryon.ir import Array, BaryonError


def write(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Write named arrays. The metadata says what other readers want to know of the layout."""
    held = {name: _contiguous(array) for name, array in arrays.items()}
    specs = {
        name: TensorSpec(
            dtype=a.dtype.name, shape=a.shape, data_ptr=a.ctypes.data, data_len=a.nbytes
        )
        for name, a in held.items()
    }
    try:
        file.write(serialize(specs, metadata={"format": "np"}))
    except SafetensorError as error:
        raise BaryonError(f"safetensors cannot hold these arrays: {error}") from error


def _contiguous(array: Array) -> Array:
    """Row-major and little-endian, with the shape that it has."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)


def read(path: FileName) -> dict[str, Array]:
    """The named arrays of a file. ValueError for a damaged one, and for element types that NumPy
    does not have."""
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            return {name: _tensor(file, name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _tensor(file: Any, name: str) -> Array:
    try:
        array: Array = file.get_tensor(name)
    except (AttributeError, KeyError, TypeError) as error:
        kind = file.get_slice(name).get_dtype()
        raise ValueError(f"{name} has elements of type {kind}") from error
    return array
