"""A graph of a block as an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baryon.atomic import FileName
from baryon.exporters.onnx import OPSET, export_onnx
from baryon.gluon.export import Graph
from baryon.ir import Array, Op


def write(
    graph: Graph,
    arrays: Mapping[str, Array],
    path: FileName,
    opset: int | None = None,
    scopes: Mapping[Op, str] | None = None,
    **more: Any,
) -> tuple[str, str | None]:
    """Write <path>.onnx, a suffix that is added if it is not there; the file, and that of large
    constants if there is one.

    arrays: by name, as the file of parameters holds them; parameters keep their structural names.
    """
    target = Path(path)
    if target.suffix != ".onnx":
        target = target.with_name(f"{target.name}.onnx")
    weights = {name.removeprefix("arg:").removeprefix("aux:"): a for name, a in arrays.items()}
    how: dict[str, Any] = {"opset": opset or OPSET, "scopes": scopes, **more}
    files = export_onnx(graph.module, target, weights, **how)
    return str(target), next((str(f) for f in files if f != target), None)
