"""`baryon sign`, `baryon verify`, and `--require-signature`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.artifacts import affine, build
from runtime.keys import Key

from .conftest import Run

OWN, OTHER = Key(3), Key(4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.baryon").write_bytes(build(affine()))
    (tmp_path / "key.pem").write_bytes(OWN.private_pem())
    (tmp_path / "public.pem").write_bytes(OWN.public_pem)
    (tmp_path / "other.pem").write_bytes(OTHER.public_pem)
    np.save(tmp_path / "x.npy", np.ones((2, 4), np.float32))
    return tmp_path


def test_sign_verify_run(baryon: Run, folder: Path) -> None:
    net, keys = folder / "net.baryon", ["--require-signature", folder / "public.pem"]
    assert baryon("verify", net).out.endswith("net.baryon: whole\n")
    unsigned = baryon("run", net, "-i", folder / "x.npy", *keys)
    assert unsigned.status == 1
    assert "is not signed" in unsigned.err
    signed = baryon("sign", net, "--key", folder / "key.pem")
    assert signed.out.endswith(f"net.baryon: signed by {OWN.raw.hex()}\n")
    assert "signed by a required key" in baryon("verify", net, *keys).out
    assert baryon("run", net, "-i", folder / "x.npy", *keys).status == 0
    assert baryon("inspect", net).status == 0
    foreign = baryon("verify", net, "--require-signature", folder / "other.pem")
    assert foreign.status == 1
    assert "not trusted" in foreign.err


def test_a_key_with_a_password(baryon: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key.pem").write_bytes(OWN.private_pem(b"secret"))
    monkeypatch.setattr("click.prompt", lambda *_, **__: "secret")
    assert baryon("sign", folder / "net.baryon", "--key", folder / "key.pem").status == 0
    monkeypatch.setattr("click.prompt", lambda *_, **__: "guess")
    refused = baryon("sign", folder / "net.baryon", "--key", folder / "key.pem")
    assert refused.status == 1
    assert "not a private key" in refused.err
