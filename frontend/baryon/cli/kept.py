"""Artifacts that were compiled before: the same model, options, machine and compiler.

They lie beside the kernels in the user's cache (see `baryon.codegen.cache`), and are looked up
before anything of the compiler is imported, which takes longer than copying them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baryon.cli.outputs import replacing
from baryon.codegen.cache import KernelCache, default_cache, key_of, tuning_path

SHARE = 2
"""An artifact of more than the limit over this is not kept: it would push out all others."""
BLOCK = 8 << 20
"""Bytes that are digested at a time."""
PACKAGES = tuple(
    f"baryon.{name}"
    for name in ("api", "build", "codegen", "importers", "interp", "ir", "ops", "passes", "rewrite",
        "tune")
)  # fmt: skip
EXTERNAL = b"location"
"""A key of ONNX tensors whose data lies in another file."""


@dataclass(frozen=True)
class Kept:
    """The place in the cache of what one compilation makes."""

    store: KernelCache
    artifact: Path

    @property
    def notes(self) -> Path:
        """The file with its summary."""
        return self.artifact.with_suffix(".json")

    def take(self, output: Path) -> dict[str, Any] | None:
        """Write the artifact to `output` and return its summary.

        None if it is not there, or `output` is no ordinary file.
        """
        start = time.perf_counter()
        if output.exists() and not output.is_file():
            return None
        try:
            summary: dict[str, Any] = json.loads(self.notes.read_text(encoding="utf-8"))
            whole = self.artifact.stat().st_size == summary["bytes"]
            digest = summary.pop("sha256")
        except (OSError, ValueError, KeyError):
            return None
        if not whole or _digest(self.artifact) != digest:
            return None
        with replacing(output) as temporary:
            _link(self.artifact, temporary)
        for used in (self.artifact, self.notes):
            os.utime(used)
        seconds = round(time.perf_counter() - start, 3)
        return summary | {
            "output": str(output), "seconds": {"kept": seconds}, "total_seconds": seconds,
        }  # fmt: skip

    def keep(self, output: Path, summary: dict[str, Any]) -> None:
        """Remember what was written. A cache that is full or gone is no error."""
        size = summary["bytes"]
        if size is None or size > self.store.limit // SHARE:
            return
        with suppress(OSError):
            with replacing(self.artifact) as temporary:
                _link(output, temporary)
            with replacing(self.notes) as temporary:
                notes = summary | {"sha256": _digest(output)}
                temporary.write_text(json.dumps(notes), encoding="utf-8")
        self.store.trim()


def find_kept(model: Path, choices: tuple[object, ...], tuning: str | None) -> Kept | None:
    """Where the artifact of a model file is kept, or will be; None where nothing can be.

    choices: the options that decide what is made. tuning: the file of measured choices, as the
    option says it.
    """
    store = default_cache()
    if store is None or store.folder is None:
        return None
    digest = _content(model)
    if digest is None:
        return None
    key = key_of(digest, model.name, choices, _tuning(tuning), *_machine(), packages=PACKAGES)
    return Kept(store, store.folder / f"{key}.baryon")


def _link(source: Path, name: Path) -> None:
    """Another name for a file, a copy of it on another file system.

    Who writes into one of them writes into both, which a digest tells.
    """
    try:
        name.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, name)


def _content(model: Path) -> str | None:
    """The digest of a file; None where it is empty or may refer to other files."""
    if model.suffix == ".json":  # a symbol of MXNet, whose weights are elsewhere
        return None
    try:
        return _digest(model, EXTERNAL) if model.stat().st_size else None
    except _RefersError:
        return None


class _RefersError(Exception):
    """A model that may have parts elsewhere."""


def _digest(path: Path, refused: bytes | None = None) -> str:
    """SHA-256 of the digests of a file's blocks, which two threads compute.

    Raises _RefersError for a file in which `refused` occurs.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:

        def block(start: int) -> bytes:
            end = start + BLOCK
            if refused and content.find(refused, start, end + len(refused) - 1) >= 0:
                raise _RefersError
            with memoryview(content) as whole, whole[start:end] as part:
                return hashlib.sha256(part).digest()

        with ThreadPoolExecutor(2) as pool:
            digests = pool.map(block, range(0, len(content), BLOCK))
            return hashlib.sha256(b"".join(digests)).hexdigest()


def _tuning(name: str | None) -> str:
    """A digest of the measured choices that would be read."""
    path = tuning_path(name)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else ""


def _machine() -> Iterator[object]:
    """What `native` depends on, and variables that switch patterns off."""
    yield os.cpu_count()
    cpuinfo, told = Path("/proc/cpuinfo"), ("model", "model name", "cpu family", "flags")
    if cpuinfo.exists():
        first = cpuinfo.read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
        yield [line for line in first if line.partition(":")[0].strip() in told]
    for size in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")):
        yield size.read_text(encoding="utf-8")
    yield sorted(pair for pair in os.environ.items() if pair[0].startswith("MXNET_"))
