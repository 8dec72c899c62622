"""Walks an ONNX graph and builds the module."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from baryon.importers.onnx.calls import Recorder
from baryon.importers.onnx.node import node_title
from baryon.importers.onnx.reader import ModelFile, Source, domain_of, element_type, nodes_of
from baryon.importers.onnx.scope import Scope
from baryon.importers.onnx.table import find
from baryon.ir import (
    Array,
    BaryonError,
    Builder,
    Dim,
    Func,
    Loc,
    Module,
    Region,
    Sym,
    TensorType,
    UnsupportedError,
    Value,
)
from baryon.ops import lookup

DEFAULT_MAX_BATCH = 16
"""The largest batch where a model leaves its size open and the caller does not say."""

_DEEPEST_BODY = 8
"""How often the body of an op may hold ops that are replaced by bodies."""


def import_onnx(
    source: Source,
    *,
    dynamic_batch: int | None = None,
    input_shapes: Mapping[str, Sequence[int | str]] | None = None,
    values: Mapping[str, Array] | None = None,
) -> Module:
    """Read an ONNX model (a path or a ModelProto) into a module whose function is `main`.

    Inputs, outputs and constants keep their names; each op's location is `file#node`. A leading
    dimension that the model leaves open becomes a symbol (its `dim_param`, else N) in 1..16.
    Inputs that have an initializer are constants.

    dynamic_batch: make the leading dimension of every input the symbol N in 1..dynamic_batch,
        also where the file fixes it; shapes that the file writes out follow.
    input_shapes: replaces the shapes of inputs, by name; a string is a symbol.
    values: inputs that are always the same, by name: they become constants. Inputs that decide
        shapes (the shape of a Reshape, the axes of a sum) have to be given so.
    Raises ModelError for a file that cannot be read or contradicts itself, and UnsupportedError for
    ops or options that baryon lacks (all missing ops at once).
    """
    file = ModelFile(source)
    for _ in range(_DEEPEST_BODY):
        if not file.expand(_missing(file)):
            break
    _refuse_unknown(file)
    return _Importer(file, dynamic_batch, dict(input_shapes or {}), dict(values or {})).run()


def _missing(file: ModelFile) -> dict[tuple[str, str], list[str]]:
    """The ops without a mapping, by domain and name, and the nodes that use them."""
    missing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in nodes_of(file.graph):
        domain = domain_of(node)
        if find(domain, node.op_type, file.opsets.get(domain, 1)) is None:
            missing[domain, node.op_type].append(node_title(node))
    return missing


def _refuse_unknown(file: ModelFile) -> None:
    missing = _missing(file)
    if missing:
        lines = (
            f"{op} ({domain or 'ai.onnx'}): {len(names)} x, at {', '.join(names[:3])}"
            for (domain, op), names in sorted(missing.items())
        )
        raise UnsupportedError(
            "ops that cannot be imported: " + "; ".join(lines),
            where=str(file.path or file.name),
            hint="how to add one: docs/recipes/import-an-onnx-op.md",
        )


class _Importer:
    def __init__(
        self, file: ModelFile, dynamic_batch: int | None, shapes: dict[str, Sequence[int | str]],
        known: dict[str, Array],
    ) -> None:  # fmt: skip
        self.file, self.dynamic_batch, self.shapes = file, dynamic_batch, shapes
        self.known = known
        self.module = Module()
        self.batches: set[int] = set()

    def run(self) -> Module:
        stored = {t.name for t in self.file.graph.initializer}
        free = [i for i in self.file.graph.input if i.name not in stored]
        self.refuse_extras([i.name for i in free])
        inputs = [i for i in free if i.name not in self.known]
        types = [self.input_type(i) for i in inputs]
        region = Region(types, [i.name for i in inputs])
        recorder = Recorder(Builder(self.module, region, lookup))
        batch = next(iter(self.batches)) if len(self.batches) == 1 else None
        scope = Scope(self.file, self.file.graph, recorder, batch)
        scope.values.update(zip((i.name for i in inputs), region.args, strict=True))
        for name, array in self.known.items():
            scope.define(name, np.asarray(array))
        scope.run()
        names = [o.name for o in self.file.graph.output]
        recorder.builder.loc = Loc(self.file.name)
        recorder.builder.ret([self.output(scope, name) for name in names])
        self.module.funcs["main"] = Func("main", region, names)
        return self.module

    def output(self, scope: Scope, name: str) -> Value:
        try:
            return scope.recorder.value(scope.tensor(name, "the graph's outputs"))
        except UnsupportedError as error:
            error.where = f"{self.file.path or self.file.name}#{name}"
            raise

    def refuse_extras(self, inputs: list[str]) -> None:
        if self.file.graph.sparse_initializer:
            raise self.file.error("sparse initializers are not supported")
        for parameter, given in (("input_shapes", self.shapes), ("values", self.known)):
            unknown = sorted({*given} - {*inputs})
            if unknown:
                raise self.file.error(
                    f"{parameter} names {', '.join(unknown)}", hint=f"inputs: {', '.join(inputs)}"
                )
        if self.dynamic_batch is not None and self.dynamic_batch < 1:
            raise self.file.error(f"dynamic_batch must be at least 1, not {self.dynamic_batch}")

    def input_type(self, info: onnx.ValueInfoProto) -> TensorType:
        if info.type.WhichOneof("value") != "tensor_type":
            raise self.file.error("only tensors can be inputs", at=info.name)
        tensor = info.type.tensor_type
        if info.name not in self.shapes and not tensor.HasField("shape"):
            raise self.file.error("the input has no shape", at=info.name, hint="give input_shapes")
        given: Sequence[Any] = self.shapes.get(info.name, tensor.shape.dim)
        dims = tuple(self.dim(info.name, axis, d) for axis, d in enumerate(given))
        try:
            return TensorType(dims, element_type(tensor.elem_type))
        except (BaryonError, KeyError) as error:
            raise self.file.error(f"unsupported element type: {error}", at=info.name) from error

    def dim(self, name: str, axis: int, dim: Any) -> Dim:
        size, symbol = _size_and_symbol(dim)
        if axis == 0 and self.dynamic_batch is not None:
            self.batches.add(size or 1)
            return self.symbol("N", self.dynamic_batch)
        if size is not None:
            return size
        if axis and name not in self.shapes:
            raise self.file.error(
                f"the size of axis {axis} is open ({symbol or '?'})",
                at=name,
                hint=f"give it, for example input_shapes={{{name!r}: (1, 3, 224, 224)}}",
            )
        return self.symbol(re.sub(r"\W", "_", symbol) or "N", DEFAULT_MAX_BATCH)

    def symbol(self, name: str, most: int) -> Sym:
        plain = name if name[0].isalpha() or name[0] == "_" else f"_{name}"
        self.module.symbols[plain] = (1, most)
        return Sym(plain)


def _size_and_symbol(dim: Any) -> tuple[int | None, str]:
    """(size, "") or (None, symbol) of a dimension in the file, or as a caller gives it."""
    if isinstance(dim, int):
        return dim, ""
    if isinstance(dim, str):
        return None, dim
    if dim.HasField("dim_value") and dim.dim_value >= 0:  # some exporters write -1 for open ones
        return dim.dim_value, ""
    return None, dim.dim_param
