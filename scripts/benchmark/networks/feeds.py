"""What the networks read: for every input and each of its samples the same numbers in every run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper


@dataclass(frozen=True)
class Port:
    """An input; unknown sizes are 1. The leading dimension counts samples."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def ports_of(path: Path) -> list[Port]:
    """The inputs of an ONNX file, in order."""
    graph = onnx.load(str(path), load_external_data=False).graph
    weights = {i.name for i in graph.initializer}
    return [_port(i) for i in graph.input if i.name not in weights]


def _port(info: onnx.ValueInfoProto) -> Port:
    tensor = info.type.tensor_type
    shape = tuple(dim.dim_value or 1 for dim in tensor.shape.dim)
    return Port(info.name, shape, helper.tensor_dtype_to_np_dtype(tensor.elem_type).name)


def feeds(
    ports: Iterable[Port], integers: Mapping[str, int], samples: Iterable[int] | None = None
) -> dict[str, NDArray[Any]]:
    """An array for each input.

    integers: for inputs of whole numbers, how many different values they take; 1 where it is not
    said. samples: which; None for as many as the inputs hold, from 0 on.
    """
    chosen = None if samples is None else list(samples)
    return {
        port.name: np.stack(
            [
                _sample(port, integers.get(port.name, 1), n)
                for n in (range(port.shape[0]) if chosen is None else chosen)
            ]
        )
        if port.shape
        else _sample(port, 1, 0)
        for port in ports
    }


def _sample(port: Port, values: int, number: int) -> NDArray[Any]:
    """Normal numbers, or whole ones from 0 to `values` - 1."""
    rng = np.random.default_rng([zlib.crc32(port.name.encode()), number])
    shape = port.shape[1:]
    if np.dtype(port.dtype).kind == "f":
        return rng.standard_normal(shape).astype(port.dtype)
    return rng.integers(0, values, shape).astype(port.dtype)
