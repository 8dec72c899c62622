"""AArch64: the relocations of LLVM's position-independent code, small code model.

Numbers and fields as in Arm's "ELF for the Arm 64-bit Architecture" (IHI 0056), section 5.7: an
instruction pair makes an address of the target's page of 4 KiB, relative to the instruction's own,
and the 12 bits within it.
"""

from __future__ import annotations

import struct
from functools import partial

import numpy as np

from baryon.codegen.artifact import format as fmt
from baryon.codegen.link.errors import LinkError
from baryon.codegen.link.machine import (
    Addresses,
    Bytes,
    Machine,
    Patch,
    Relocation,
    Via,
    store_relative32,
)

_ADRP_X16, _LDR_X16_X16, _BR_X16, _BRK = 0x90000010, 0xF9400210, 0xD61F0200, 0xD4200000
_BITS_OF_PAGE = 12
_LOW = (1 << _BITS_OF_PAGE) - 1


def _fill(image: Bytes, places: Addresses, fields: Addresses, mask: int) -> None:
    """Put the fields into the instructions at some places; mask: the bits that they take."""
    words = image.view("<u4")
    numbers = places // 4
    words[numbers] = (words[numbers] & ~np.uint32(mask)) | (fields & mask).astype(np.uint32)


def _need_range(distances: Addresses, bits: int) -> None:
    """Raise LinkError unless the signed numbers have at most so many bits."""
    if ((distances < -(1 << bits - 1)) | (distances >= 1 << bits - 1)).any():
        raise LinkError(
            "the kernels' code is too large for one image",
            hint="pass large constants to kernels as weights",
        )


def _page_fields(places: Addresses, targets: Addresses) -> Addresses:
    """Of ADRP: pages from the instruction's to the target's, the two low bits above the others."""
    pages = (targets >> _BITS_OF_PAGE) - (places >> _BITS_OF_PAGE)
    _need_range(pages, 21)
    return ((pages & 3) << 29) | (((pages >> 2) & ((1 << 19) - 1)) << 5)


def _page(image: Bytes, places: Addresses, targets: Addresses) -> None:
    """ADRP: the target's page."""
    _fill(image, places, _page_fields(places, targets), 0x60FFFFE0)


def _low(shift: int, image: Bytes, places: Addresses, targets: Addresses) -> None:
    """ADD, LDR, STR: the target's place in its page, in elements of 2^shift bytes."""
    low = targets & _LOW
    if (low & ((1 << shift) - 1)).any():
        raise LinkError(f"a constant is not aligned to {1 << shift} bytes")
    _fill(image, places, (low >> shift) << 10, 0x003FFC00)


def _branch(image: Bytes, places: Addresses, targets: Addresses) -> None:
    """B, BL: instructions from this one to the target."""
    distances = (targets - places) >> 2
    _need_range(distances, 26)
    _fill(image, places, distances, 0x03FFFFFF)


def _stub(place: int, slot: int) -> bytes:
    """`adrp x16, slot; ldr x16, [x16, #slot]; br x16`, and an instruction that traps."""
    page = int(_page_fields(np.array([place]), np.array([slot]))[0])
    low = (slot & _LOW) >> 3 << 10
    return struct.pack("<IIII", _ADRP_X16 | page, _LDR_X16_X16 | low, _BR_X16, _BRK)


def _lows(shift: int) -> Patch:
    return partial(_low, shift)


AARCH64 = Machine(
    name="AArch64",
    number=fmt.AARCH64,
    page=fmt.IMAGE_PAGE[fmt.AARCH64],
    relocations={
        257: Relocation("R_AARCH64_ABS64", Via.ADDRESS),
        261: Relocation("R_AARCH64_PREL32", Via.SYMBOL, store_relative32),
        275: Relocation("R_AARCH64_ADR_PREL_PG_HI21", Via.SYMBOL, _page),
        277: Relocation("R_AARCH64_ADD_ABS_LO12_NC", Via.SYMBOL, _lows(0)),
        278: Relocation("R_AARCH64_LDST8_ABS_LO12_NC", Via.SYMBOL, _lows(0)),
        282: Relocation("R_AARCH64_JUMP26", Via.SYMBOL, _branch),
        283: Relocation("R_AARCH64_CALL26", Via.SYMBOL, _branch),
        284: Relocation("R_AARCH64_LDST16_ABS_LO12_NC", Via.SYMBOL, _lows(1)),
        285: Relocation("R_AARCH64_LDST32_ABS_LO12_NC", Via.SYMBOL, _lows(2)),
        286: Relocation("R_AARCH64_LDST64_ABS_LO12_NC", Via.SYMBOL, _lows(3)),
        299: Relocation("R_AARCH64_LDST128_ABS_LO12_NC", Via.SYMBOL, _lows(4)),
        311: Relocation("R_AARCH64_ADR_GOT_PAGE", Via.SLOT, _page),
        312: Relocation("R_AARCH64_LD64_GOT_LO12_NC", Via.SLOT, _lows(3)),
    },
    refused={258: "R_AARCH64_ABS32", 259: "R_AARCH64_ABS16", 263: "R_AARCH64_MOVW_UABS_G0"},
    padding=0x00,  # UDF, which is permanently undefined
    stub_bytes=16,
    stub=_stub,
)
