"""What the standard says of the types of a node's inputs and outputs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import defs, helper

from baryon.exporters.onnx.tensor import Tensor
from baryon.ir import DTYPES, DType
from baryon.ir import dtype_of as ir_dtype

_NAMES = {
    "float16": "f16", "bfloat16": "bf16", "float": "f32", "double": "f64", "bool": "bool",
    **{f"int{n}": f"i{n}" for n in (8, 16, 32, 64)},
    **{f"uint{n}": f"u{n}" for n in (8, 16, 32, 64)},
}  # fmt: skip
"""Element types as the standard writes them in `tensor(float)`, for ours."""


@functools.cache
def find(op: str, opset: int) -> Any:
    """The schema of an op in an opset."""
    return defs.get_schema(op, opset, "")


@functools.cache
def _variables(op: str, version: int) -> tuple[str, Mapping[str, str]]:
    """The variable of the first input with a choice of types; those without one, and their type."""
    schema = find(op, version)
    allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    single = {v: types[0] for v, types in allowed.items() if len(types) == 1}
    free = (p.type_str for p in schema.inputs if p.type_str in allowed and p.type_str not in single)
    return next(free, ""), single


def main_variable(schema: Any) -> str:
    """The type variable that an op computes in: of its first input with a choice of types."""
    return _variables(schema.name, schema.since_version)[0]


def widened(schema: Any, bound: Mapping[str, DType], wide: DType) -> dict[str, DType]:
    """The variables that have the main one's type, in a wider one; a fixed one stays."""
    main, single = _variables(schema.name, schema.since_version)
    return {v: wide for v, t in bound.items() if t == bound[main] and v not in single}


def input_variables(schema: Any, count: int) -> list[str]:
    """The types of so many inputs: variables, or names such as `tensor(int64)`."""
    return _listed(schema, schema.inputs, count)


def output_variables(schema: Any, count: int) -> list[str]:
    """The types of so many outputs."""
    return _listed(schema, schema.outputs, count)


def _listed(schema: Any, formals: Sequence[Any], count: int) -> list[str]:
    single = _variables(schema.name, schema.since_version)[1]
    types = [str(formals[min(i, len(formals) - 1)].type_str) for i in range(count)]
    return [single.get(t, t) for t in types]


def bindings(schema: Any, inputs: Sequence[Tensor | None]) -> dict[str, DType]:
    """What the inputs' types say about the type variables."""
    bound: dict[str, DType] = {}
    for variable, x in zip(input_variables(schema, len(inputs)), inputs, strict=True):
        if x is not None:
            bound.setdefault(variable, x.dtype)
    return bound


def dtype_of(variable: str, bound: Mapping[str, DType]) -> DType:
    """The element type of an output."""
    if variable in bound:
        return bound[variable]
    name = variable.removeprefix("tensor(").removesuffix(")")
    assert name in _NAMES, f"the type of an output is {variable}: say which"
    return DTYPES[_NAMES[name]]


def number_of(dtype: DType) -> int:
    """The standard's number of an element type."""
    return int(helper.np_dtype_to_tensor_dtype(dtype.numpy))


def of_numpy(dtype: Any) -> DType:
    """The element type of an array."""
    return ir_dtype(dtype)


def value_info(name: str, dtype: DType, shape: Sequence[Any] | None) -> onnx.ValueInfoProto:
    """A name with its type; symbols become `dim_param`s."""
    dims = None if shape is None else [d if isinstance(d, int) else str(d) for d in shape]
    return helper.make_tensor_value_info(name, number_of(dtype), dims)
