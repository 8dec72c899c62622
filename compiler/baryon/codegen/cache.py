"""Kernels that were compiled before: in this process, or by this user in any process.

`baryon compile` keeps whole artifacts in the same folder (`baryon.cli.kept`).

An entry is a file named by its key: SHA-256 of all that follows, one line of JSON, the ELF object.
It is written under another name and renamed, and checked when it is read: one that is damaged
counts as missing, and is replaced. Above a limit the entries unused for longest go.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

OFF = "off"
LIMIT = 2 << 30
"""Bytes of a folder."""
CODE_GENERATION = ("baryon.codegen", "baryon.ir", "baryon.ops")
TOOLS = ("apache-tvm", "llvmlite", "numpy")
_STARTED = time.time()
_IN_MEMORY = 64 << 20
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Entry:
    """A compiled kernel. notes: JSON that its user wants back with it."""

    object: bytes
    notes: Mapping[str, Any]

    def to_bytes(self, key: str) -> bytes:
        """The file of this entry."""
        line = json.dumps({"key": key, "notes": self.notes}, sort_keys=True)
        body = line.encode() + b"\n" + self.object
        return hashlib.sha256(body).digest() + body

    @staticmethod
    def from_bytes(data: bytes, key: str) -> Entry | None:
        """The entry in a file; None if it is damaged or another key's."""
        body = data[_DIGEST:]
        if hashlib.sha256(body).digest() != data[:_DIGEST]:
            return None
        line, _, code = body.partition(b"\n")
        header = json.loads(line)
        return Entry(code, header["notes"]) if header["key"] == key else None


@dataclass
class KernelCache:
    """Entries by key, in memory and in a folder.

    folder: None for memory only. limit: bytes of the folder above which `trim` removes the entries
    that were not used for longest.
    """

    folder: Path | None
    limit: int = LIMIT
    recent: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def find(self, key: str) -> Entry | None:
        """The entry of a key, or None."""
        data = self.recent.get(key) or self._read(key)
        entry = Entry.from_bytes(data, key) if data else None
        if data and entry:
            self._remember(key, data)
        return entry

    def add(self, key: str, entry: Entry) -> None:
        """Keep an entry; one of that key is replaced. A folder that is full or gone is no error."""
        data = entry.to_bytes(key)
        self._remember(key, data)
        if self.folder is None:
            return
        with suppress(OSError):
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).replace(self.folder / key)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def trim(self) -> None:
        """Remove entries until the folder is within three quarters of its limit, if it is over."""
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        if total <= self.limit:
            return
        for _, size, path in entries:
            if total <= self.limit * 3 // 4:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _read(self, key: str) -> bytes | None:
        if self.folder is None:
            return None
        path = self.folder / key
        try:
            data = path.read_bytes()
            os.utime(path)  # when it was last used
        except OSError:
            return None
        return data

    def _remember(self, key: str, data: bytes) -> None:
        with self._lock:
            self.recent.pop(key, None)
            self.recent[key] = data
            total = sum(map(len, self.recent.values()))
            while total > _IN_MEMORY and len(self.recent) > 1:
                total -= len(self.recent.pop(next(iter(self.recent))))

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, path) of each file, temporary ones that were left over among them."""
        if self.folder is None:
            return
        with suppress(OSError), os.scandir(self.folder) as found:
            for item in found:
                with suppress(OSError):
                    status = item.stat()
                    yield status.st_mtime, status.st_size, Path(item.path)


def default_cache() -> KernelCache | None:
    """The cache that `BARYON_CACHE` names, the user's own without it, None for `off`."""
    return _opened(os.environ.get("BARYON_CACHE", ""))


@cache
def _opened(name: str) -> KernelCache | None:
    if name == OFF:
        return None
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return KernelCache(private(Path(name or Path(base) / "baryon" / "kernels")))
    except RuntimeError:  # a user without a home
        return KernelCache(None)


def tuning_path(name: str | None = None) -> Path | None:
    """The file of measured choices: of that name, what BARYON_TUNING says, or the user's own.

    None for `off`, and for a user without a home.
    """
    name = name or os.environ.get("BARYON_TUNING", "")
    if name == OFF:
        return None
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return Path(name) if name else None
    return Path(name) if name else Path(base) / "baryon" / "tuning" / "choices.json"


def private(folder: Path) -> Path | None:
    """The folder, made if need be; None if it is not this user's, or open to others' writing.

    Kernels are machine code: who can write there could run anything as this user.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    is_ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return folder if is_ours and folder.is_dir() else None


def key_of(*parts: object, packages: tuple[str, ...] = CODE_GENERATION) -> str:
    """The digest of what a result depends on: `parts`, by their `repr`, and the compiler itself.

    packages: our own whose sources take part.
    """
    digest = hashlib.sha256(_compiler(packages).encode())
    for part in parts:
        text = repr(part).encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


@cache
def _compiler(packages: tuple[str, ...]) -> str:
    """Versions of what generates code, and a digest of our own sources that take part in it.

    Imports none of them: who finds what it looks for needs no compiler. Where sources changed under
    this process, what it runs is not what they say, and its keys are like no others.
    """
    digest = hashlib.sha256()
    for package in packages:
        spec = importlib.util.find_spec(package)
        assert spec is not None, package
        for root in map(Path, spec.submodule_search_locations or ()):
            for path in sorted(root.rglob("*.py")):
                digest.update(f"{path.relative_to(root)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
                if path.stat().st_mtime > _STARTED:
                    digest.update(secrets.token_bytes(16))
    return f"{[metadata.version(name) for name in TOOLS]} {digest.hexdigest()}"
