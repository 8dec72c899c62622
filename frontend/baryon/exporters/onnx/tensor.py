"""A tensor of the file that is being written."""

from __future__ import annotations

from dataclasses import dataclass

from baryon.ir import Dim, DType, TensorType


@dataclass(frozen=True)
class Tensor:
    """A name in the file. shape: None for what a form makes in between and nobody asks."""

    name: str
    dtype: DType
    shape: tuple[Dim, ...] | None = None

    @staticmethod
    def of(name: str, type: TensorType) -> Tensor:
        """A tensor of a type of the IR; quantization is not part of it."""
        return Tensor(name, type.dtype, type.shape)

    @property
    def type(self) -> TensorType:
        """Its type in the IR: for ops of ours, whose inference needs shapes."""
        assert self.shape is not None, f"{self.name} has no known shape"
        return TensorType(self.shape, self.dtype)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return self.type.rank
