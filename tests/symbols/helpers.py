"""Small symbols as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baryon.array.files import save_arrays

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Case:
    """An operator as MXNet exported it, with what MXNet computed."""

    name: str
    text: str
    inputs: dict[str, Any]
    outputs: list[Any]


def recorded(version: str) -> Iterator[Case]:
    """The cases that `python -m checkpoints.cases` wrote with a version of MXNet."""
    with np.load(DATA / f"cases-{version}.npz") as found:
        for i, name in enumerate(found["names"]):
            start, end = f"in_{i}_", f"out_{i}_"
            inputs = {k.removeprefix(start): found[k] for k in found.files if k.startswith(start)}
            count = sum(k.startswith(end) for k in found.files)
            outputs = [found[f"{end}{k}"] for k in range(count)]
            yield Case(str(name), str(found[f"json_{i}"]), inputs, outputs)


def node(op: str, name: str, inputs: Sequence[Any] = (), **attrs: str) -> dict[str, Any]:
    """A node of today's form; an input is the number of a node, or a list."""
    listed = [[i, 0, 0] if isinstance(i, int) else i for i in inputs]
    return {"op": op, "name": name, "inputs": listed, **({"attrs": attrs} if attrs else {})}


def symbol(nodes: Sequence[Any], heads: Sequence[Any] = (), **attrs: Any) -> dict[str, Any]:
    """The content of a file; the last node is the head unless others are named."""
    found = [[h, 0, 0] if isinstance(h, int) else h for h in heads] or [[len(nodes) - 1, 0, 0]]
    variables = [i for i, n in enumerate(nodes) if n["op"] == "null"]
    stated = {"mxnet_version": ["int", 10901], **attrs}
    return {"nodes": [*nodes], "arg_nodes": variables, "heads": found, "attrs": stated}


def saved(
    folder: Path, content: Any, params: Mapping[str, Any] | None = None, name: str = "net"
) -> Path:
    """Write NAME-symbol.json, and NAME-0000.params where there are parameters."""
    path = folder / f"{name}-symbol.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    if params is not None:
        save_arrays(folder / f"{name}-0000.params", params)
    return path
