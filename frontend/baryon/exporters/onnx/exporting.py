"""What the rest of baryon calls: a module to a message, or to a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from baryon.atomic import FileName
from baryon.exporters.onnx.model import OPSET, to_model
from baryon.exporters.onnx.saving import inline, save
from baryon.ir import Array, Module, Op


def to_onnx(
    module: Module, parameters: Mapping[str, Array] | None = None, *, opset: int = OPSET
) -> onnx.ModelProto:
    """A module as one message, for modules of less than 2 GiB; see `export_onnx`."""
    return inline(to_model(module, parameters, opset=opset))


def export_onnx(
    module: Module,
    path: FileName,
    parameters: Mapping[str, Array] | None = None,
    *,
    opset: int = OPSET,
    external: bool = False,
    scopes: Mapping[Op, str] | None = None,
) -> list[Path]:
    """Write a module as an ONNX file, which appears once it is complete and checked; the files.

    parameters: arrays for those of `main`'s inputs that become initializers, by their names.
    opset: the version of the standard, 21 to 26. external: the constants in <path>.data, as it is
    always for more than 2 GiB. scopes: the layer that each op belongs to, for the names of nodes.
    Symbolic dimensions become `dim_param`s; codes are written with QuantizeLinear and
    DequantizeLinear. Raises UnsupportedError for ops that the standard does not have, with their
    place, OSError where the file cannot be written.
    """
    target = Path(path)
    model = to_model(module, parameters, opset=opset, scopes=scopes, name=target.stem)
    return save(model, target, external=external)
