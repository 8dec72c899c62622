"""The inputs of a model: their types in the IR, by what the file and the caller say of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from baryon.importers.onnx.groups import Given, part_name
from baryon.importers.onnx.node import Held
from baryon.importers.onnx.reader import ModelFile, element_type
from baryon.ir import Array, BaryonError, Dim, Module, Sym, TensorType, Value, tensor_type_of

DEFAULT_MAX_BATCH = 16
"""The largest batch where a model leaves its size open and the caller gives no larger example."""


@dataclass
class Inputs:
    """What the caller says of the inputs; see `import_onnx`.

    fixed: inputs whose value is known, because it decides shapes. batches: sizes of the leading
    dimension that became a symbol, once `types` was asked for.
    """

    file: ModelFile
    dynamic_batch: int | None
    shapes: Mapping[str, Sequence[int | str]]
    known: Mapping[str, Array]
    examples: Mapping[str, Given]
    fixed: dict[str, Array] = field(default_factory=dict)
    batches: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        names = [i.name for i in self.file.free_inputs]
        for parameter, given in (
            ("input_shapes", self.shapes), ("values", self.known), ("examples", self.examples)
        ):  # fmt: skip
            unknown = sorted({*given} - {*names})
            if unknown:
                raise self.file.error(
                    f"{parameter} names {', '.join(unknown)}", hint=f"inputs: {', '.join(names)}"
                )
        if self.dynamic_batch is not None and self.dynamic_batch < 1:
            raise self.file.error(f"dynamic_batch must be at least 1, not {self.dynamic_batch}")
        self._sizes = {**self._named(self.examples, 1), **self._named(self.shapes, 0)}

    def _named(self, given: Mapping[str, Any], first: int) -> dict[str, int]:
        """Sizes that the callers' shapes or examples give to dimensions that the file names.

        first: the axis from which on they do.
        """
        found: dict[str, int] = {}
        for info in self.file.free_inputs:
            dims, sizes = info.type.tensor_type.shape.dim, _shape_of(given.get(info.name))
            for dim, size in [*zip(dims, sizes, strict=False)][first:]:
                if dim.dim_param and isinstance(size, int):
                    found.setdefault(dim.dim_param, size)
        return found

    @property
    def arguments(self) -> list[Any]:
        """The inputs of the model that are inputs of the module."""
        return [i for i in self.file.free_inputs if i.name not in self.known]

    def types(self, module: Module) -> dict[str, TensorType]:
        """The types of the function's arguments by name, whose symbols the module gets."""
        pairs = (pair for info in self.arguments for pair in self._parts(info, module))
        return dict(pairs)

    def held(self, arguments: Mapping[str, Value]) -> dict[str, Held | None]:
        """What the names of the model's inputs stand for."""
        found = {i.name: self._held(i.name, arguments) for i in self.arguments}
        return {**found, **self.known, **self.fixed}

    def _held(self, name: str, arguments: Mapping[str, Value]) -> Held | None:
        if name in arguments:
            return arguments[name]
        example = self.examples[name]
        if example is None:
            return None
        return [arguments[part_name(name, i)] for i in range(len(example))]

    def _parts(self, info: onnx.ValueInfoProto, module: Module) -> list[tuple[str, TensorType]]:
        name = info.name
        if info.type.WhichOneof("value") == "tensor_type":
            return [(name, self._tensor(info, module))]
        if name not in self.examples:
            raise self.file.error(
                "a sequence or an optional is an input, and what it holds is not known",
                at=name,
                hint="give an example of it, from which its length is taken",
            )
        example = self.examples[name]
        if isinstance(example, Sequence):
            return [(part_name(name, i), tensor_type_of(x)) for i, x in enumerate(example)]
        return [] if example is None else [(name, tensor_type_of(example))]

    def _tensor(self, info: onnx.ValueInfoProto, module: Module) -> TensorType:
        tensor, example = info.type.tensor_type, self.examples.get(info.name)
        given: Sequence[Any] = self.shapes.get(info.name, ())
        if info.name not in self.shapes:
            if not tensor.HasField("shape") and example is None:
                raise self.file.error(
                    "the input has no shape", at=info.name, hint="give input_shapes"
                )
            given = tensor.shape.dim if tensor.HasField("shape") else example.shape  # type: ignore[union-attr]
        dims = tuple(self._dim(module, info.name, axis, d) for axis, d in enumerate(given))
        try:
            return TensorType(dims, element_type(tensor.elem_type))
        except (BaryonError, KeyError) as error:
            raise self.file.error(f"unsupported element type: {error}", at=info.name) from error

    def _dim(self, module: Module, name: str, axis: int, dim: Any) -> Dim:
        size, symbol = _size_and_symbol(dim)
        if axis == 0 and self.dynamic_batch is not None:
            self.batches.add(size or 1)
            return _symbol(module, "N", self.dynamic_batch)
        if size is not None:
            return size
        if axis and name not in self.shapes:
            return self._open_dim(name, axis, symbol)
        if symbol in self._sizes and name not in self.shapes:
            return self._sizes[symbol]
        example = _shape_of(self.examples.get(name))[axis : axis + 1]
        return _symbol(
            module, re.sub(r"\W", "_", symbol) or "N", max(DEFAULT_MAX_BATCH, *example, 0)
        )

    def _open_dim(self, name: str, axis: int, symbol: str) -> int:
        """The size of an axis behind the first that the file leaves open."""
        example = _shape_of(self.examples.get(name))
        if axis < len(example):
            return int(example[axis])
        if symbol in self._sizes:
            return self._sizes[symbol]
        raise self.file.error(
            f"the size of axis {axis} is open ({symbol or '?'})",
            at=name,
            hint=f"give all of them, as in --shape {name}=1x128 or "
            f"input_shapes={{{name!r}: (1, 128)}}",
        )


def _shape_of(given: Any) -> Sequence[Any]:
    """Of a shape or an example; a sequence of arrays has none."""
    if isinstance(given, Sequence):
        return given if all(isinstance(d, int | str) for d in given) else ()
    return () if given is None else given.shape


def _symbol(module: Module, name: str, most: int) -> Sym:
    plain = name if name[0].isalpha() or name[0] == "_" else f"_{name}"
    module.symbols[plain] = (1, max(most, module.symbols.get(plain, (1, 1))[1]))
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
