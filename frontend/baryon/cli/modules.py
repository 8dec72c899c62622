"""Reading modules of the graph IR from files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baryon.cli.files import FileError, read_arrays
from baryon.importers.mxnet import import_mxnet
from baryon.importers.onnx import import_onnx
from baryon.ir import Array, Module, parse_module


def read_module(
    file: Path, constants: Path | None = None, given: Mapping[str, Any] | None = None
) -> Module:
    """The module of an .onnx or -symbol.json file, or of IR text ("-" is standard input).

    constants: an .npz with those that the text calls external; None for the one beside it.
    given: what `to_module` takes besides an .onnx or -symbol.json file.
    """
    if str(file) == "-":
        return parse_module(sys.stdin.read(), source="<stdin>", constants=_constants(constants))
    if file.suffix == ".onnx":
        return import_onnx(file, **given or {})
    if file.suffix == ".json":
        given = given or {}
        return import_mxnet(file, *given.get("inputs", ()), params=given.get("params"))
    beside = file.with_suffix(".npz")
    if constants is None and beside.exists():
        constants = beside
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{file} is not text: {error}") from error
    return parse_module(text, source=str(file), constants=_constants(constants))


def _constants(path: Path | None) -> dict[str, Array]:
    return {} if path is None else read_arrays(path)
