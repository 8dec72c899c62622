"""What the linker has to know of a machine: its relocations and its call stubs.

One `Machine` value per instruction set, each in a file of its own; the linker has no other
knowledge of instructions.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.link.errors import LinkError

Bytes = NDArray[np.uint8]
Addresses = NDArray[np.int64]

# (image, places, targets): store into the image at each place the field that refers to the target.
Patch = Callable[[Bytes, Addresses, Addresses], None]


class Via(enum.Enum):
    """What a relocation's field refers to."""

    SYMBOL = "the symbol; the stub of an imported function"
    SLOT = "the slot in the data part that holds the symbol's address"
    ADDRESS = "the symbol's absolute address, which only the loader knows"


@dataclass(frozen=True)
class Relocation:
    """One relocation type. `patch` is None only for `Via.ADDRESS`, which the loader fills in."""

    name: str
    via: Via
    patch: Patch | None = None


@dataclass(frozen=True)
class Machine:
    """One instruction set.

    number: `e_machine` of ELF. page: an image is whole ones of this many bytes. relocations: those
    that position-independent code may have, by type. refused: names of those that it must not
    have. padding: a byte that traps when it is executed. stub(place, slot): code for that place
    that jumps to the address in the slot; stub_bytes: its size.
    """

    name: str
    number: int
    page: int
    relocations: Mapping[int, Relocation]
    refused: Mapping[int, str]
    padding: int
    stub_bytes: int
    stub: Callable[[int, int], bytes]


def store_relative32(image: Bytes, places: Addresses, targets: Addresses) -> None:
    """Store target - place as 32 bits at each place. Raises LinkError if one does not fit."""
    values = targets - places
    if (values != values.astype(np.int32)).any():
        raise LinkError(
            "the kernels' code and constants span more than 2 GiB",
            hint="pass large constants to kernels as weights",
        )
    fields = values.astype("<i4").view(np.uint8).reshape(-1, 4)
    image[places[:, None] + np.arange(4)] = fields
