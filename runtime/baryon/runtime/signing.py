"""Sign artifacts (docs/spec/artifact.md, "Signature")."""

from __future__ import annotations

import importlib
import os
import stat
import struct
from pathlib import Path
from typing import Any

from baryon.runtime.errors import InputError, SignatureError
from baryon.runtime.executable import verify_file
from baryon.runtime.files import write_whole

_CONTEXT = b"baryon artifact signature 1\0"
_MAGIC = b"BARYSIG1"
_HEADER_BYTES = struct.Struct("<I")
_FILE_BYTES = struct.Struct("<Q")


def sign_file(path: str | os.PathLike[str], key: bytes, password: bytes | None = None) -> bytes:
    """Sign an artifact, in the place of the signature that it may have. Returns the public key.

    The file is checked first, and replaced as a whole: whoever has it open keeps what it was.
    key: a private key of Ed25519 in PEM; password: of an encrypted one. Needs `cryptography`, which
    the extra `sign` brings. Raises ArtifactError, InputError for a bad key, SignatureError where
    `cryptography` is missing, OSError.
    """
    target = Path(path).resolve()  # a link stays a link
    private, public = _key_of(key, password)
    verify_file(target)
    data = memoryview(target.read_bytes())
    unsigned = data[: _FILE_BYTES.unpack_from(data, 16)[0]]
    header = unsigned[: _HEADER_BYTES.unpack_from(unsigned, 12)[0]]
    signature = private.sign(_CONTEXT + header)
    mode = stat.S_IMODE(target.stat().st_mode)
    write_whole(target, unsigned, _MAGIC, public, signature, mode=mode)
    return public


def _key_of(pem: bytes, password: bytes | None) -> tuple[Any, bytes]:
    """A private key, and the 32 bytes of its public one."""
    try:
        serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    except ImportError as error:
        raise SignatureError(
            "signing needs the package cryptography: pip install cryptography"
        ) from error
    try:
        private = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError) as error:  # TypeError: a password is missing, or not needed
        raise InputError(f"not a private key in PEM: {error}") from error
    ed25519 = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise InputError(
            "not a key of Ed25519: `openssl genpkey -algorithm ed25519 -out key.pem` makes one"
        )
    return private, private.public_key().public_bytes_raw()
