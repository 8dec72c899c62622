"""Requests as a client that is not ours could write them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATATYPES = {"float32": "FP32", "int64": "INT64", "uint8": "UINT8", "bool": "BOOL"}
LENGTH = "Inference-Header-Content-Length"


def tensor(name: str, array: NDArray[Any]) -> dict[str, Any]:
    """An input without data."""
    return {"name": name, "shape": [*array.shape], "datatype": DATATYPES[str(array.dtype)]}


def in_json(**inputs: NDArray[Any]) -> dict[str, Any]:
    """All in JSON."""
    return {"inputs": [tensor(n, a) | {"data": a.ravel().tolist()} for n, a in inputs.items()]}


def in_binary(binary_answer: bool = True, **inputs: NDArray[Any]) -> tuple[bytes, dict[str, str]]:
    """Body and headers, all inputs as raw bytes."""
    entries = [
        tensor(n, a) | {"parameters": {"binary_data_size": a.nbytes}} for n, a in inputs.items()
    ]
    document = {"inputs": entries, "parameters": {"binary_data_output": binary_answer}}
    head = json.dumps(document).encode()
    return head + b"".join(a.tobytes() for a in inputs.values()), {LENGTH: str(len(head))}


def arrays_of(body: bytes, length: str | None) -> dict[str, NDArray[Any]]:
    """The outputs in an answer by name."""
    head = json.loads(body[: int(length)] if length else body)
    names = {short: long for long, short in DATATYPES.items()}
    offset, found = int(length or 0), {}
    for entry in head["outputs"]:
        dtype = np.dtype(names[entry["datatype"]])
        size = entry.get("parameters", {}).get("binary_data_size")
        if size is None:
            found[entry["name"]] = np.array(entry["data"], dtype).reshape(entry["shape"])
        else:
            raw = body[offset : offset + size]
            found[entry["name"]] = np.frombuffer(raw, dtype).reshape(entry["shape"])
            offset += size
    return found
