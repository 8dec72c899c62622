"""Damaged symbols and parameters of MXNet: the importer reads them, or refuses them by design.

Seeds are the operators and the small networks that MXNet exported for the tests. An input is the
text of a symbol, a mark, and the bytes of a file of parameters. They are changed as bytes, or value
by value, which gets behind the parser of JSON.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from baryon.importers import import_mxnet
from baryon.importers.mxnet.attributes import TYPE_NUMBERS
from baryon.ir import BaryonError
from fuzz.mutate import mutated

_DATA = Path(__file__).parents[1] / "symbols" / "data"
_MARK = b"\n--parameters--\n"
_LARGEST_SEED = 20_000
_MEMORY = 6 << 30
_TEXTS = (
    "", "None", "True", "0", "1", "-1", "(", "()", "(0,)", "(2, 3)", "(3, 3)", "[1,1]", "(-1, 0)",
    "(-4, 2, -1)", "2147483648", "9223372036854775807", "(100000, 100000)", "1e300", "nan", "inf",
    "float16", "int8", "uint8", "int64", "bool", "max", "avg", "full", "relu", "lstm", "\0", "é",
)  # fmt: skip
_NUMBERS = (-(2**63), -1, 0, 1, 2, 3, 7, 100, 2**31, 2**63)
_WORDS = (
    b'"op":', b'"null"', b"[[0, 0, 0]]", b"-1", b"{}", b"[]", b'"attrs":', b"1e999",
    struct.pack("<Q", 0x112), struct.pack("<I", 0xF993FAC9), b"PK\x03\x04", b"\x93NUMPY",
)  # fmt: skip


@cache
def seeds() -> list[bytes]:
    """Operators with the shapes of their inputs, and networks with their parameters."""
    found = []
    for path in sorted(_DATA.glob("cases-*.npz")):
        with np.load(path) as cases:
            for i in range(len(cases["names"])):
                start = f"in_{i}_"
                given = {
                    k.removeprefix(start): cases[k] for k in cases.files if k.startswith(start)
                }
                found.append(_with_shapes(str(cases[f"json_{i}"]), given) + _MARK)
    found.append(_with_list(found[0]))
    return [seed for seed in found if len(seed) <= _LARGEST_SEED]


def _with_shapes(text: str, inputs: dict[str, Any]) -> bytes:
    content, listed = json.loads(text), [*inputs.values()]
    for node in content["nodes"]:
        if node["op"] == "null":
            name = node["name"]
            x = inputs[name] if name in inputs else listed[int(name[4:] or 0)]
            kind = str(TYPE_NUMBERS.index(x.dtype.name))
            node["attrs"] = {"__shape__": str(x.shape), "__dtype__": kind}
    return json.dumps(content).encode()


def _with_list(seed: bytes) -> bytes:
    """A seed whose input has a value, in MXNet 1's list of arrays."""
    values = np.ones((2, 3, 4), np.float32)
    name = json.loads(seed.split(_MARK)[0])["nodes"][0]["name"].encode()
    array = struct.pack("<Ii i3q iii", 0xF993FAC9, 0, 3, 2, 3, 4, 1, 0, 0) + values.tobytes()
    head = struct.pack("<QQQ", 0x112, 0, 1)
    names = struct.pack("<QQ", 1, 4 + len(name)) + b"arg:" + name
    made: bytes = seed + head + array + names
    return made


class Symbols:
    """The importer as a target."""

    def __init__(self) -> None:
        self._seeds = seeds()
        self._names = self._operators()
        self._folder = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="baryon-fuzz-")
        self._symbol = Path(self._folder.name) / "net-symbol.json"
        self._params = Path(self._folder.name) / "net-0000.params"
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def input(self, r: random.Random) -> bytes:
        """A changed network."""
        seed = r.choice(self._seeds)
        if r.randrange(4) == 0:
            return mutated(seed, self._seeds, _WORDS, r)
        text, params = seed.split(_MARK)
        content = json.loads(text)
        for _ in range(1 + r.randrange(3)):
            _change(content, r, self._names)
        return json.dumps(content).encode() + _MARK + params

    def judge(self, data: bytes) -> str:
        """Read both files; returns what came of it."""
        symbol, _, params = data.partition(_MARK)
        self._symbol.write_bytes(symbol)
        self._params.unlink(missing_ok=True)
        if params:
            self._params.write_bytes(params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                import_mxnet(self._symbol)
            except BaryonError as error:
                return type(error).__name__
        return "imported"

    def _operators(self) -> list[str]:
        texts = (json.loads(seed.split(_MARK)[0]) for seed in self._seeds)
        return sorted({node["op"] for text in texts for node in text["nodes"]})


def _change(content: Any, r: random.Random, operators: list[str]) -> None:
    """Change one value somewhere below."""
    nodes = content.get("nodes")
    node = r.choice(nodes) if isinstance(nodes, list) and nodes else {}
    if not isinstance(node, dict):
        return
    match r.randrange(6):
        case 0 if isinstance(node.get("op"), str):
            node["op"] = r.choice(operators)
        case 1 if node.get("inputs"):
            r.choice(node["inputs"])[:1] = [r.choice(_NUMBERS)]
        case 2 if node.get("inputs"):
            node["inputs"] = r.choice(([*node["inputs"]] * 2, node["inputs"][1:], []))
        case 3:
            content[r.choice(("heads", "nodes", "attrs"))] = r.choice(
                ([], {}, [[0, 0, 0]], 1, None)
            )
        case _:
            attrs = node.setdefault("attrs", {})
            key = r.choice([*attrs] or ["axis", "shape"])
            old = str(attrs.get(key, ""))
            attrs[key] = r.choice((*_TEXTS, old[:-1], old.replace("1", "0"), f"({old}, {old})"))
