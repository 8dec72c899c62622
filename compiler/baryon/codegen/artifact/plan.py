"""What an artifact holds, as frozen values: plan, code, variants.

A `Plan` is what the runtime executes: kernels called in order on tensors that lie in inputs,
outputs, the arena or the weights. docs/spec/artifact.md has the rules (`A1` to `A37`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from baryon.codegen.artifact.format import DTYPES
from baryon.codegen.artifact.weights import Weights


class Storage(enum.IntEnum):
    """Where a tensor lies."""

    INPUT = 0
    OUTPUT = 1
    ARENA = 2
    WEIGHTS = 3


@dataclass(frozen=True)
class Dim:
    """A dimension or stride of `factor` times the value of a symbol. Literals are plain ints."""

    symbol: str
    factor: int = 1


Extent = int | Dim


@dataclass(frozen=True)
class Computed:
    """Where the value of a symbol comes from that a kernel counts.

    call: the number of the call after which the run reads it. tensor: what it reads, one int64
    among the call's arguments. most: the greatest value in a run, of symbols before this one.
    """

    call: int
    tensor: int
    most: Extent


@dataclass(frozen=True)
class Symbol:
    """A number from `min` to `max` inclusive, which a run takes from the shapes of its inputs, or
    from what a call has counted."""

    name: str
    min: int
    max: int
    computed: Computed | None = None


@dataclass(frozen=True)
class TensorDesc:
    """What a kernel sees as one DLTensor.

    dtype: a key of `format.DTYPES`. strides: in elements; None for row-major without gaps.
    index: number of the input or output, else 0. byte_offset: place in the storage, for the arena
    and weights a multiple of 64 at the start of each buffer. byte_extent: bytes that the tensor may
    touch from there on, with symbols at their maximum; None means exactly what it touches.
    """

    dtype: str
    shape: tuple[Extent, ...]
    storage: Storage
    index: int = 0
    byte_offset: int = 0
    strides: tuple[Extent, ...] | None = None
    byte_extent: int | None = None

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return -(-DTYPES[self.dtype][1] // 8)

    def nbytes(self, sizes: Mapping[str, int]) -> int:
        """Bytes of its elements, with these values of symbols."""
        dims = (d if isinstance(d, int) else d.factor * sizes[d.symbol] for d in self.shape)
        return self.itemsize * prod(dims)


@dataclass(frozen=True)
class Port:
    """An input or output of the network; `tensor` is an index of `Plan.tensors`.

    value: for an input that must always be the same, the index of the tensor that it must equal.
    """

    name: str
    tensor: int
    value: int | None = None


@dataclass(frozen=True)
class Kernel:
    """A function in the code image, `entry` bytes from its start."""

    name: str
    entry: int


@dataclass(frozen=True)
class Call:
    """One step: an index of `Plan.kernels` and the indices of its arguments in `Plan.tensors`."""

    kernel: int
    args: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The steps of one run, in order, and the memory that they need.

    name: of the target, such as `x86-64-v3`. machine: ELF's number of the instruction set (62
    x86-64, 183 AArch64). features: LLVM names of the CPU features that the code needs.
    arena_bytes: intermediate values with symbols at their maximum. scratch_bytes: the most
    workspace that one thread asks for.
    """

    name: str
    machine: int
    tensors: tuple[TensorDesc, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    kernels: tuple[Kernel, ...]
    calls: tuple[Call, ...]
    symbols: tuple[Symbol, ...] = ()
    features: tuple[str, ...] = ()
    arena_bytes: int = 0
    scratch_bytes: int = 0


@dataclass(frozen=True)
class Slot:
    """One pointer that the runtime stores into the data part at `data_offset`.

    symbol: the import whose address it is; None for an address of the artifact's own, `address`
    bytes from the start of the image (the data part begins at the end of the image).
    """

    data_offset: int
    symbol: str | None = None
    address: int = 0


@dataclass(frozen=True)
class Code:
    """Machine code that runs at any page-aligned address, and the data part behind it.

    image: whole pages, mapped readable and executable. data_bytes: size of the data part, which is
    zero but for its slots, and constant once they are stored.
    """

    image: bytes | memoryview
    data_bytes: int = 0
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class Variant:
    """A build for one kind of CPU. meta: JSON for people and tools."""

    meta: Mapping[str, Any]
    plan: Plan
    code: Code


@dataclass(frozen=True)
class Artifact:
    """A compiled network. variants: best first, at least one. weights: of all of them.

    All variants have the same inputs and outputs; the runtime takes the first that the CPU can run.
    """

    variants: tuple[Variant, ...]
    weights: Weights

    @classmethod
    def single(cls, meta: Mapping[str, Any], plan: Plan, code: Code, weights: Weights) -> Artifact:
        """An artifact of one variant."""
        return cls((Variant(meta, plan, code),), weights)

    @property
    def meta(self) -> Mapping[str, Any]:
        """That of the first variant."""
        return self.variants[0].meta

    def noted(self, **notes: Any) -> Artifact:
        """The artifact with more in the META of each variant."""
        return replace(
            self, variants=tuple(replace(v, meta={**v.meta, **notes}) for v in self.variants)
        )
