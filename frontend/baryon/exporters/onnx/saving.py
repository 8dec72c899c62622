"""Checked files: with constants inside, or in a file of their own beside a large model."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from baryon.exporters.onnx import schemas
from baryon.exporters.onnx.model import Model
from baryon.ir import Array, BaryonError

LARGEST = (1 << 31) - (1 << 24)
"""Bytes of constants that a message of Protocol Buffers can hold, with room for the nodes."""
_ALIGNED = 64
_SMALL = 1 << 10
"""Bytes up to which constants stay inside: shapes and axes, which checks read."""


class ExportError(BaryonError, RuntimeError):
    """What was written is not a valid model; a mistake of the exporter."""


def inline(model: Model) -> onnx.ModelProto:
    """The whole model as one message."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    for name, array in model.arrays.items():
        kind = schemas.number_of(schemas.of_numpy(array.dtype))
        tensor = proto.graph.initializer.add(name=name, data_type=kind, dims=array.shape)
        tensor.raw_data = _packed(array).tobytes()  # in its place: a finished tensor is copied
    return proto


def save(model: Model, path: Path, *, external: bool = False) -> list[Path]:
    """Write a model that the standard's checker has found valid; the files.

    external: constants in <path>.data, as it is always for more than 2 GiB of them.
    """
    size = sum(a.nbytes for a in model.arrays.values())
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        whole = Path(folder, path.name)
        if external or size > LARGEST:
            _write_external(model, whole)
        else:
            whole.write_bytes(inline(model).SerializeToString())
        _check(whole)
        written = sorted(Path(folder).iterdir(), reverse=True)  # the data first
        for file in written:
            with file.open("rb+") as handle:
                os.fsync(handle.fileno())
            file.replace(path.parent / file.name)
    return [path.parent / file.name for file in written]


def _check(path: Path) -> None:
    try:
        onnx.checker.check_model(os.fspath(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(
            f"the ONNX file that was written is not valid: {error}",
            hint="please report it with the network: nothing was kept",
        ) from error


def _write_external(model: Model, path: Path) -> None:
    """The model, and its larger constants in <path>.data, none of them copied."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    data = path.with_name(f"{path.name}.data")
    with data.open("wb") as file:
        for name, array in model.arrays.items():
            if array.nbytes <= _SMALL:
                proto.graph.initializer.append(numpy_helper.from_array(array, name))
                continue
            file.write(b"\0" * (-file.tell() % _ALIGNED))
            start = file.tell()
            _packed(array).tofile(file)
            place = (data.name, start, file.tell() - start)
            proto.graph.initializer.append(_reference(array, name, place))
    if not data.stat().st_size:
        data.unlink()
    path.write_bytes(proto.SerializeToString())


def _packed(array: Array) -> Array:
    """The elements as a file has them: those of fewer than 8 bits share bytes."""
    if schemas.of_numpy(array.dtype).bits >= 8:
        return np.ascontiguousarray(array)
    return np.frombuffer(numpy_helper.from_array(array).raw_data, np.uint8)


def _reference(array: Array, name: str, place: tuple[str, int, int]) -> onnx.TensorProto:
    """A tensor whose data is in a file. place: its name, and there offset and length in bytes."""
    tensor = onnx.TensorProto(
        name=name,
        data_type=schemas.number_of(schemas.of_numpy(array.dtype)),
        dims=array.shape,
        data_location=onnx.TensorProto.EXTERNAL,
    )
    for key, value in zip(("location", "offset", "length"), place, strict=True):
        tensor.external_data.add(key=key, value=str(value))
    return tensor
