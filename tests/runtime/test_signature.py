"""Signed artifacts are taken, all others are not; what is refused was never mapped as code."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import baryon.runtime as rt
from baryon.codegen.artifact import parse_artifact
from runtime.artifacts import CODE, META, PLAN, WEIGHTS, affine, affine_of, build, pair, start_of
from runtime.keys import CONTEXT, Key

OWN, OTHER = Key(1), Key(2)
FILE = build(affine())
SIGNED = OWN.signed(FILE)
TEXT = OWN.public_pem.decode()
X = np.ones((2, 4), np.float32)


def test_a_signed_file_is_taken() -> None:
    for keys in (OWN.public_pem, OTHER.public_pem + b"and\n" + OWN.public_pem):
        (y,) = rt.load(SIGNED, signed_by=keys)(X)
        np.testing.assert_allclose(y, affine_of(X), rtol=1e-5)
    assert len(bytes(rt.load(SIGNED)._native.artifact())) == len(FILE) + 104
    assert parse_artifact(SIGNED).meta == parse_artifact(FILE).meta


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def swapped_header() -> bytes:
    """The signed header of another artifact of the same size."""
    other = build(affine(features=()), meta={"made": "by hand", "size": "x" * 100})
    size = max(len(other), len(FILE))
    assert len(other) == len(FILE) == size
    return other[:96] + FILE[96:] + OWN.block(other)


def relabelled() -> bytes:
    """Signed by one key, said to be by another."""
    block = OTHER.block(FILE)
    return FILE + block[:8] + OWN.raw + block[40:]


REFUSED: dict[str, tuple[bytes, str]] = {
    "no signature": (FILE, "is not signed, and a signature is required"),
    "another key": (OTHER.signed(FILE), f"a key that is not trusted: {OTHER.raw.hex()}"),
    "another key, relabelled": (relabelled(), "signature is not good"),
    "signature of another artifact": (FILE + OWN.block(build(pair())), "signature is not good"),
    "signature without its context": (
        FILE + b"BARYSIG1" + OWN.raw + OWN.private.sign(FILE[:96]),
        "signature is not good",
    ),
    "wrong signature, first byte": (flipped(SIGNED, len(FILE) + 40), "signature is not good"),
    "wrong signature, last byte": (flipped(SIGNED, len(SIGNED) - 1), "signature is not good"),
    "zeros": (FILE + b"BARYSIG1" + OWN.raw + bytes(64), "signature is not good"),
    "no magic": (flipped(SIGNED, len(FILE)), "what follows is no signature"),
    "truncated": (SIGNED[:-1], "what follows is no signature"),
    "only the magic": (FILE + b"BARYSIG1", "what follows is no signature"),
    "extended": (SIGNED + b"\0", "what follows is no signature"),
    "twice": (SIGNED + OWN.block(FILE), "what follows is no signature"),
    "swapped header": (swapped_header(), "section table does not have its SHA-256"),
    "changed header": (flipped(SIGNED, 45), "signature is not good"),
    "changed table": (flipped(SIGNED, 97), "section table does not have its SHA-256"),
    "changed META": (flipped(SIGNED, start_of(FILE, META)), "META of variant 0 does not have"),
    "changed PLAN": (flipped(SIGNED, start_of(FILE, PLAN) + 9), "PLAN of variant 0 does not have"),
    "changed CODE": (flipped(SIGNED, start_of(FILE, CODE) + 5000), "CODE of variant 0 does not"),
    "changed WEIGHTS": (flipped(SIGNED, start_of(FILE, WEIGHTS)), "WEIGHTS does not have"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused(name: str, tmp_path: Path) -> None:
    data, message = REFUSED[name]
    path = tmp_path / "net.baryon"
    path.write_bytes(data)
    for check in (
        lambda: rt.load(data, signed_by=OWN.public_pem),
        lambda: rt.load(path, signed_by=OWN.public_pem),
        lambda: rt.verify_file(path, signed_by=OWN.public_pem),
    ):
        with pytest.raises((rt.SignatureError, rt.ArtifactError), match=message):
            check()


def test_every_byte_that_is_read_is_covered() -> None:
    """All but the zeros between sections: a flip of any other bit is refused."""
    taken = []
    for at in range(0, len(SIGNED), 7):
        try:
            rt.load(flipped(SIGNED, at), signed_by=OWN.public_pem)
            taken.append(at)
        except (rt.SignatureError, rt.ArtifactError):
            pass
    covered = {at for start, size in sections() for at in range(start, start + size)}
    assert not covered & set(taken)
    assert all(FILE[at] == 0 for at in taken)


def sections() -> list[tuple[int, int]]:
    (count,) = struct.unpack_from("<I", FILE, 32)
    entries = [struct.unpack_from("<QQ", FILE, 96 + 56 * i + 8) for i in range(count)]
    return [(0, 96 + 56 * count), *((start, size) for start, size in entries)]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (b"", "there is no line"),
        (b"\0\xff", "there is no line"),
        (OWN.private_pem(), "there is no line"),
        (b"-----BEGIN PUBLIC KEY-----\n", "has no line"),
        (TEXT.replace("MC", "MD", 1).encode(), "not one of Ed25519"),
        (TEXT.replace("A", "", 1).encode(), "not one of Ed25519"),
        (TEXT.replace("A", "*", 1).encode(), "not one of Ed25519"),
        (OWN.public_pem + b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "not one of Ed"),
    ],
)
def test_keys_that_are_none(keys: bytes, message: str) -> None:
    with pytest.raises(rt.InputError, match=message):
        rt.load(SIGNED, signed_by=keys)


# ---- Signing -----------------------------------------------------------------------------------


def test_sign_file(tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    path.write_bytes(FILE)
    path.chmod(0o640)
    link = tmp_path / "link.baryon"
    link.symlink_to(path)
    assert rt.sign_file(link, OTHER.private_pem()) == OTHER.raw
    assert path.read_bytes() == OTHER.signed(FILE)
    assert rt.sign_file(path, OWN.private_pem(b"secret"), b"secret") == OWN.raw
    assert path.read_bytes() == SIGNED
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.baryon", "net.baryon"]


def test_sign_refuses(tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    path.write_bytes(FILE)
    for key, password, message in [
        (b"", None, "not a private key"),
        (OWN.public_pem, None, "not a private key"),
        (OWN.private_pem(b"secret"), None, "not a private key in PEM: Password was not given"),
        (OWN.private_pem(b"secret"), b"guess", "not a private key"),
        (rsa_pem(), None, "not a key of Ed25519"),
    ]:
        with pytest.raises(rt.InputError, match=message):
            rt.sign_file(path, key, password)
    path.write_bytes(flipped(FILE, start_of(FILE, WEIGHTS)))
    with pytest.raises(rt.ArtifactError, match="WEIGHTS"):
        rt.sign_file(path, OWN.private_pem())


def rsa_pem() -> bytes:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem: bytes = rsa.generate_private_key(65537, 2048).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    return pem


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_makes_keys_and_agrees(tmp_path: Path) -> None:
    def openssl(*arguments: object) -> None:
        command = ["openssl", *map(str, arguments)]
        subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)

    openssl("genpkey", "-algorithm", "ed25519", "-out", "key.pem")
    openssl("pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
    path = tmp_path / "net.baryon"
    path.write_bytes(FILE)
    rt.sign_file(path, (tmp_path / "key.pem").read_bytes())
    rt.verify_file(path, tmp_path / "public.pem")
    (tmp_path / "message").write_bytes(CONTEXT + FILE[:96])
    (tmp_path / "signature").write_bytes(path.read_bytes()[-64:])
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "public.pem", "-in", "message",
            "-sigfile", "signature")  # fmt: skip


# ---- What is mapped ----------------------------------------------------------------------------


def mappings(path: Path) -> list[tuple[str, str]]:
    """(permissions, line) of the process's mappings of a file."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return [(line.split()[1], line) for line in lines if line.endswith(str(path))]


def test_code_is_mapped_to_execute_and_never_to_write(tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    path.write_bytes(SIGNED)
    executable = rt.load(path, signed_by=OWN.public_pem)
    permissions = {kind for kind, _ in mappings(path)}
    assert permissions == {"r--p", "r-xp"}
    assert behind_code(path) == "r--p"  # the addresses that code reads
    executable(X)
    assert {kind for kind, _ in mappings(path)} == {"r--p", "r-xp"}
    del executable
    assert mappings(path) == []


def behind_code(path: Path) -> str:
    """Permissions of what follows the code in memory."""
    (code,) = (line for kind, line in mappings(path) if "x" in kind)
    end = code.split("-")[1].split()[0]
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    (behind,) = (line for line in lines if line.startswith(f"{end}-"))
    return behind.split()[1]


WATCH = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>
static void note(int protection) {
  if (protection & PROT_EXEC) fputs(protection & PROT_WRITE ? "WRITE+EXEC\n" : "EXEC\n", stderr);
}
void* mmap(void* at, size_t n, int protection, int flags, int file, off_t offset) {
  void* (*next)(void*, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");
  note(protection);
  return next(at, n, protection, flags, file, offset);
}
int mprotect(void* at, size_t n, int protection) {
  int (*next)(void*, size_t, int) = dlsym(RTLD_NEXT, "mprotect");
  note(protection);
  return next(at, n, protection);
}
"""
LOAD = """
import sys
import baryon.runtime as rt
from baryon.runtime import _native
try:
    rt.load(sys.argv[1], verify=True, signed_by=sys.argv[2] if sys.argv[2:] else None)
    print("taken")
except (rt.ArtifactError, rt.SignatureError):
    print("refused")
"""
Watched = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Loads a file in a process whose requests for executable memory are written down."""
    folder = tmp_path_factory.mktemp("watch")
    (folder / "watch.c").write_text(WATCH)
    (folder / "keys.pem").write_bytes(OWN.public_pem)
    library = folder / "watch.so"
    source = str(folder / "watch.c")
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)

    def run(data: bytes, *, sign: bool) -> tuple[str, str]:
        path = folder / "net.baryon"
        path.write_bytes(data)
        command = [sys.executable, "-c", LOAD, str(path), *([str(folder / "keys.pem")] * sign)]
        environment = {**os.environ, "LD_PRELOAD": str(library)}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        lines = [line for line in done.stderr.splitlines() if "EXEC" in line]
        return done.stdout.strip(), " ".join(lines)

    return run


def test_code_is_mapped_after_all_checks(watched: Watched) -> None:
    _, start = watched(b"", sign=False)
    taken = f"{start} EXEC".strip()
    assert watched(FILE, sign=False) == ("taken", taken)
    assert watched(SIGNED, sign=True) == ("taken", taken)
    for kind in (META, PLAN, CODE, WEIGHTS):
        damaged = flipped(FILE, start_of(FILE, kind) + 8)
        assert watched(damaged, sign=False) == ("refused", start)
    for name in ("no signature", "another key", "wrong signature, last byte", "changed WEIGHTS"):
        assert watched(REFUSED[name][0], sign=True) == ("refused", start)
