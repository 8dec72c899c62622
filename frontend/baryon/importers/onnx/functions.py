"""Ops that the standard defines by others: the nodes that stand for one of its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import defs, helper

from baryon.importers.onnx.node import Held, numpy_dtype, shape_of
from baryon.ir import Sym


@dataclass(frozen=True)
class Body:
    """A function: names of its inputs and outputs, its nodes as a graph, the opsets of these."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    graph: onnx.GraphProto
    opsets: Mapping[str, int]


def has_body(domain: str, name: str, opset: int) -> bool:
    """Whether the standard defines an op by others."""
    schema = _schema(domain, name, opset)
    return schema is not None and bool(schema.has_function or schema.has_context_dependent_function)


def body_of(node: onnx.NodeProto, opset: int, inputs: Sequence[Held], title: str) -> Body:
    """What the standard says that a node with such inputs does.

    The nodes in it are called after the `title` of the node. Raises what the library raises.
    """
    schema = _schema(node.domain, node.op_type, opset)
    _check_inputs(schema, inputs)
    given = {a.name: a for a in node.attribute}
    defaults = {
        name: a.default_value for name, a in schema.attributes.items() if a.default_value.type
    }
    attributes = {**defaults, **given}
    function = onnx.FunctionProto.FromString(
        schema.get_function_with_opset_version(_fitting(schema.function_opset_versions, opset))
        if schema.has_function
        else schema.get_context_dependent_function_with_opset_version(
            _fitting(schema.context_dependent_function_opset_versions, opset),
            _with(node, attributes.values()).SerializeToString(),
            [_type_of(x).SerializeToString() for x in inputs],
        )
    )
    graph = onnx.GraphProto(node=_bound(function.node, attributes))
    for inner in graph.node:
        inner.name = f"{title}/{inner.op_type}"
    opsets = {o.domain: o.version for o in function.opset_import}
    return Body([*function.input], [*function.output], graph, opsets)


def _check_inputs(schema: Any, inputs: Sequence[Held]) -> None:
    """Raises ValueError for what the library, asked for a body, would not survive."""
    for parameter, x in zip(schema.inputs, inputs, strict=False):
        is_optional = parameter.option == defs.OpSchema.FormalParameterOption.Optional
        if isinstance(x, list) or (x is None and not is_optional):
            raise ValueError(f"its input {parameter.name} must be a tensor")


def _schema(domain: str, name: str, opset: int) -> Any:
    try:
        return defs.get_schema(name, min(opset, defs.onnx_opset_version()), domain)
    except defs.SchemaError:
        return None


def _fitting(versions: Sequence[int], opset: int) -> int:
    """The newest version of a body that an opset has; the oldest where all are newer."""
    return max((v for v in versions if v <= opset), default=min(versions))


def _with(node: onnx.NodeProto, attributes: Iterable[Any]) -> onnx.NodeProto:
    full = onnx.NodeProto()
    full.CopyFrom(node)
    del full.attribute[:]
    full.attribute.extend(attributes)
    return full


def _type_of(x: Held) -> onnx.TypeProto:
    """The type that a body may depend on; an empty one for what is left out."""
    if x is None or isinstance(x, list):
        return onnx.TypeProto()
    dims = [str(d) if isinstance(d, Sym) else d for d in shape_of(x)]
    dtype = numpy_dtype(x)
    code = onnx.TensorProto.INT64 if dtype.kind == "O" else helper.np_dtype_to_tensor_dtype(dtype)
    made: onnx.TypeProto = helper.make_tensor_type_proto(code, dims)
    return made


def _bound(nodes: Iterable[Any], attributes: Mapping[str, Any]) -> Iterator[onnx.NodeProto]:
    """The nodes of a function with the attributes of the node that it stands for."""
    for node in nodes:
        yield _with(node, _bound_attributes(node.attribute, attributes))


def _bound_attributes(own: Iterable[Any], attributes: Mapping[str, Any]) -> Iterator[Any]:
    for attribute in own:
        bound = onnx.AttributeProto()
        bound.CopyFrom(attribute)
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in attributes:
                continue
            bound.CopyFrom(attributes[attribute.ref_attr_name])
            bound.name = attribute.name
        if bound.HasField("g"):
            nodes = [*_bound(attribute.g.node, attributes)]
            del bound.g.node[:]
            bound.g.node.extend(nodes)
        yield bound
