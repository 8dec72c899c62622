"""Read artifacts for inspection: all is checked, nothing is executed, weights stay mapped."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.codegen.artifact import format as fmt
from baryon.codegen.artifact.check import check_code, check_names, check_plan, need
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
    kinds = Counter(kind for kind, _ in known)
    metas, plans, codes = (kinds[kind] for kind in (fmt.META, fmt.PLAN, fmt.CODE))
    complete = 0 < metas == plans == codes
    need(complete, "A9", f"{metas} META, {plans} PLAN, {codes} CODE", "section table")
    shared = kinds[fmt.WEIGHTS] == int((fmt.WEIGHTS, 0) in known)
    need(shared, "A9", "a variant has weights of its own", "section table")
    weights = view[:0]
    if kinds[fmt.WEIGHTS]:
        weights = _contents(view, known[fmt.WEIGHTS, 0], verify)
    variants = [_read_variant(view, known, number, len(weights)) for number in range(plans)]
    check_names([variant.plan for variant in variants])
    return Artifact(tuple(variants), Weights((weights,), (0,)))


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
    if size > stated and view[stated : stated + len(fmt.SIGNATURE_MAGIC)] == fmt.SIGNATURE_MAGIC:
        size -= fmt.SIGNATURE_BYTES
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


def _contents(view: memoryview, entry: Entry, verify: bool) -> memoryview:
    data = view[entry.offset : entry.offset + entry.nbytes]
    if verify:
        intact = hashlib.sha256(data).digest() == entry.sha256
        need(intact, "A10", "the section is damaged: its hash differs", entry.name)
    return data


def _read_meta(data: memoryview) -> dict[str, Any]:
    try:
        meta = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"META is not JSON: {error}") from error
    if not isinstance(meta, dict):
        raise ArtifactError("META is not a JSON object")
    return meta


def _read_variant(
    view: memoryview, known: dict[tuple[int, int], Entry], number: int, weight_bytes: int
) -> Variant:
    entries = [known.get((kind, number)) for kind in (fmt.META, fmt.PLAN, fmt.CODE)]
    if None in entries:
        raise ArtifactError(f"variant {number} is not complete", rule="A9")
    meta, plan, code = [entry for entry in entries if entry is not None]
    steps = decode_plan(_contents(view, plan, verify=True))
    image, place = decode_code(_contents(view, code, verify=True))
    check_plan(steps, len(image.image), weight_bytes)
    check_code(image, steps.machine, code.offset + place)
    return Variant(_read_meta(_contents(view, meta, verify=True)), steps, image)
