"""Writes ops of the IR as nodes of an ONNX graph.

A `Writer` stands for one graph: that of the model, or the body of a loop or branch. What all graphs
of a model share (names, constants, sizes of symbols) is the `File`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from baryon.exporters.onnx import schemas
from baryon.exporters.onnx.file import File
from baryon.exporters.onnx.form import Call, Form
from baryon.exporters.onnx.kernels import carrier
from baryon.exporters.onnx.table import form_of
from baryon.exporters.onnx.tensor import Tensor
from baryon.ir import (
    CONSTANT,
    Array,
    BaryonError,
    Dim,
    DType,
    Op,
    Region,
    Sym,
    TensorType,
    Value,
    f32,
    i64,
)
from baryon.ops import TABLE, Calls, OpDef, as_operand


class Nodes:
    """Nodes as calls: `o.onnx.Add(x, y)`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        return lambda *inputs, **attrs: self._writer.node(name, *inputs, **attrs)


class Writer:
    """One graph under construction. np, npx, ir: our ops, each written by its form."""

    def __init__(self, file: File, values: Mapping[Value, Tensor] | None = None) -> None:
        self.file = file
        self.values: dict[Value, Tensor] = dict(values or {})
        self.nodes: list[onnx.NodeProto] = []
        self.infos: dict[str, TensorType] = {}
        self.label = ""
        calls: Calls[Tensor] = Calls(TABLE, self._emit, self._lift)
        self.np, self.npx, self.ir, self.onnx = calls.np, calls.npx, calls.ir, Nodes(self)

    def _emit(
        self, opdef: OpDef, operands: Sequence[Tensor], attrs: Mapping[str, Any]
    ) -> Sequence[Tensor]:
        types = [*opdef.infer_types([x.type for x in operands], attrs)]
        return self._written(Call(opdef, operands, attrs, types))

    def _lift(self, x: Any, opdef: OpDef, operands: Sequence[Any]) -> Tensor:
        if isinstance(x, Tensor):
            return x
        dtypes = [y.dtype.numpy for y in operands if isinstance(y, Tensor)]
        return self.constant(as_operand(x, dtypes))

    def _written(self, call: Call) -> list[Tensor]:
        form = form_of(call.opdef.name)
        if not isinstance(form, Form):
            raise call.unsupported(form.why)
        found = form.write(self, call, *call.opdef.arrange(call.operands))
        results = [found] if isinstance(found, Tensor) else [*found]
        return [Tensor.of(x.name, t) for x, t in zip(results, call.types, strict=True)]

    def region(self, region: Region) -> list[Tensor]:
        """Write the ops of a region whose arguments are bound; the tensors that it returns."""
        for op in region.ops[:-1]:
            if any(v not in self.values for v in op.results):  # a form may have written more ops
                self.op(op)
        return [self.values[v] for v in region.outputs]

    def op(self, op: Op) -> None:
        """Write one op of the module, and name its nodes and results after it."""
        if op.name == CONSTANT:
            self.values[op.result] = self.file.payload(str(op.attrs["name"]))
            return
        outer, self.label = self.label, self.file.label(op)
        start = len(self.nodes)
        opdef = TABLE[op.name]
        operands = [self.values[v] for v in op.operands]
        types = [v.type for v in op.results]
        try:
            written = self._written(Call(opdef, operands, opdef.normalize(op.attrs), types, op))
        except BaryonError as error:
            error.where = error.where or str(op.loc)
            raise
        for value, tensor in zip(op.results, written, strict=True):
            self.values.setdefault(value, tensor)
        self._name(op, start)
        self.label = outer

    def _name(self, op: Op, start: int) -> None:
        """Give what was written for an op since node `start` the names of the op and its values."""
        made = self.nodes[start:]
        if len(made) == 1:
            made[0].name = self.file.node_name(self.label)
        fresh = {name for node in made for name in node.output}
        names: dict[str, str] = {}
        for value in op.results:
            tensor = self.values[value]
            if tensor.name in fresh and tensor.name not in names:
                names[tensor.name] = self.file.unique(self.file.name_of(value) or self.label)
        for node in made:
            _rename(node, names)
        for value in op.results:
            tensor = self.values[value]
            named = Tensor.of(names.get(tensor.name, tensor.name), value.type)
            self.values[value] = named
            if tensor.name in fresh:
                self.infos[named.name] = value.type

    def node(self, name: str, *inputs: Any, dtype: DType | None = None, **attrs: Any) -> Tensor:
        """Append a node and return its first result.

        inputs: tensors, numbers (in the type of the first tensor), arrays, or None for one that is
        left out. dtype: of the result, where the standard leaves it to an attribute.
        """
        return self.results(name, 1, *inputs, dtype=dtype, **attrs)[0]

    def results(
        self, name: str, outputs: int, *inputs: Any, dtype: DType | None = None, **attrs: Any
    ) -> list[Tensor]:
        """As `node`, for a node with several results."""
        tensors = self._lifted(inputs)
        schema = schemas.find(name, self.file.opset)
        bound = schemas.bindings(schema, tensors)
        own = bound.get(schemas.main_variable(schema))
        wide = own if own is None else carrier(name, own)
        given, made_of = tensors, bound
        if wide is not None and wide != own:
            made_of = {**bound, **schemas.widened(schema, bound, wide)}
            given = self._as_bound(tensors, schemas.input_variables(schema, len(tensors)), made_of)
        variables = schemas.output_variables(schema, outputs)
        types = [dtype or schemas.dtype_of(v, made_of) for v in variables]
        made = self._append(name, given, types, attrs)
        if made_of is not bound and dtype is None:
            made = [
                self.cast(x, bound.get(v, x.dtype)) for x, v in zip(made, variables, strict=True)
            ]
        return made

    def _as_bound(
        self, tensors: Sequence[Tensor | None], variables: Sequence[str], bound: Mapping[str, DType]
    ) -> list[Tensor | None]:
        """Tensors in the types that the variables have."""
        return [
            x if x is None or v not in bound else self.cast(x, bound[v])
            for x, v in zip(tensors, variables, strict=True)
        ]

    def _lifted(self, inputs: Sequence[Any]) -> list[Tensor | None]:
        first = next((x.dtype for x in inputs if isinstance(x, Tensor)), None)
        lifted: list[Tensor | None] = []
        for x in inputs:
            if x is None or isinstance(x, Tensor):
                lifted.append(x)
            elif isinstance(x, np.ndarray):
                lifted.append(self.constant(x))
            else:
                assert first is not None, "a number takes the type of a tensor beside it"
                lifted.append(self.constant(np.asarray(x, first.numpy)))
        return lifted

    def _append(
        self, name: str, inputs: Sequence[Tensor | None], dtypes: Sequence[DType],
        attrs: Mapping[str, Any],
    ) -> list[Tensor]:  # fmt: skip
        title = self.file.unique(f"{self.label}/{name}" if self.label else name)
        more = [self.file.unique(f"{title}.{i}") for i in range(1, len(dtypes))]
        given = ["" if x is None else x.name for x in inputs]
        while given and not given[-1]:
            given.pop()
        known = {k: v for k, v in attrs.items() if v is not None}
        node_name = self.file.node_name(title)
        self.nodes.append(helper.make_node(name, given, [title, *more], name=node_name, **known))
        return [Tensor(n, t) for n, t in zip([title, *more], dtypes, strict=True)]

    def with_graphs(
        self, name: str, inputs: Sequence[Tensor | None], dtypes: Sequence[DType], **attrs: Any
    ) -> list[Tensor]:
        """A node with bodies, whose results have types that no rule of the standard says."""
        title = self.file.unique(f"{self.label}/{name}")
        names = [self.file.unique(f"{title}.{i}") for i in range(len(dtypes))]
        given = ["" if x is None else x.name for x in inputs]
        node_name = self.file.node_name(title)
        self.nodes.append(helper.make_node(name, given, names, name=node_name, **attrs))
        return [Tensor(n, t) for n, t in zip(names, dtypes, strict=True)]

    def cast(self, x: Tensor, dtype: DType) -> Tensor:
        """x in another element type; x itself where it has it."""
        if x.dtype == dtype:
            return x
        (made,) = self._append("Cast", [x], [dtype], {"to": schemas.number_of(dtype)})
        return Tensor(made.name, dtype, x.shape)

    def at_least_single(self, x: Tensor) -> Tensor:
        """x itself, or in float32 where it is of 16 bits."""
        return self.cast(x, f32) if x.dtype.bits == 16 else x

    def constant(self, array: Any, dtype: DType | None = None) -> Tensor:
        """A constant; equal ones are one. Numbers are float32, whole ones int64."""
        data: Array = np.asarray(array)
        if dtype is not None:
            data = data.astype(dtype.numpy)
        elif isinstance(array, float):
            data = data.astype(np.float32)
        return self.file.constant(data, self.label)

    def number(self, value: float, like: Tensor) -> Tensor:
        """A scalar in another tensor's element type."""
        return self.constant(np.asarray(value).astype(like.dtype.numpy))

    def ints(self, *values: int) -> Tensor:
        """A vector of int64: axes, shapes, positions."""
        return self.constant(np.asarray(values, np.int64).reshape(-1))

    def dims(self, shape: Sequence[Dim]) -> Tensor:
        """A shape as a vector of int64; symbolic dimensions are computed from the inputs."""
        if not any(isinstance(d, Sym) for d in shape):
            return self.ints(*(int(d) for d in shape))  # type: ignore[arg-type]
        parts = [self._size(d) if isinstance(d, Sym) else self.ints(d) for d in shape]
        if len(parts) == 1:
            return parts[0]
        return Tensor(self.node("Concat", *parts, axis=0).name, i64, (len(shape),))

    def _size(self, dim: Sym) -> Tensor:
        """A symbolic dimension as a vector of one int64."""
        counted = self.file.counted.get(dim.name)
        if counted is None:
            return self.file.size(dim)
        return counted if dim.factor == 1 else self.node("Mul", counted, dim.factor)

    def reshaped(self, x: Tensor, shape: Sequence[Dim]) -> Tensor:
        """x in another shape of as many elements."""
        symbols = [i for i, d in enumerate(shape) if isinstance(d, Sym)]
        if len(symbols) == 1 and 0 not in shape:
            codes = [-1 if i in symbols else int(d) for i, d in enumerate(shape)]  # type: ignore[arg-type]
            target = self.ints(*codes)
        else:
            target = self.dims(shape)
        made = self.node("Reshape", x, target, allowzero=1 if 0 in shape else None)
        return Tensor(made.name, x.dtype, tuple(shape))

    def typed(self, x: Tensor, shape: Sequence[Dim] | None) -> Tensor:
        """x with the shape that it is known to have, so that our ops can be called on it."""
        return Tensor(x.name, x.dtype, None if shape is None else tuple(shape))

    def inner(self) -> Writer:
        """A writer of a graph inside of this one, which sees the tensors of this one."""
        writer = Writer(self.file)
        writer.label = self.label
        return writer

    def graph(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> onnx.GraphProto:
        """This graph as a message: of a body, whose constants are those of the model."""
        return self.file.graph(self, self.label or "body", inputs, self.own(outputs))

    def own(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        """Outputs that nodes of this graph make, each another one, as ONNX wants it."""
        made = {name for node in self.nodes for name in node.output}
        found: list[Tensor] = []
        for x in outputs:
            is_own = x.name in made and x.name not in {y.name for y in found}
            found.append(x if is_own else self.typed(self.node("Identity", x), x.shape))
        return found


def _rename(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    if not names:
        return
    for field in (node.input, node.output):
        for i, name in enumerate(field):
            if name in names:
                field[i] = names[name]
