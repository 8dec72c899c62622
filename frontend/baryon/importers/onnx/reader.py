"""Reads the file: the protobuf message, and tensors as NumPy arrays, referred to where possible."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import external_data_helper, helper, inliner, numpy_helper, version_converter

from baryon.importers.errors import ModelError
from baryon.importers.onnx.mapped import LARGE, outline
from baryon.ir import Array, BaryonError, DType, dtype_of

Source = str | os.PathLike[str] | Any
"""A path, or a ModelProto (whose type the onnx wheel does not declare)."""

_OLDEST = 7
"""The oldest opset of ONNX's own ops with mappings; before it ops broadcast otherwise."""

_DEFAULT_DOMAINS = ("", "ai.onnx")


class ModelFile:
    """One ONNX model: its message, display name, opset versions and tensors.

    Raises ModelError when the source is not an ONNX model.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = Path(source) if isinstance(source, str | os.PathLike) else None
        self.name = self.path.name if self.path else "ModelProto"
        self.proto: Any = source if self.path is None else _parse(self.path)
        if not isinstance(self.proto, onnx.ModelProto):
            raise TypeError(f"a path or a ModelProto is needed, not {type(source).__name__}")
        if not self.proto.HasField("graph") or not self.proto.opset_import:
            raise self.error("this is not an ONNX model: it has no graph or no opset_import")
        if any(isinstance(name, bytes) for name in _names(self.proto)):
            raise self.error("the file is damaged: a name in it is not UTF-8")
        if self.proto.functions:
            self.proto = self._inlined()
        self.opsets = {_domain(o.domain): int(o.version) for o in self.proto.opset_import}
        for domain, version in self.opsets.items():
            if not 1 <= version < 1 << 31:
                raise self.error(f"the opset of {domain or 'ai.onnx'} has version {version}")
        if self.opsets.get("", _OLDEST) < _OLDEST:
            self._convert()

    def _convert(self) -> None:
        """Write ops of an old opset as the oldest one that has mappings writes them."""
        try:
            self.proto = version_converter.convert_version(self.proto, _OLDEST)
        except Exception as error:  # the library's own, of several types
            raise self.error(
                f"opset {self.opsets['']} cannot be converted to {_OLDEST}: {error}",
                hint="convert it with onnx.version_converter, or export it anew",
            ) from error
        self.opsets[""] = _OLDEST

    def _inlined(self) -> Any:
        """The model without functions of its own."""
        try:
            return inliner.inline_local_functions(self.proto)
        except Exception as error:  # of the checker, of protobuf, or what C++ throws
            message = " ".join(str(error).split())
            raise self.error(f"the model's own functions are damaged: {message}") from error

    @property
    def graph(self) -> Any:
        """The GraphProto."""
        return self.proto.graph

    @property
    def free_inputs(self) -> list[Any]:
        """The inputs (ValueInfoProto) that have no initializer."""
        stored = {t.name for t in self.graph.initializer}
        return [i for i in self.graph.input if i.name not in stored]

    def error(self, message: str, *, hint: str | None = None, at: str = "") -> ModelError:
        """A ModelError that names the file, and `at` a place in it."""
        where = str(self.path or self.name) + (f"#{at}" if at else "")
        return ModelError(message, where=where, hint=hint)

    def array(self, tensor: onnx.TensorProto) -> Array:
        """The tensor as a NumPy array: mapped from the disk where the data is external."""
        try:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                return self._external(tensor)
            array: Array = _little_endian(tensor)
            dtype_of(array.dtype)
        except ModelError:
            raise
        except (ValueError, TypeError, KeyError, BaryonError) as error:
            raise self.error(f"bad tensor: {error}", at=tensor.name) from error
        return array

    def _external(self, tensor: onnx.TensorProto) -> Array:
        info = external_data_helper.ExternalDataInfo(tensor)
        if self.path is None:
            raise self.error(
                "the tensor is in another file", at=tensor.name, hint="import the model by its path"
            )
        dtype = element_type(tensor.data_type)
        path, shape = self._beside(info.location, tensor.name), tuple(tensor.dims)
        size = -(-math.prod(shape) * dtype.bits // 8)
        try:
            if info.length not in (None, size):
                raise ValueError(f"it has {info.length} bytes, {size} are needed")
            if dtype.bits < 8:
                packed = np.memmap(path, np.uint8, "r", info.offset or 0, size)
                return _unpacked(tensor, packed.tobytes())
            return np.memmap(path, dtype.numpy, "r", info.offset or 0, shape).view(np.ndarray)
        except (ValueError, OverflowError, OSError) as error:
            message = f"the external data {info.location!r} does not hold the tensor: {error}"
            raise self.error(message, at=tensor.name) from error

    def _beside(self, location: str, tensor_name: str) -> Path:
        """The path of an external data file; only files below the model's folder are read."""
        assert self.path is not None
        folder = self.path.parent.resolve()
        target = (folder / location).resolve()
        if not target.is_relative_to(folder) or not target.is_file():
            raise self.error(
                f"the external data {location!r} is not a file beside the model", at=tensor_name
            )
        return target


def _parse(path: Path) -> onnx.ModelProto:
    try:
        if _is_large_protobuf(path):
            return onnx.load_model_from_string(outline(path))
        return onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ModelError(f"cannot read the file: {error.strerror}", where=str(path)) from error
    except Exception as error:  # protobuf's DecodeError, or that of a text format, by extension
        raise ModelError(
            "this is not an ONNX model, or it is damaged",
            where=str(path),
            hint="onnx.checker.check_model tells more",
        ) from error


def _is_large_protobuf(path: Path) -> bool:
    form = onnx.serialization.registry.get_format_from_file_extension(path.suffix)
    return form in (None, "protobuf") and path.stat().st_size >= LARGE


def _names(model: onnx.ModelProto) -> Iterator[str | bytes]:
    """The names in a model; those that are not UTF-8 come from protobuf as bytes."""
    yield from (o.domain for o in model.opset_import)
    for graph in _graphs_of(model.graph):
        yield from (x.name for x in (*graph.input, *graph.output, *graph.initializer))
    for node in nodes_of(model.graph):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (a.name for a in node.attribute)


def _domain(domain: str) -> str:
    return "" if domain in _DEFAULT_DOMAINS else domain


def _little_endian(tensor: onnx.TensorProto) -> Array:
    """The tensor's array, without a copy of raw data whose element type is NumPy's own."""
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    if tensor.HasField("raw_data") and dtype.isbuiltin == 1:
        return np.frombuffer(tensor.raw_data, dtype.newbyteorder("<")).reshape(tuple(tensor.dims))
    array: Array = numpy_helper.to_array(tensor)
    return array


def _unpacked(tensor: onnx.TensorProto, data: bytes) -> Array:
    """Elements of fewer than 8 bits, which lie without gaps in the file, in a byte each."""
    whole = onnx.TensorProto(data_type=tensor.data_type, dims=tensor.dims, raw_data=data)
    array: Array = numpy_helper.to_array(whole)
    return array


def element_type(code: int) -> DType:
    """The DType of an ONNX element type code; a BaryonError where there is none."""
    return dtype_of(helper.tensor_dtype_to_np_dtype(code))


def nodes_of(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of all graphs inside it."""
    for inner in _graphs_of(graph):
        yield from inner.node


def _graphs_of(graph: Any) -> Iterator[Any]:
    """A graph and all graphs inside it."""
    yield graph
    for attribute in (a for node in graph.node for a in node.attribute):
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _graphs_of(inner)


def domain_of(node: onnx.NodeProto) -> str:
    """The node's operator domain, "" for ONNX's own."""
    return _domain(node.domain)
