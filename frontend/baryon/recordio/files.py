"""Record files, read one after the other or by key.

Reading gives each call its own offset (`pread`), so that threads and forked workers can share a
file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self, TextIO

from baryon.recordio.framing import RecordError, framed, read_record

PathLike = str | os.PathLike[str]


def index_of(record_file: PathLike) -> str:
    """The path of the `.idx` file that belongs to a `.rec` file."""
    return str(Path(record_file).with_suffix(".idx"))


class MXRecordIO:
    """A record file, open for reading ("r") or for writing ("w")."""

    def __init__(self, uri: PathLike, flag: str) -> None:
        if flag not in {"r", "w"}:
            raise RecordError(f"flag {flag!r} is not 'r' (read) or 'w' (write)")
        self.uri, self.flag, self.writable = os.fspath(uri), flag, flag == "w"
        self.is_open = False
        self.open()

    def open(self) -> None:
        """Open the file (at its beginning); a file to write is emptied."""
        try:
            self._file: IO[bytes] = Path(self.uri).open(f"{self.flag}b")  # noqa: SIM115
        except OSError as error:
            raise RecordError(f"cannot open {self.uri}: {error.strerror}") from error
        self._pid, self._offset, self.is_open = os.getpid(), 0, True

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        if self.is_open:
            self._file.close()
            self.is_open = False

    def reset(self) -> None:
        """Start again at the first record; a file to write is emptied."""
        self.close()
        self.open()

    def read(self) -> bytes | None:
        """The next record, or None at the end of the file."""
        self._need("r")
        if self._offset == os.fstat(self._file.fileno()).st_size:
            return None
        data, self._offset = read_record(self._pread, self._offset, self.uri)
        return data

    def write(self, buf: bytes) -> None:
        """Append a record."""
        self._need("w")
        self._file.write(framed(bytes(buf)))

    def tell(self) -> int:
        """The offset in bytes where the next record is written."""
        self._need("w")
        return self._file.tell()

    def _pread(self, count: int, offset: int) -> bytes:
        return os.pread(self._file.fileno(), count, offset)

    def _need(self, flag: str) -> None:
        if not self.is_open:
            raise RecordError(f"{self.uri} is closed")
        if flag != self.flag:
            done = "read" if flag == "r" else "written"
            raise RecordError(f"{self.uri} is open with flag {self.flag!r} and cannot be {done}")
        if self.writable and self._pid != os.getpid():
            raise RecordError(f"{self.uri} is written by another process, {self._pid}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "is_open", False):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        if self.writable:
            raise RecordError(f"{self.uri} is being written and cannot be sent to another process")
        return {k: v for k, v in self.__dict__.items() if k != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.is_open:
            self.open()
            self._offset = state["_offset"]


class MXIndexedRecordIO(MXRecordIO):
    """A record file with an index: `idx_path` has a line `key<TAB>offset` for each record."""

    def __init__(
        self, idx_path: PathLike, uri: PathLike, flag: str, key_type: Callable[[str], Any] = int
    ) -> None:
        self.idx_path, self.key_type = os.fspath(idx_path), key_type
        self.idx: dict[Any, int] = {}
        self.keys: list[Any] = []
        self._index: TextIO | None = None
        super().__init__(uri, flag)

    def open(self) -> None:
        """Open both files."""
        super().open()
        self.idx, self.keys = {}, []
        if self.writable:
            self._index = Path(self.idx_path).open("w", encoding="utf-8")  # noqa: SIM115
        else:
            self._read_index()

    def close(self) -> None:
        """Close both files."""
        super().close()
        if self._index is not None:
            self._index.close()
            self._index = None

    def _read_index(self) -> None:
        try:
            lines = Path(self.idx_path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise RecordError(
                f"cannot open the index {self.idx_path}: {error.strerror}",
                hint="without an index, read the records in order with MXRecordIO",
            ) from error
        for number, line in enumerate(lines, 1):
            self._add(*self._parsed(line, number))

    def _parsed(self, line: str, number: int) -> tuple[Any, int]:
        key, _, offset = line.strip().partition("\t")
        try:
            return self.key_type(key), int(offset)
        except ValueError as error:
            raise RecordError(
                f"line {number} is not '<key><TAB><offset>': {line[:40]!r}", where=self.idx_path
            ) from error

    def _add(self, key: Any, offset: int) -> None:
        self.idx[key] = offset
        self.keys.append(key)

    def seek(self, idx: Any) -> None:
        """Let the next `read` begin at the record of a key."""
        self._need("r")
        self._offset = self._offset_of(idx)

    def read_idx(self, idx: Any) -> bytes:
        """The record of a key; where `read` stands does not change."""
        self._need("r")
        return read_record(self._pread, self._offset_of(idx), self.uri)[0]

    def write_idx(self, idx: Any, buf: bytes) -> None:
        """Append a record with a key."""
        key, offset = self.key_type(idx), self.tell()
        self.write(buf)
        assert self._index is not None
        self._index.write(f"{key}\t{offset}\n")
        self._add(key, offset)

    def _offset_of(self, idx: Any) -> int:
        try:
            return self.idx[idx]
        except KeyError:
            raise KeyError(f"{self.idx_path} has no record {idx!r}") from None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_index": None}
