"""Files of arrays: written whole or not at all, read without trusting them.

Written is MXNet 2's format: an uncompressed zip of `.npy` members (`numpy.load` reads it), or that
of safetensors where a name ends so. Read are these, a single `.npy`, and the list format of MXNet 1
(`legacy`). Nothing is ever unpickled.
"""

from __future__ import annotations

import importlib
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from baryon.array.legacy import read_list
from baryon.atomic import FileName, replace_file
from baryon.ir import Array, BaryonError

_DAMAGED = (
    ValueError, EOFError, KeyError, MemoryError, RuntimeError, struct.error, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise for damaged files."""


class FileError(BaryonError, ValueError):
    """A file is not what it should be."""


_ZIP, _NPY = b"PK\x03\x04", b"\x93NUM"
_SAFETENSORS = ".safetensors"
_HEADER = 8
"""Where the header of safetensors begins, behind its length: an object of JSON."""
_BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
"""How MXNet writes bfloat16, which `.npy` has no name for."""


def save_arrays(path: FileName, arrays: Mapping[str, Array]) -> None:
    """Write named arrays; the file appears, or replaces an older one, once it is complete.

    A name that ends with .safetensors asks for that format.
    """
    if Path(path).suffix == _SAFETENSORS:
        replace_file(path, lambda file: _safetensors().write(file, arrays))
        return
    packed = {name: _packed(np.asarray(a, order="C")) for name, a in arrays.items()}

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            for name, array in packed.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    replace_file(path, write)


def save_array(path: FileName, array: Array) -> None:
    """Write one array as `.npy`, whole or not at all."""
    packed = _packed(np.asarray(array, order="C"))
    replace_file(path, lambda file: np.lib.format.write_array(file, packed, allow_pickle=False))


def save_text(path: FileName, text: str) -> None:
    """Write a text file, whole or not at all."""
    replace_file(path, lambda file: file.write(text.encode()))


def load_arrays(path: FileName) -> dict[str, Array]:
    """The named arrays of a file; the one of a `.npy` is called "", those of a list without names
    "0", "1", ...

    Raises FileError for a file that is none of the formats or is damaged, OSError if it cannot
    be read.
    """
    with Path(path).open("rb") as file:
        start = file.read(_HEADER + 1)
        file.seek(0)
        try:
            if start[_HEADER : _HEADER + 1] == b"{":
                found: dict[str, Array] = _safetensors().read(path)
                return found
            if start.startswith(_ZIP):
                return _read_zip(file)
            if start.startswith(_NPY):
                return {"": _unpacked(np.load(file, allow_pickle=False))}
            return read_list(file, os.fstat(file.fileno()).st_size)
        except _DAMAGED as error:
            raise FileError(
                f"{os.fspath(path)} cannot be read as arrays: {error}",
                hint="expected .npz, .npy, .safetensors or a list of arrays as MXNet writes it",
            ) from error


def _read_zip(file: BinaryIO) -> dict[str, Array]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: _unpacked(archive[name]) for name in archive.files}


def _safetensors() -> Any:
    """The module for safetensors; its library loads when it is first needed."""
    return importlib.import_module("baryon.array.safetensors_file")


def _packed(array: Array) -> Array:
    return array.view(np.uint16).view(_BFLOAT16) if array.dtype == ml_dtypes.bfloat16 else array


def _unpacked(array: Array) -> Array:
    is_bfloat16 = array.dtype == _BFLOAT16 or array.dtype == np.dtype("V2")
    return array.view(ml_dtypes.bfloat16) if is_bfloat16 else array
