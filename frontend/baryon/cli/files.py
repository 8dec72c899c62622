"""Arrays in files: reading them, writing them, and which input they are for."""

from __future__ import annotations

import importlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from baryon.cli.outputs import replacing
from baryon.ir import Array, BaryonError


class FileError(BaryonError, ValueError):
    """A file of arrays that cannot be used; the message names it."""


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a .npy, .npz or .pb (ONNX TensorProto) file; one that has no name is "".

    Raises FileError for a broken file or another kind, OSError where it cannot be opened.
    """
    reader = {".npy": _read_npy, ".npz": _read_npz, ".pb": _read_tensor_proto}.get(path.suffix)
    if reader is None:
        raise FileError(f"{path} is not a file of arrays", hint="it reads .npy, .npz and .pb")
    try:
        return reader(path)
    except (ValueError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error


def _read_npy(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:
        return {"": np.lib.format.read_array(file, allow_pickle=False)}


def _read_npz(path: Path) -> dict[str, Array]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise FileError(f"{path} is not an .npz archive")
        return {name: archive[name] for name in archive.files}


def _read_tensor_proto(path: Path) -> dict[str, Array]:
    onnx = importlib.import_module("onnx")  # slow to import, and only this kind of file needs it
    numpy_helper = importlib.import_module("onnx.numpy_helper")
    proto, data = onnx.TensorProto(), path.read_bytes()
    try:
        proto.ParseFromString(data)
    except Exception as error:  # protobuf's error class differs between its versions
        raise FileError(f"{path} is not an ONNX tensor: {error}") from error
    array: Array = numpy_helper.to_array(proto)
    return {proto.name: array}


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write .npz with the names given, or .npy where there is one array.

    np.savez takes names as keyword arguments and refuses "file"; this takes any.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".npy":
            (array,) = arrays.values()
            np.lib.format.write_array(file, array, allow_pickle=False)
            return
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def bind_inputs(names: Sequence[str], given: Sequence[str]) -> dict[str, Array]:
    """Arrays for the inputs called `names` from arguments NAME=FILE or FILE.

    A FILE without a NAME gives its arrays by the names in it; a single array goes to the next input
    that has none yet. Raises FileError for names that the network does not have, or has twice.
    """
    bound: dict[str, Array] = {}
    for argument in given:
        name, path = _split(argument, names)
        for key, array in _named(read_arrays(path), name, path, names, bound).items():
            if key not in names or key in bound:
                problem = "is given twice" if key in bound else "is no input"
                raise FileError(f"{key!r} {problem}", hint=f"inputs: {', '.join(names)}")
            bound[key] = array
    missing = [name for name in names if name not in bound]
    if missing:
        raise FileError(
            f"no array is given for {', '.join(missing)}",
            hint=f"add --input {missing[0]}=FILE.npy",
        )
    return bound


def _split(argument: str, names: Sequence[str]) -> tuple[str, Path]:
    name, equals, rest = argument.partition("=")
    if equals and (name in names or not Path(argument).exists()):
        return name, Path(rest)
    return "", Path(argument)


def _named(
    arrays: dict[str, Array], name: str, path: Path, names: Sequence[str], bound: Mapping[str, Any]
) -> dict[str, Array]:
    if name and len(arrays) != 1:
        raise FileError(f"{path} has {len(arrays)} arrays: {', '.join(arrays)}; {name} needs one")
    if len(arrays) != 1:
        return arrays
    ((key, array),) = arrays.items()
    free = next((n for n in names if n not in bound), "")
    return {name or (key if key in names else free) or key: array}
