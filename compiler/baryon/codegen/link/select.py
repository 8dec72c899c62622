"""Find what a kernel needs of its object: the sections that its entry reaches, and its imports.

Each object is a world of its own: kernels do not call each other, so a name is looked up in the
kernel's own object and then among the runtime's imports, never in another object. That makes the
weak helpers and the `__tvm_ffi_main` alias, which TVM puts in every object, harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.link.elf import (
    SHF_TLS,
    SHN_FIRST_RESERVED,
    SHN_UNDEF,
    SHT_PROGBITS,
    STT_FUNC,
    ObjectFile,
    Section,
)
from baryon.codegen.link.errors import LinkError
from baryon.codegen.link.imports import Imports
from baryon.codegen.link.machine import Machine, Via

_SHT_INIT_ARRAY, _SHT_PREINIT_ARRAY = 14, 16
_ENTRY_PREFIX = "__tvm_ffi_"
# TVM's alias for the only function of a module; its own name says more.
_ENTRY_ALIAS = "__tvm_ffi_main"
# Names for a better message; format.py has the list of what the runtime does offer.
_LIBM_NAMES = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh erf erfc exp exp10 exp2 expm1 floor"
    " fmod hypot lgamma log log10 log1p log2 nearbyint pow rint round sin sincos sinh sqrt tan tanh"
    " tgamma trunc"
)
_LIBM = frozenset(name + suffix for name in _LIBM_NAMES.split() for suffix in ("", "f"))


@dataclass(frozen=True)
class Unit:
    """What one kernel brings into the image.

    entry: symbol number of its entry. homes: section number of each symbol, 0 for imported ones.
    sections: those that the entry reaches. imports: import name by symbol number.
    uses: numbers of the symbols that relocations refer to, by what their fields hold.
    """

    object: ObjectFile
    entry: int
    homes: NDArray[np.int64]
    sections: tuple[Section, ...]
    imports: Mapping[int, str]
    uses: Mapping[Via, tuple[int, ...]]


def select(source: ObjectFile, machine: Machine, imports: Imports) -> Unit:
    """The reachable part of an object. Raises LinkError for what an image cannot hold."""
    _check_constructors(source)
    names = source.globals()
    homes = source.symbols["section"].astype(np.int64)
    variables = [number for name, number in names.items() if name in imports.variables]
    homes[variables] = SHN_UNDEF
    entry = _find_entry(source, names)
    sections = _reach(source, homes, int(homes[entry]))
    uses = _uses(source, machine, sections)
    used = sorted({symbol for symbols in uses.values() for symbol in symbols})
    foreign = [symbol for symbol in used if homes[symbol] == SHN_UNDEF]
    return Unit(
        object=source,
        entry=entry,
        homes=homes,
        sections=sections,
        imports={symbol: _import_name(source, symbol, imports) for symbol in foreign},
        uses=uses,
    )


def _check_constructors(source: ObjectFile) -> None:
    for section in source.sections:
        runs = section.type in range(_SHT_INIT_ARRAY, _SHT_PREINIT_ARRAY + 1)
        if runs or section.name.startswith((".ctors", ".dtors")):
            raise LinkError(
                f"kernel '{source.name}': its object has code that runs at load ({section.name})",
                hint="compile the kernel as a plain module, without a system library prefix",
            )


def _find_entry(source: ObjectFile, names: Mapping[str, int]) -> int:
    """The kernel by its own name, or the only one in the object."""
    defined = {
        name: number
        for name, number in names.items()
        if name.startswith(_ENTRY_PREFIX)
        and source.symbols["section"][number] != SHN_UNDEF
        and source.symbols["info"][number] & 15 == STT_FUNC
    }
    own = defined.get(_ENTRY_PREFIX + source.name)
    if own is not None:
        return own
    candidates = [name for name in defined if name != _ENTRY_ALIAS] or list(defined)
    if len(candidates) != 1:
        found = ", ".join(sorted(candidates)) or "none"
        raise LinkError(
            f"kernel '{source.name}': its object has no symbol {_ENTRY_PREFIX}{source.name}"
            f" (entries: {found})",
            hint="set the PrimFunc's global_symbol to the kernel's name",
        )
    return defined[candidates[0]]


def _reach(source: ObjectFile, homes: NDArray[np.int64], start: int) -> tuple[Section, ...]:
    """Sections reachable through relocations, in the order of the object."""
    seen, todo = {start}, [start]
    while todo:
        symbols = np.unique(source.sections[todo.pop()].relocations["symbol"])
        for home in np.unique(homes[symbols]).tolist():
            if home == SHN_UNDEF or home in seen:
                continue
            if home >= SHN_FIRST_RESERVED:
                raise LinkError(f"kernel '{source.name}': absolute or common symbols are refused")
            seen.add(home)
            todo.append(home)
    sections = tuple(source.sections[index] for index in sorted(seen))
    for section in sections:
        _check_section(source, section)
    return sections


def _check_section(source: ObjectFile, section: Section) -> None:
    where = f"kernel '{source.name}': section {section.name}"
    if not section.allocated or section.flags & SHF_TLS:
        raise LinkError(f"{where} is not ordinary memory (thread-local or not loaded)")
    if section.writable and section.executable:
        raise LinkError(f"{where} is writable and executable")
    if section.writable and bytes(section.data).strip(b"\0"):
        raise LinkError(
            f"{where} has initialized variables; only pointers and zeros are possible",
            hint="keep a kernel's state in its arguments",
        )
    if not section.writable and section.type != SHT_PROGBITS:
        raise LinkError(f"{where} has the unexpected ELF section type {section.type}")


def _uses(
    source: ObjectFile, machine: Machine, sections: tuple[Section, ...]
) -> dict[Via, tuple[int, ...]]:
    found: dict[Via, set[int]] = {via: set() for via in Via}
    for section in sections:
        table = section.relocations
        for number in np.unique(table["type"]).tolist():
            via = _check_relocation(source, machine, section, number)
            found[via].update(np.unique(table["symbol"][table["type"] == number]).tolist())
    return {via: tuple(sorted(symbols)) for via, symbols in found.items()}


def _check_relocation(source: ObjectFile, machine: Machine, section: Section, number: int) -> Via:
    relocation = machine.relocations.get(number)
    where = f"kernel '{source.name}': section {section.name}"
    if relocation is None:
        raise LinkError(
            f"{where} has a relocation that an image at any address cannot have:"
            f" {machine.refused.get(number, f'{machine.name} type {number}')}",
            hint="compile position-independent code with the small code model",
        )
    if (relocation.via is Via.ADDRESS) != section.writable:
        raise LinkError(f"{where} cannot have a relocation of type {relocation.name}")
    return relocation.via


def _import_name(source: ObjectFile, symbol: int, imports: Imports) -> str:
    name = source.symbol_name(symbol)
    if name in imports.functions or name in imports.variables:
        return name
    hint = "a kernel may call only what the runtime offers: " + ", ".join(sorted(imports.functions))
    if name in _LIBM:
        hint = "use baryon's polynomials, which also vectorize, instead of a call into libm"
    raise LinkError(
        f"kernel '{source.name}' needs '{name}', which the runtime does not offer", hint=hint
    )
