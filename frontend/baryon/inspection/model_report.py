"""What is said of a file with a trained network, before it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PortReport:
    """An input or output of the network; sizes that are open are names, or "?".

    shape: None where not even the number of axes is known.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None

    def __str__(self) -> str:
        sizes = "?" if self.shape is None else ",".join(map(str, self.shape))
        return f"{self.name}: {self.dtype}[{sizes}]"


@dataclass(frozen=True)
class OpReport:
    """How often a file has an op, bodies of loops and branches included.

    remedy: what can be done where it is not supported.
    """

    op: str
    count: int
    supported: bool = True
    remedy: str = ""


@dataclass(frozen=True)
class ModelReport:
    """A file.

    opsets: by domain; MXNet has none. problem: why it cannot be imported, with `hint`; None if it
    can. parameters, parameter_bytes: of its constants. flops: of one run, symbols at their
    smallest, a multiply-add as two; None where it cannot be imported, or where sizes are missing.
    unsized: the variables whose shapes must be given for that. params: the file beside it with its
    parameters.
    """

    file: str
    format: str
    producer: str
    opsets: Mapping[str, int]
    inputs: tuple[PortReport, ...]
    outputs: tuple[PortReport, ...]
    ops: tuple[OpReport, ...]
    parameters: int
    parameter_bytes: int
    flops: int | None
    problem: str | None = None
    hint: str | None = None
    unsized: tuple[str, ...] = ()
    params: str | None = None

    @property
    def unsupported(self) -> list[str]:
        """The ops that baryon lacks."""
        return [op.op for op in self.ops if not op.supported]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "unsupported": self.unsupported}
