"""A module of the IR as an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import helper

import baryon
from baryon.exporters.onnx.file import File, needed, read_by
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.titles import titles_of
from baryon.exporters.onnx.writer import Writer
from baryon.ir import Array, Module, Op, UnsupportedError

OPSET = 26
"""The newest version of the standard that ONNX Runtime runs (1.31)."""
OLDEST = 21
"""The oldest one whose ops are enough, but for RMSNormalization, which is of 23."""


@dataclass(frozen=True)
class Model:
    """A model without its constants, and these by name."""

    proto: onnx.ModelProto
    arrays: Mapping[str, Array]


def to_model(
    module: Module,
    parameters: Mapping[str, Array] | None = None,
    *,
    opset: int = OPSET,
    scopes: Mapping[Op, str] | None = None,
    name: str = "main",
) -> Model:
    """The function `main` of a module in ONNX.

    parameters: arrays for those of its inputs that become initializers, by the inputs' names.
    opset: the version of the standard. scopes: the layer that each op belongs to.
    Raises UnsupportedError for ops that the standard does not have, and for an unknown opset.
    """
    if not OLDEST <= opset <= OPSET:
        raise UnsupportedError(
            f"opset {opset} is not written", hint=f"opsets {OLDEST} to {OPSET} are"
        )
    file = File(module, opset, titles_of(module, scopes))
    inputs, outputs, writer = _written(module, parameters or {}, file)
    graph = file.graph(writer, name, inputs, outputs)
    nodes = [*file.first, *graph.node]
    kept = needed(nodes, [x.name for x in outputs])
    del graph.node[:]
    graph.node.extend(kept)
    read = {n for node in kept for n in read_by(node)} | {x.name for x in outputs}
    arrays = {n: a for n, a in file.arrays.items() if n in read}
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset)],
        producer_name="baryon",
        producer_version=baryon.__version__,
    )
    proto.ir_version = helper.find_min_ir_version_for(proto.opset_import)
    return Model(proto, arrays)


def _written(
    module: Module, parameters: Mapping[str, Array], file: File
) -> tuple[list[Tensor], list[Tensor], Writer]:
    main = module.main
    names = [*main.output_names]
    inputs: list[Tensor] = []
    writer = Writer(file)
    for i, value in enumerate(main.inputs):
        if value.name in parameters:
            tensor = file.initializer(parameters[value.name], value.name)
        else:
            tensor = Tensor.of(file.reserve(value.name or f"input{i}"), value.type)
            inputs.append(tensor)
        writer.values[value] = tensor
    file.note_symbols(inputs)
    taken = {x.name for x in inputs}
    names = [file.unique(n) if n in taken else n for n in names]
    for value, name in zip(main.outputs, names, strict=True):
        if value.op is not None and value not in file.outputs:
            file.outputs[value] = name
    found = writer.region(main.body)
    return inputs, _outputs(writer, file, found, names), writer


def _outputs(writer: Writer, file: File, found: list[Tensor], names: list[str]) -> list[Tensor]:
    """The tensors returned under the names of the outputs."""
    writer.label = ""
    outputs: list[Tensor] = []
    for x, name in zip(found, names, strict=True):
        made = x
        if x.name != name:
            title = file.node_name(name)
            node = helper.make_node("Identity", [x.name], [file.unique(name)], name=title)
            writer.nodes.append(node)
            made = Tensor(node.output[0], x.dtype, x.shape)
        outputs.append(made)
    return outputs
