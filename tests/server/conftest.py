"""A folder of small models, and a server of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.artifacts import affine, build, counted, pair
from server.networks import slow, types
from server.process import Served


@pytest.fixture(scope="session")
def artifacts() -> dict[str, bytes]:
    """Small networks by name: one input, two inputs, several dtypes, and one that takes long."""
    nets = {"affine": affine(), "pair": pair(), "types": types(), "slow": slow()}
    nets["counted"] = counted()
    return {name: build(net) for name, net in nets.items()}


@pytest.fixture(scope="module")
def served(
    artifacts: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server of all of them that is not changed by tests."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("affine", "pair", "types", "counted"):
        (folder / f"{name}.baryon").write_bytes(artifacts[name])
    with Served(folder) as server:
        yield server


@pytest.fixture
def models(artifacts: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder with the model `affine`, version 1, for a test to change."""
    version = tmp_path / "models" / "affine" / "1"
    version.mkdir(parents=True)
    (version / "net.baryon").write_bytes(artifacts["affine"])
    return tmp_path / "models"
