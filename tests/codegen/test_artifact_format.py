"""Numbers and names of the artifact format are those of the runtime's sources."""

from __future__ import annotations

import re
from pathlib import Path

from baryon.codegen.artifact import Storage
from baryon.codegen.artifact import format as fmt

RUNTIME = Path(__file__).parents[2] / "runtime" / "src"


def constants_of_header() -> dict[str, int]:
    """`kName = value` and `sizeof(Name) == value` of runtime/src/format.h."""
    text = (RUNTIME / "format.h").read_text()
    literals: dict[str, int] = {}
    for name, base, shift in re.findall(r"(k\w+) = u?int64_t\{(\d+)\} << (\d+);", text):
        literals[name] = int(base) << int(shift)
    for name, value in re.findall(r"(k\w+) = (-?\w+)[;,]", text):
        literals[name] = int(value, 0)
    for name, value in re.findall(r"(k\w+) = (\d+)[ }]", text):
        literals[name] = int(value)
    for name, value in re.findall(r"sizeof\((\w+)\) == (\d+)", text):
        literals[name] = int(value)
    return literals


def test_numbers_agree_with_the_runtime() -> None:
    expected = {
        "kVersion": fmt.VERSION,
        "kPage": fmt.PAGE,
        "kMaxSections": fmt.MAX_SECTIONS,
        "kMaxArenaBytes": fmt.MAX_ARENA_BYTES,
        "kMaxImageBytes": fmt.MAX_IMAGE_BYTES,
        "kMaxDataBytes": fmt.MAX_DATA_BYTES,
        "kMaxSymbol": fmt.MAX_SYMBOL,
        "kMaxSymbols": fmt.MAX_SYMBOLS,
        "kMaxDims": fmt.MAX_DIMS,
        "kMaxArgs": fmt.MAX_ARGS,
        "kContiguous": fmt.CONTIGUOUS,
        "kLiteral": fmt.LITERAL,
        "kOfInputs": fmt.OF_INPUTS,
        "kMeta": fmt.META,
        "kPlan": fmt.PLAN,
        "kCode": fmt.CODE,
        "kWeights": fmt.WEIGHTS,
        "kInput": Storage.INPUT,
        "kOutput": Storage.OUTPUT,
        "kArena": Storage.ARENA,
        "kWeight": Storage.WEIGHTS,
        "kSlotImport": fmt.SLOT_IMPORT,
        "kSlotAddress": fmt.SLOT_ADDRESS,
        "kX86_64": fmt.X86_64,
        "kAArch64": fmt.AARCH64,
        "Header": fmt.HEADER.itemsize,
        "Section": fmt.SECTION.itemsize,
        "PlanHeader": fmt.PLAN_HEADER.itemsize,
        "CodeHeader": fmt.CODE_HEADER.itemsize,
        "String": fmt.STRING.itemsize,
        "Symbol": fmt.PLAN_TABLES["symbols"].itemsize,
        "Dim": fmt.PLAN_TABLES["dims"].itemsize,
        "Tensor": fmt.PLAN_TABLES["tensors"].itemsize,
        "Port": fmt.PLAN_TABLES["inputs"].itemsize,
        "Kernel": fmt.PLAN_TABLES["kernels"].itemsize,
        "Call": fmt.PLAN_TABLES["calls"].itemsize,
        "Slot": fmt.CODE_TABLES["slots"].itemsize,
    }
    found = constants_of_header()
    assert {name: found.get(name) for name in expected} == expected


def test_names_agree_with_the_runtime() -> None:
    rows = re.findall(r'\{(\d+), (\d+), "(\w+)"\},', (RUNTIME / "dtypes.h").read_text())
    assert {name: (int(code), int(bits)) for code, bits, name in rows} == fmt.DTYPES
    imports = (RUNTIME / "imports.cc").read_text()
    plain = set(re.findall(r'\{"(\w+)", address\(', imports))
    libm = re.findall(r"^ +BARYON_MATH\d?\((\w+)", imports, re.MULTILINE)
    assert plain | {name + suffix for name in libm for suffix in ("", "f")} == fmt.IMPORTS
    features = set(
        re.findall(r'^ +\{"([\w.-]+)", ', (RUNTIME / "cpu.cc").read_text(), re.MULTILINE)
    )
    assert features == fmt.CPU_FEATURES
