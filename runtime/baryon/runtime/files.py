"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

Buffer = bytes | memoryview


def write_whole(target: Path, *parts: Buffer, mode: int | None = None) -> None:
    """Write a file's parts beside it and move it into its place. Raises OSError.

    mode: its permissions; None: those of any new file.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
