"""What a network takes and gives, in the protocol's terms; shapes of requests against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.runtime import Executable, TensorSpec
from baryon.server.errors import ServerError, UnservableError

Array = NDArray[Any]
Shape = tuple[int, ...]

_MOST_SHOWN = 16
"""Sizes of a shape in a message: a client's own may have millions."""

_DATATYPES = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64",
}  # fmt: skip
"""The protocol's names. It has none for small element types (float8, int4, ...)."""


@dataclass(frozen=True)
class Dim:
    """A size: `factor` times the symbol's value, or, without a symbol, `factor` itself."""

    factor: int
    symbol: str | None = None


@dataclass(frozen=True)
class Port:
    """An input or output: its spec, the protocol's name of its dtype, its sizes."""

    spec: TensorSpec
    datatype: str
    dims: tuple[Dim, ...]

    @property
    def name(self) -> str:
        """As in the network."""
        return self.spec.name

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of arrays."""
        return self.spec.dtype

    @property
    def wire_shape(self) -> list[int]:
        """As the protocol tells it: -1 for a size that a request may choose."""
        return [-1 if dim.symbol else dim.factor for dim in self.dims]


@dataclass(frozen=True)
class Signature:
    """All ports of a network.

    symbols: the least and greatest value of each. batch: the symbol that is the first size of all
    inputs and outputs and occurs nowhere else, so that requests can be joined along it; None where
    there is none.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    symbols: Mapping[str, tuple[int, int]]
    batch: str | None

    def check_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise ServerError where the shapes of all inputs, in order, are not the network's."""
        bound: dict[str, int] = {}
        for port, shape in zip(self.inputs, shapes, strict=True):
            before = bound.copy()
            if len(shape) != len(port.dims) or not all(
                self._fits(dim, size, bound) for dim, size in zip(port.dims, shape, strict=True)
            ):
                raise ServerError(self._explain(port, shape, before))

    def least_shape(self, port: Port) -> Shape:
        """The smallest shape of a port."""
        return tuple(d.factor * (self.symbols[d.symbol][0] if d.symbol else 1) for d in port.dims)

    def _fits(self, dim: Dim, size: int, bound: dict[str, int]) -> bool:
        if dim.symbol is None:
            return size == dim.factor
        value, rest = divmod(size, dim.factor)
        least, greatest = self.symbols[dim.symbol]
        return (
            rest == 0
            and least <= value <= greatest
            and bound.setdefault(dim.symbol, value) == value
        )

    def _explain(self, port: Port, shape: Shape, bound: Mapping[str, int]) -> str:
        expected = ", ".join(map(str, port.spec.shape))
        used = {dim.symbol for dim in port.dims if dim.symbol}
        ranges = [f"{s} from {self.symbols[s][0]} to {self.symbols[s][1]}" for s in sorted(used)]
        taken = [f"{s} = {bound[s]} by an input before" for s in sorted(used & bound.keys())]
        where = f" ({'; '.join(ranges + taken)})" if used else ""
        given = str([*shape]) if len(shape) <= _MOST_SHOWN else f"of {len(shape)} sizes"
        return f"input '{port.name}' has shape {given}, expected [{expected}]{where}"


def signature_of(executable: Executable) -> Signature:
    """The signature of a loaded network. Raises UnservableError."""
    inputs = tuple(map(_port, executable.inputs))
    outputs = tuple(map(_port, executable.outputs))
    return Signature(inputs, outputs, executable.symbols, _batch_symbol(inputs, outputs))


def _port(spec: TensorSpec) -> Port:
    datatype = _DATATYPES.get(spec.dtype.name)
    if datatype is None:
        raise UnservableError(
            f"'{spec.name}' is of {spec.dtype.name}, for which the Open Inference Protocol has no "
            "name; convert it inside of the network, as to float16"
        )
    return Port(spec, datatype, tuple(map(_dim, spec.shape)))


def _dim(size: int | str) -> Dim:
    if isinstance(size, int):
        return Dim(size)
    factor, star, symbol = size.partition("*")
    return Dim(int(factor), symbol) if star else Dim(1, size)


def _batch_symbol(inputs: Sequence[Port], outputs: Sequence[Port]) -> str | None:
    ports = [*inputs, *outputs]
    first = {port.dims[0] if port.dims else Dim(1) for port in ports}
    inner = {dim.symbol for port in ports for dim in port.dims[1:]}
    if len(first) != 1 or not inputs:
        return None
    (dim,) = first
    return dim.symbol if dim.factor == 1 and dim.symbol not in inner else None
