"""Files that are written whole or not at all. Imports nothing that takes time."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_destination(path: Path) -> None:
    """Raise OSError where no file can be written."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file to write", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write to", str(path.parent))
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "cannot be written", str(path))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file's name beside `path`, renamed to it when the block succeeds, removed when not.

    So a reader never sees half a file, and a failure leaves an older file as it was. What is there
    and is no ordinary file (a pipe, /dev/null) is written directly.
    """
    check_destination(path)
    final = Path(os.path.realpath(path))
    is_direct = final.exists() and not final.is_file()
    temporary = final if is_direct else final.with_name(f".{final.name}.{os.getpid()}.part")
    try:
        yield temporary
        if not is_direct:
            temporary.replace(final)
    except OSError as error:
        if error.filename is None:  # a write does not know the name of its file
            error.filename = str(path)
        raise
    finally:
        if not is_direct:
            temporary.unlink(missing_ok=True)
