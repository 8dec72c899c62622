"""The list of networks, and where their files are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
import onnx

from benchmark.networks.convolutional import mobilenet_v2, resnet50
from benchmark.networks.light import NAMES, light
from benchmark.networks.rebatch import rebatch
from benchmark.networks.recurrent import lstm_lm
from benchmark.networks.transformer import bert_base, vit_s16


@dataclass(frozen=True)
class Network:
    """A network of the panel.

    write: makes it for a batch. integers: for inputs of whole numbers, how many different values
    they take, from 0 on; other inputs are normal numbers.
    """

    name: str
    write: Callable[[int], onnx.ModelProto]
    integers: Mapping[str, int] = field(default_factory=dict)


def _light(name: str, batch: int) -> onnx.ModelProto:
    return rebatch(light(name), batch)


PANEL = (
    *(Network(name, partial(_light, name)) for name in NAMES),
    Network("resnet50", resnet50),
    Network("mobilenet_v2", mobilenet_v2),
    Network("vit_s16", vit_s16),
    Network("bert_base", bert_base, {"ids": 30522, "segments": 2, "valid": 2}),
    Network("lstm_lm", lstm_lm, {"ids": 10000}),
)


def model_file(network: Network, batch: int) -> Path:
    """The ONNX file of a network, written now if this version of it is not in the cache."""
    stem = f"{network.name}-batch{batch}"
    path = cache_folder() / f"{stem}-{_version()}.onnx"
    if not path.exists():
        for older in path.parent.glob(f"{stem}-*"):
            older.unlink()
        temporary = path.with_suffix(f".{os.getpid()}.part")
        onnx.save(network.write(batch), str(temporary))
        temporary.replace(path)
    return path


def cache_folder() -> Path:
    """The folder for what the benchmark keeps: about 5 GB for the whole panel."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "baryon" / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _version() -> str:
    """A digest of what the files depend on."""
    digest = hashlib.sha256(f"{onnx.__version__} {np.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
