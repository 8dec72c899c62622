"""Write artifacts: to a path (all or nothing), to a file object, to bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from baryon.codegen.artifact import format as fmt
from baryon.codegen.artifact.check import check_code, check_features, check_names, check_plan
from baryon.codegen.artifact.encode import encode_code, encode_plan
from baryon.codegen.artifact.errors import ArtifactError
from baryon.codegen.artifact.plan import Artifact, Variant
from baryon.codegen.pages import release

Pieces = Iterable[bytes | memoryview]

_WRITTEN_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class _Section:
    kind: int
    variant: int
    align: int
    pieces: Pieces


def write_artifact(path: str | os.PathLike[str], artifact: Artifact) -> int:
    """Write an artifact to a file and return its size in bytes.

    The file appears complete or not at all: the bytes go to a temporary file in the same folder,
    which is flushed to disk and renamed. Equal artifacts give equal files. Raises ArtifactError.
    """
    try:
        return _write_and_rename(Path(path).resolve(), artifact)
    except OSError as error:
        raise ArtifactError(
            f"cannot write '{path}': {error.strerror or error}",
            hint="nothing was left behind; an earlier file of that name is unchanged",
        ) from error


def _write_and_rename(target: Path, artifact: Artifact) -> int:
    if target.exists() and not target.is_file():
        raise OSError("it is not a regular file")
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            size = write_artifact_to(file, artifact)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return size


def to_bytes(artifact: Artifact) -> bytes:
    """The artifact file as bytes: for small artifacts and tests."""
    file = io.BytesIO()
    write_artifact_to(file, artifact)
    return file.getvalue()


def write_artifact_to(file: BinaryIO, artifact: Artifact) -> int:
    """Write to a seekable file at its start, such as one in memory; returns the size in bytes.

    Weights go straight from their arrays to the file. Raises ArtifactError for an artifact that
    breaks a rule, before anything is written, and OSError if the file does.
    """
    sections = list(_sections(artifact))
    table = np.zeros(len(sections), fmt.SECTION)
    position = fmt.HEADER.itemsize + table.nbytes
    file.seek(0)
    file.write(bytes(position))
    for row, section in zip(table, sections, strict=True):
        padding = -position % section.align
        file.write(bytes(padding))
        size, digest = _write_pieces(file, section.pieces)
        row["kind"], row["variant"] = section.kind, section.variant
        row["offset"], row["bytes"], row["sha256"] = position + padding, size, np.void(digest)
        position += padding + size
    file.seek(0)
    file.write(_header(table.tobytes(), len(table), position))
    file.write(table.tobytes())
    file.seek(position)
    return position


def _sections(artifact: Artifact) -> Iterator[_Section]:
    if not artifact.variants:
        raise ArtifactError("an artifact needs a variant")
    check_names([variant.plan for variant in artifact.variants])
    for number, variant in enumerate(artifact.variants):
        _check_variant(artifact, variant)
        page = fmt.IMAGE_PAGE[variant.plan.machine]
        code = encode_code(variant.code, page)
        yield _Section(fmt.META, number, fmt.TABLE_ALIGN, [_meta(variant)])
        yield _Section(fmt.PLAN, number, fmt.TABLE_ALIGN, [encode_plan(variant.plan)])
        yield _Section(fmt.CODE, number, page, code)
    yield _Section(fmt.WEIGHTS, 0, fmt.PAGE, artifact.weights.pieces())


def _check_variant(artifact: Artifact, variant: Variant) -> None:
    check_features(variant.plan.features)
    check_plan(variant.plan, len(variant.code.image), artifact.weights.nbytes)
    check_code(variant.code, variant.plan.machine)
    first = artifact.variants[0].plan
    for key in ("inputs", "outputs"):
        same = [
            [
                (port.name, plan.tensors[port.tensor].dtype, plan.tensors[port.tensor].shape)
                for port in getattr(plan, key)
            ]
            for plan in (first, variant.plan)
        ]
        if same[0] != same[1]:
            raise ArtifactError(f"the variants differ in their {key}")


def _meta(variant: Variant) -> bytes:
    """Canonical JSON, so that equal values give equal bytes."""
    return json.dumps(
        variant.meta,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).encode()


def _write_pieces(file: BinaryIO, pieces: Pieces) -> tuple[int, bytes]:
    """Size and SHA-256 of what was written; a second thread computes it on the way."""
    digest, size = hashlib.sha256(), 0
    with ThreadPoolExecutor(1) as pool:
        for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(view), _WRITTEN_AT_ONCE):
                part = view[start : start + _WRITTEN_AT_ONCE]
                digested = pool.submit(digest.update, part)
                file.write(part)
                digested.result()
            size += len(view)
            release(piece)
    return size, digest.digest()


def _header(table: bytes, count: int, file_bytes: int) -> bytes:
    header = np.zeros(1, fmt.HEADER)
    header["magic"], header["version"] = fmt.MAGIC, fmt.VERSION
    header["header_bytes"] = header["table_offset"] = fmt.HEADER.itemsize
    header["file_bytes"], header["section_count"] = file_bytes, count
    header["table_sha256"] = np.void(hashlib.sha256(table).digest())
    return header.tobytes()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
