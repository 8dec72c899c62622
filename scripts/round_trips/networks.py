"""The networks: one line for each kind of what comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from baryon.gluon.model_zoo import vision
from benchmark.networks import PANEL, Network, model_file
from benchmark.networks.qdq import qdq_file
from exported.archive import models_of
from round_trips.sources import Source, drawn, packed_source, symbol_source, zoo_source

Start = Callable[[Path], Source]
"""From a folder for scratch files to the network."""

_TESTS = Path(__file__).parents[2] / "tests"
_TORCH = _TESTS / "frontend" / "torch_files.tar.xz"
_SYMBOLS = _TESTS / "symbols" / "data"
_OF_SYMBOLS: Mapping[str, Mapping[str, bool]] = {
    "lstm": {}, "transformer": {}, "detector": {"ranked": True}, "int8": {"coded": True}
}  # fmt: skip


def _panel(network: Network, _: Path) -> Source:
    return drawn(model_file(network, 1), network.integers)


def _coded(network: Network, _: Path) -> Source:
    return drawn(qdq_file(network, 1), network.integers)


def _zoo(name: str, _: Path) -> Source:
    return zoo_source(name, 299 if "inception" in name else 224)


def _symbols(version: str, name: str, _: Path) -> Source:
    return symbol_source(_SYMBOLS / version / name, **_OF_SYMBOLS[name])


def networks() -> dict[str, Start]:
    """All by name: files, the same quantized, the model zoo, files of MXNet and of torch."""
    versions = sorted(folder.name for folder in _SYMBOLS.iterdir() if folder.is_dir())
    return {
        **{n.name: partial(_panel, n) for n in PANEL},
        **{f"{n.name}-int8": partial(_coded, n) for n in PANEL},
        **{f"gluon-{name}": partial(_zoo, name) for name in vision.MODELS},
        **{f"mxnet{v}-{n}": partial(_symbols, v, n) for v in versions for n in _OF_SYMBOLS},
        **{f"torch-{name}": partial(packed_source, _TORCH, name) for name in models_of(_TORCH)},
    }
