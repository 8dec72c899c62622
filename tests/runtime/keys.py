"""Keys, and a second, independent writer of signatures."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONTEXT = b"baryon artifact signature 1\0"


@dataclass(frozen=True)
class Key:
    """A pair of keys, made from one byte."""

    seed: int

    @property
    def private(self) -> Any:
        """An `Ed25519PrivateKey`."""
        return Ed25519PrivateKey.from_private_bytes(bytes([self.seed] * 32))

    @property
    def raw(self) -> bytes:
        """The public one."""
        public: bytes = self.private.public_key().public_bytes_raw()
        return public

    @property
    def public_pem(self) -> bytes:
        """The public one, as openssl writes it."""
        public = self.private.public_key()
        kind = form.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = public.public_bytes(form.Encoding.PEM, kind)
        return pem

    def private_pem(self, password: bytes | None = None) -> bytes:
        """The private one, as openssl writes it."""
        lock = form.BestAvailableEncryption(password) if password else form.NoEncryption()
        kind = form.PrivateFormat.PKCS8
        pem: bytes = self.private.private_bytes(form.Encoding.PEM, kind, lock)
        return pem

    def block(self, file: bytes) -> bytes:
        """What stands behind an artifact that this key has signed."""
        (header_bytes,) = struct.unpack_from("<I", file, 12)
        signature: bytes = self.private.sign(CONTEXT + file[:header_bytes])
        return b"BARYSIG1" + self.raw + signature

    def signed(self, file: bytes) -> bytes:
        """A signed copy of an unsigned artifact."""
        return file + self.block(file)
