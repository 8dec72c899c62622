"""What the inputs and outputs of an executable look like."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from baryon.runtime._native import DimTuple, PortTuple


@dataclass(frozen=True)
class TensorSpec:
    """An input or output.

    shape: sizes; one that a run may choose is a symbol's name ("N"), or a multiple of it ("4*N").
        So is an output's that depends on data: its symbol is in no input.
    dtype: NumPy's, or one of `ml_dtypes` (bfloat16, float8_e4m3fn, int4, ...).
    max_shape: the largest sizes.
    buffer_dtype: under which NumPy shares memory, which it does not do for those of `ml_dtypes`.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: np.dtype[Any]
    max_shape: tuple[int, ...]
    buffer_dtype: np.dtype[Any] = field(repr=False)

    @property
    def is_static(self) -> bool:
        """Whether the shape is the same in every run."""
        return all(isinstance(size, int) for size in self.shape)

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype.name}[{', '.join(map(str, self.shape))}]"


def spec_from(port: PortTuple) -> TensorSpec:
    """The spec of a port as the C++ part describes it."""
    name, type_name, dims = port
    dtype = numpy_dtype(type_name)
    return TensorSpec(
        name=name,
        shape=tuple(_size(dim) for dim in dims),
        dtype=dtype,
        max_shape=tuple(dim[1] for dim in dims),
        buffer_dtype=dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}"),
    )


def leading(room: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of `shape` that lies without gaps at the start of memory."""
    return room if room.shape == shape else room.reshape(-1)[: math.prod(shape)].reshape(shape)


def filled(room: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An output of `shape` that was written without gaps into memory for the largest one.

    It is copied where more than half of the memory would be kept for nothing.
    """
    part = leading(room, shape)
    return part if 2 * part.size >= room.size else part.copy()


def symbols_of(ports: list[PortTuple]) -> dict[str, tuple[int, int]]:
    """The least and the greatest value of each symbol, by name."""
    return {
        symbol: (least // factor, greatest // factor)
        for _, _, dims in ports
        for least, greatest, factor, symbol in dims
        if symbol is not None
    }


def _size(dim: DimTuple) -> int | str:
    least, _, factor, symbol = dim
    if symbol is None:
        return least
    return symbol if factor == 1 else f"{factor}*{symbol}"


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The element type of that name: NumPy's, or one of `ml_dtypes`."""
    try:
        return np.dtype(name)
    except TypeError:  # `ml_dtypes` is not imported, which makes its names known
        found: type[Any] = getattr(importlib.import_module("ml_dtypes"), name)
        return np.dtype(found)
