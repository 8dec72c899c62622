"""Object code out of a compiled TVM module."""

from __future__ import annotations

import os
from typing import Any

from baryon.codegen.tvm import Executable


def object_bytes(module: Any) -> bytes:
    """ELF object of a compiled module: what `tvm.compile` returns, its `.mod`, or an LLVM module.

    TVM only writes to a path, so the path names a file in memory.
    """
    # not getattr: a module takes any attribute for a function's name, and compiles itself to look
    module = module.mod if isinstance(module, Executable) else module
    module = module.imports[0] if module.imports else module
    descriptor = os.memfd_create("baryon-object")
    try:
        module.write_to_file(f"/proc/self/fd/{descriptor}", "o")
        return _read_all(descriptor)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()
