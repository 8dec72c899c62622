"""MXNet's `mx.onnx.export_model`, for what baryon has in place of symbols."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.files import load_arrays
from baryon.atomic import FileName
from baryon.exporters.onnx import export_onnx
from baryon.exporters.onnx.form import Form
from baryon.exporters.onnx.table import table
from baryon.gluon import HybridBlock, export
from baryon.gluon.scopes import Scopes
from baryon.gluon.state import load as load_parameters
from baryon.importers.mxnet import import_mxnet, is_symbol, open_checkpoint
from baryon.importers.onnx import import_onnx
from baryon.ir import Array, Module, Op, UnsupportedError

Network = HybridBlock | Module | str | os.PathLike[str]
Shape = Sequence[Any]

_LOGGER = logging.getLogger("baryon.onnx")


@dataclass(frozen=True)
class Source:
    """A graph, and arrays for those of its inputs that are parameters."""

    module: Module
    weights: Mapping[str, Array]
    scopes: Mapping[Op, str]


@dataclass(frozen=True)
class _Inputs:
    """What the caller says of the inputs. dynamic: names of symbolic axes for each."""

    shapes: Sequence[tuple[int, ...]]
    types: Sequence[np.dtype[Any]]
    dynamic: export.Axes

    @property
    def specs(self) -> tuple[export.Spec, ...]:
        """Shapes with element types."""
        return tuple(export.Spec(s, t) for s, t in zip(self.shapes, self.types, strict=True))


def export_model(
    sym: Network,
    params: Mapping[str, Any] | FileName | None = None,
    in_shapes: Sequence[Shape] | None = None,
    in_types: Any = np.float32,
    onnx_file_path: FileName = "model.onnx",
    verbose: bool = False,
    dynamic: bool = False,
    dynamic_input_shapes: Sequence[Shape] | None = None,
    run_shape_inference: bool = False,
    input_type: Any = None,
    input_shape: Sequence[Shape] | None = None,
    large_model: bool = False,
) -> str:
    """Write a network as a checked ONNX file; returns its path.

    sym: a hybrid block (a quantized one too), a module of the graph IR, or the path of a
        `-symbol.json` (ours or MXNet's), or of an ONNX file.
    params: arrays by name ("0.weight" or "arg:0.weight"), or the file of them. None: those of the
        block, or of the file beside the symbol.
    in_shapes, in_types: for each input its shape and element type; one type for all will do. A
        module, and a symbol of ours, have them.
    dynamic: axes of inputs are symbolic: where dynamic_input_shapes has a name or None, or the
        first axis of each. Sizes elsewhere must be those of in_shapes.
    large_model: parameters go to <path>.data, as they do in any case when larger than 2 GiB.
    input_type, input_shape: old names of in_types and in_shapes. run_shape_inference has no effect:
        all shapes are in the file, and checked. verbose: log what is written.
    Raises UnsupportedError for ops that ONNX does not have, for sources of another kind and missing
    shapes, and ParameterError for parameters that do not fit.
    """
    shapes = in_shapes if in_shapes is not None else input_shape
    types = in_types if input_type is None else input_type
    inputs = _inputs(shapes, types, dynamic, dynamic_input_shapes)
    source = _source(sym, params, inputs)
    files = export_onnx(
        source.module, onnx_file_path, source.weights, external=large_model, scopes=source.scopes
    )
    if verbose:
        _LOGGER.warning("wrote %s", ", ".join(f"{f} ({f.stat().st_size} bytes)" for f in files))
    return os.fspath(onnx_file_path)


def get_operator_support(opset_version: int | None = None) -> list[str]:
    """The ops of the graph IR that can be written; `opset_version` changes nothing."""
    del opset_version
    return sorted(name for name, form in table().items() if isinstance(form, Form))


def _inputs(
    shapes: Sequence[Shape] | None, types: Any, dynamic: bool, wanted: Sequence[Shape] | None
) -> _Inputs | None:
    if shapes is None:
        return None
    plain = [tuple(int(d) for d in shape) for shape in shapes]
    given = types if isinstance(types, list | tuple) else [types] * len(plain)
    if len(given) != len(plain):
        raise UnsupportedError(f"{len(plain)} shapes but {len(given)} element types are given")
    axes: dict[int | str, dict[int, str]] = {}
    if dynamic:
        asked = wanted if wanted is not None else [(None, *shape[1:]) for shape in plain]
        axes = {i: _symbolic(shape) for i, shape in enumerate(asked)}
    return _Inputs(plain, [np.dtype(t) for t in given], axes)


def _symbolic(shape: Shape) -> dict[int, str]:
    """The axes without a size; those without a name are N, and N1, N2, ... further back."""
    return {
        axis: str(d) if d else ("N" if axis == 0 else f"N{axis}")
        for axis, d in enumerate(shape)
        if not isinstance(d, int)
    }


def _source(sym: Network, params: Any, inputs: _Inputs | None) -> Source:
    if isinstance(sym, Module):
        return Source(sym, _arrays(params), {})
    if isinstance(sym, HybridBlock):
        return _of_block(sym, params, inputs)
    if not isinstance(sym, str | os.PathLike):
        raise UnsupportedError(
            f"a {type(sym).__name__} cannot be exported",
            hint="pass a hybrid block, a module, or the path of a -symbol.json or .onnx file",
        )
    return _of_file(Path(sym), params, inputs)


def _arrays(params: Any) -> dict[str, Array]:
    """Parameters by plain names."""
    found = load_arrays(params) if isinstance(params, str | os.PathLike) else params or {}
    return {
        name.removeprefix("arg:").removeprefix("aux:"): x.asnumpy() if isinstance(x, ndarray) else
        np.asarray(x)
        for name, x in found.items()
    }  # fmt: skip


def _of_block(net: HybridBlock, params: Any, inputs: _Inputs | None) -> Source:
    if params is not None:
        load_parameters(
            net.collect_params(), _arrays(params), "params", allow_missing=False,
            ignore_extra=False, cast_dtype=False, dtype_source="current",
        )  # fmt: skip
    module = getattr(net, "module", None)
    if isinstance(module, Module):  # a quantized network: its weights are constants
        return Source(module, {}, {})
    if inputs is None:
        raise UnsupportedError("in_shapes is missing", hint="give the shape of each input")
    scopes = Scopes(net)
    with scopes.collecting():
        graph, arrays = net.graph_for(*inputs.specs, axes=inputs.dynamic)
    return Source(graph.module, _arrays(arrays), scopes.found)


def _of_file(path: Path, params: Any, inputs: _Inputs | None) -> Source:
    if path.suffix == ".onnx":
        return Source(import_onnx(path), {}, {})
    if path.suffix != ".json":
        raise UnsupportedError(
            f"{path} is not a file that can be exported", hint="pass a -symbol.json or .onnx file"
        )
    if not is_symbol(path):
        return saved(path, params)
    network = open_checkpoint(path, params)
    given = () if inputs is None else inputs.specs
    axes: export.Axes = {} if inputs is None else inputs.dynamic
    return Source(import_mxnet(network, *given, dynamic_axes=axes), {}, {})


def saved(path: Path, params: FileName | None = None) -> Source:
    """What `HybridBlock.export` wrote; params: None for the file beside the symbol."""
    beside = sorted(path.parent.glob(f"{path.name.removesuffix('-symbol.json')}-*.params"))
    graph, arrays = export.read(path, params or next(iter(beside), None))
    return Source(graph.module, _arrays(arrays), {})
