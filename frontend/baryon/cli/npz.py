"""Arrays of an .npz file, read in parts: NumPy reads each as a whole."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from baryon.cli.files import FileError
from baryon.ir import Array

_BROKEN = (ValueError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Column:
    """One array of an archive, by what its header says. is_fortran: columns lie together."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool

    def rows(self, stack: ExitStack, count: int) -> Iterator[Array]:
        """Parts of `count` rows, the last perhaps of fewer. The stack closes the file."""
        try:
            file = stack.enter_context(zipfile.ZipFile(self.path)).open(f"{self.name}.npy")
            _header(stack.enter_context(file))
            yield from self._parts(file, count)
        except _BROKEN as error:
            raise FileError(f"{self.path}: {self.name} cannot be read: {error}") from error

    def _parts(self, file: IO[bytes], count: int) -> Iterator[Array]:
        total = self.shape[0]
        step = total if self.is_fortran else count  # whose rows are spread over all of it
        for start in range(0, total, max(1, step)):
            some = self._read(file, min(step, total - start))
            yield from (some[i : i + count] for i in range(0, len(some), count))

    def _read(self, file: IO[bytes], rows: int) -> Array:
        shape = (rows, *self.shape[1:])
        size = math.prod(shape) * self.dtype.itemsize
        data = file.read(size)
        if len(data) != size:
            raise EOFError("the data ends early")
        flat = np.frombuffer(data, self.dtype)
        return flat.reshape(shape, order="F" if self.is_fortran else "C")


def columns(path: Path) -> Mapping[str, Column]:
    """The arrays of an .npz file by name. Raises FileError, OSError."""
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            names = [n for n in archive.namelist() if n.endswith(".npy")]
            return {n.removesuffix(".npy"): _column(path, archive, n) for n in names}
    except _BROKEN as error:
        raise FileError(f"{path} cannot be read: {error}") from error


def _column(path: Path, archive: zipfile.ZipFile, name: str) -> Column:
    with archive.open(name) as file:
        shape, is_fortran, dtype = _header(file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    return Column(path, name.removesuffix(".npy"), shape, dtype, is_fortran)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    return shape, is_fortran, dtype
