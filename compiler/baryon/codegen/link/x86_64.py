"""x86-64: the relocations of LLVM's position-independent code, small code model."""

from __future__ import annotations

import struct

from baryon.codegen.artifact import format as fmt
from baryon.codegen.link.machine import Machine, Relocation, Via, store_relative32


def _stub(place: int, slot: int) -> bytes:
    """`jmp *slot(%rip)`; the displacement counts from the end of the instruction."""
    return b"\xff\x25" + struct.pack("<i", slot - place - 6) + b"\xcc\xcc"


X86_64 = Machine(
    name="x86-64",
    number=fmt.X86_64,
    page=fmt.IMAGE_PAGE[fmt.X86_64],
    relocations={
        1: Relocation("R_X86_64_64", Via.ADDRESS),
        2: Relocation("R_X86_64_PC32", Via.SYMBOL, store_relative32),
        4: Relocation("R_X86_64_PLT32", Via.SYMBOL, store_relative32),
        9: Relocation("R_X86_64_GOTPCREL", Via.SLOT, store_relative32),
        41: Relocation("R_X86_64_GOTPCRELX", Via.SLOT, store_relative32),
        42: Relocation("R_X86_64_REX_GOTPCRELX", Via.SLOT, store_relative32),
    },
    refused={10: "R_X86_64_32", 11: "R_X86_64_32S", 12: "R_X86_64_16", 14: "R_X86_64_8"},
    padding=0xCC,
    stub_bytes=8,
    stub=_stub,
)
