"""Walks an ONNX graph and builds the module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baryon.importers.errors import NotConstantError
from baryon.importers.onnx.budget import Budget
from baryon.importers.onnx.calls import Recorder
from baryon.importers.onnx.groups import Given, part_name
from baryon.importers.onnx.inputs import Inputs
from baryon.importers.onnx.missing import missing_ops
from baryon.importers.onnx.reader import ModelFile, Source
from baryon.importers.onnx.scope import Scope
from baryon.ir import Array, Builder, Func, Loc, Module, Region, UnsupportedError, Value
from baryon.ops import lookup

_MOST_FIXED = 1 << 16
"""Elements of an input that may be fixed: no shape, axes or sizes are more."""


def import_onnx(
    source: Source,
    *,
    dynamic_batch: int | None = None,
    input_shapes: Mapping[str, Sequence[int | str]] | None = None,
    values: Mapping[str, Array] | None = None,
    examples: Mapping[str, Given] | Sequence[Given] = (),
) -> Module:
    """Read an ONNX model (a path, ModelProto or ModelFile) into a module whose function is `main`.

    Inputs, outputs and constants keep their names; each op's location is `file#node`. A leading
    dimension that the model leaves open becomes a symbol (its `dim_param`, else N) from 1 to 16, or
    to what the examples have, where that is more.
    Inputs that have an initializer are constants.

    dynamic_batch: make the leading dimension of every input the symbol N in 1..dynamic_batch,
        also where the file fixes it; shapes that the file writes out follow.
    input_shapes: replaces the shapes of inputs, by name; a string is a symbol. Dimensions of other
        inputs that the file calls by the same name get the same size.
    values: inputs that are always the same, by name: they become constants.
    examples: what inputs may be, by name or in their order. Other dimensions than the first that
        the model leaves open are as large as here. A scalar or vector that has to be known to
        import the model (the shape of a Reshape, the axes of a sum) is fixed to its example: it
        stays an input, which must always be the same. The length of a sequence is the example's;
        an optional (None: absent) is there or not as in the example.
    Raises ModelError for a file that cannot be read or contradicts itself, and UnsupportedError for
    ops or options that baryon lacks (all missing ops at once).
    """
    file = source if isinstance(source, ModelFile) else ModelFile(source)
    _refuse_unknown(file)
    shapes, known, given = input_shapes or {}, values or {}, _by_name(file, examples)
    inputs = Inputs(file, dynamic_batch, shapes, known, given)
    while True:
        importer = _Importer(file, inputs)
        try:
            return importer.run()
        except NotConstantError as error:
            if not _fix(inputs, importer.origins_of(error.value)):
                error.hint = error.hint or _hint(inputs, importer.origins_of(error.value))
                raise


def _by_name(
    file: ModelFile, examples: Mapping[str, Given] | Sequence[Given]
) -> Mapping[str, Given]:
    if isinstance(examples, Mapping):
        return examples
    names = [i.name for i in file.free_inputs]
    if examples and len(examples) != len(names):
        raise file.error(
            f"{len(examples)} examples of inputs are given", hint=f"inputs: {', '.join(names)}"
        )
    return dict(zip(names, examples, strict=False))


def _fix(inputs: Inputs, names: set[str]) -> bool:
    """Fix those of the inputs that can be; whether there were any."""
    new = {
        name: x
        for name in names - {*inputs.fixed}
        if isinstance(x := inputs.examples.get(name), np.ndarray)
        and x.ndim <= 1
        and x.size <= _MOST_FIXED
    }
    inputs.fixed |= new
    return bool(new)


def _hint(inputs: Inputs, names: set[str]) -> str | None:
    """What to do where something that inputs decide has to be a constant."""
    if not names or names & {*inputs.examples}:
        return None
    listed = ", ".join(sorted(names))
    return f"it is computed from {listed}: give an example of it, or its value"


def _refuse_unknown(file: ModelFile) -> None:
    missing = missing_ops(file)
    if not missing:
        return
    lines = (
        f"{op.name} ({op.domain or 'ai.onnx'}): {len(op.nodes)} x, at {', '.join(op.nodes[:3])}"
        for op in missing
    )
    remedies = dict.fromkeys(op.remedy for op in missing)
    raise UnsupportedError(
        "ops that cannot be imported: " + "; ".join(lines),
        where=str(file.path or file.name),
        hint="; ".join(remedies),
    )


class _Importer:
    def __init__(self, file: ModelFile, inputs: Inputs) -> None:
        self.file, self.inputs = file, inputs
        self.module = Module()
        self.origins: dict[Value, Value] = {}
        self.region = Region()

    def run(self) -> Module:
        types = self.inputs.types(self.module)
        self.region = Region([*types.values()], [*types])
        recorder = Recorder(Builder(self.module, self.region, lookup), Budget())
        batches = self.inputs.batches
        batch = next(iter(batches)) if len(batches) == 1 else None
        scope = Scope(self.file, self.file.graph, recorder, batch, origins=self.origins)
        for name, held in self.inputs.held({v.name: v for v in self.region.args}).items():
            scope.define(name, held)
        scope.run()
        recorder.builder.loc = Loc(self.file.name)
        outputs = self.outputs(scope)
        recorder.builder.ret([*outputs.values()])
        self.module.funcs["main"] = Func("main", self.region, [*outputs])
        for name, array in self.inputs.fixed.items():
            self.module.fixed[name] = self.module.add_constant(array, name)
        return self.module

    def outputs(self, scope: Scope) -> dict[str, Value]:
        """The function's results: the parts of a sequence apart, without what is absent."""
        found: dict[str, Value] = {}
        for name in (o.name for o in self.file.graph.output):
            held = scope.read(name, "the graph's outputs")
            parts = {name: held}
            if isinstance(held, list):
                parts = {part_name(name, i): x for i, x in enumerate(held)}
            for part, x in parts.items():
                if x is not None:
                    found[part] = self.value(scope, name, x)
        return found

    def value(self, scope: Scope, name: str, x: Any) -> Value:
        try:
            return scope.recorder.value(x)
        except UnsupportedError as error:
            error.where = f"{self.file.path or self.file.name}#{name}"
            raise

    def origins_of(self, value: Value) -> set[str]:
        """The names of the inputs from which a value is computed."""
        names: set[str] = set()
        seen, pending = {value}, [value]
        while pending:
            value = pending.pop()
            if value.owner is self.region:
                names.add(value.name)
            around = [self.origins[value]] if value in self.origins else []
            before = [*(value.op.operands if value.op else around)]
            pending += [v for v in before if v not in seen]
            seen |= {*before}
        return names
