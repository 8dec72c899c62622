"""Read artifacts for inspection: all is checked, nothing is executed, weights stay mapped."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.codegen.artifact import format as fmt
from baryon.codegen.artifact.check import check_code, check_plan, need
from baryon.codegen.artifact.decode import decode_code, decode_plan
from baryon.codegen.artifact.errors import ArtifactError
from baryon.codegen.artifact.plan import Artifact, Variant
from baryon.codegen.artifact.weights import Weights


@dataclass(frozen=True)
class Entry:
    """One row of the section table: kind and variant as numbers, place in the file in bytes."""

    kind: int
    variant: int
    offset: int
    nbytes: int
    sha256: bytes

    @property
    def name(self) -> str:
        """Such as `PLAN 0`."""
        return f"{fmt.SECTION_NAMES.get(self.kind, f'kind {self.kind}')} {self.variant}"


def read_artifact(path: str | os.PathLike[str], *, verify: bool = False) -> Artifact:
    """Read an artifact file. verify: also check the hashes of the weights, which takes time.

    Weights and code are views of the mapped file. Raises ArtifactError for a damaged file and for
    one that cannot be opened.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a path may be a descriptor's)
            size = os.fstat(file.fileno()).st_size
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except (OSError, ValueError) as error:
        raise ArtifactError(f"cannot read '{path}': {error}") from error
    return parse_artifact(memoryview(data), verify=verify)


def parse_artifact(data: bytes | memoryview, *, verify: bool = True) -> Artifact:
    """Read an artifact from the bytes of its file. Raises ArtifactError."""
    view = memoryview(data)
    entries = read_entries(view)
    known = {
        (entry.kind, entry.variant): entry for entry in entries if entry.kind in fmt.SECTION_NAMES
    }
    count = sum(kind in fmt.SECTION_NAMES for kind in (entry.kind for entry in entries))
    need(len(known) == count, "A8", "two sections of one kind and variant", "section table")
    metas = [variant for kind, variant in known if kind == fmt.META]
    need(metas == [0], "A8", f"META sections: {metas}", "section table")
    variants = sum(kind == fmt.PLAN for kind, _ in known)
    codes = sum(kind == fmt.CODE for kind, _ in known)
    need(0 < variants == codes, "A9", f"{variants} PLAN, {codes} CODE", "section table")
    return Artifact(
        meta=_read_meta(view, known),
        variants=tuple(_read_variant(view, known, number, verify) for number in range(variants)),
    )


def read_entries(view: memoryview) -> list[Entry]:
    """The section table (rules A1 to A7). Raises ArtifactError."""
    need(len(view) >= fmt.HEADER.itemsize, "A4", f"only {len(view)} bytes")
    header = np.frombuffer(view, fmt.HEADER, 1)[0]
    reserved = bytes(view[36:40]) + bytes(view[72:96])
    need(bytes(view[:8]) == fmt.MAGIC, "A1", "not an artifact file")
    need(header["version"] == fmt.VERSION, "A2", f"format version {header['version']}")
    need(header["header_bytes"] == fmt.HEADER.itemsize, "A3", "header size")
    need(not any(reserved), "A3", "a reserved field is not zero", "header")
    size, stated = len(view), int(header["file_bytes"])
    need(stated == size, "A4", f"the file has {size} of {stated} bytes: it was cut or extended")
    count, start = int(header["section_count"]), int(header["table_offset"])
    need(1 <= count <= fmt.MAX_SECTIONS, "A5", f"{count} sections")
    end = start + count * fmt.SECTION.itemsize
    need(start % fmt.TABLE_ALIGN == 0 and end <= size, "A5", "section table outside of the file")
    digest = hashlib.sha256(view[start:end]).digest()
    need(digest == bytes(header["table_sha256"]), "A6", "the section table is damaged")
    rows = np.frombuffer(view, fmt.SECTION, count, start)
    entries = [_entry(row) for row in rows]
    for entry in entries:
        align = fmt.SECTION_ALIGN.get(entry.kind, 1)
        inside = entry.offset % align == 0 and entry.offset + entry.nbytes <= size
        need(inside, "A7", "it is misplaced or ends after the file", entry.name)
    return entries


def _entry(row: Any) -> Entry:
    kind, variant, offset, size, digest = row.item()
    return Entry(kind, variant, offset, size, bytes(digest))


def _contents(
    view: memoryview, known: dict[tuple[int, int], Entry], kind: int, variant: int, verify: bool
) -> memoryview:
    entry = known.get((kind, variant))
    if entry is None:
        raise ArtifactError(f"no section {fmt.SECTION_NAMES[kind]} {variant}", rule="A9")
    data = view[entry.offset : entry.offset + entry.nbytes]
    if verify:
        intact = hashlib.sha256(data).digest() == entry.sha256
        need(intact, "A10", "the section is damaged: its hash differs", entry.name)
    return data


def _read_meta(view: memoryview, known: dict[tuple[int, int], Entry]) -> dict[str, Any]:
    data = _contents(view, known, fmt.META, 0, verify=True)
    try:
        meta = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"META is not JSON: {error}") from error
    if not isinstance(meta, dict):
        raise ArtifactError("META is not a JSON object")
    return meta


def _read_variant(
    view: memoryview, known: dict[tuple[int, int], Entry], number: int, verify: bool
) -> Variant:
    plan = decode_plan(_contents(view, known, fmt.PLAN, number, verify=True))
    code = decode_code(_contents(view, known, fmt.CODE, number, verify=True))
    own = number if (fmt.WEIGHTS, number) in known else 0
    stored = (fmt.WEIGHTS, own) in known
    data = _contents(view, known, fmt.WEIGHTS, own, verify) if stored else view[:0]
    check_code(code)
    check_plan(plan, len(code.image), len(data))
    weights = Weights((data,), (0,)) if own == number else None
    return Variant(plan, code, weights)
