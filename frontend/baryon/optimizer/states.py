"""States of optimizers as bytes: an npz archive of the arrays and a JSON text of the rest.

Nothing in the file is code: reading a file from elsewhere runs nothing.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from baryon import lr_scheduler
from baryon.array import ArrayBase, ndarray
from baryon.ir import DTYPES, BaryonError
from baryon.optimizer.base import Optimizer

_META = "meta"
_VERSION = 1


class StatesError(BaryonError, ValueError):
    """Bytes that are not states, or states of another optimizer."""


def dump(states: Mapping[Any, Any], optimizer: Optimizer | None) -> bytes:
    """The states by parameter and, if an optimizer is given, its numbers and counts."""
    arrays: dict[str, Any] = {}
    meta = {
        "version": _VERSION,
        "states": [[_key(k), _packed(v, arrays)] for k, v in states.items()],
        "optimizer": None if optimizer is None else _numbers(optimizer),
    }
    arrays[_META] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def load(data: bytes) -> tuple[dict[Any, Any], dict[str, Any] | None]:
    """The states by parameter, and what `dump` took of the optimizer."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = dict(archive)
        meta = json.loads(arrays[_META].tobytes())
        states = {k: _unpacked(v, arrays) for k, v in meta["states"]}
    except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise StatesError(
            "these bytes are not states of an optimizer",
            hint="MXNet's are pickled and cannot be read safely: save them again with baryon",
        ) from error
    return states, meta["optimizer"]


def restore(optimizer: Optimizer, numbers: Mapping[str, Any]) -> None:
    """Set an optimizer's numbers and counts from `dump`; StatesError if it is of another class."""
    name = type(optimizer).__name__
    if numbers["class"] != name:
        raise StatesError(f"the states are of {numbers['class']}, the optimizer is {name}")
    for key, value in numbers["attributes"].items():
        setattr(optimizer, key, value)
    optimizer._index_update_count = dict(map(tuple, numbers["counts"]))
    if numbers["schedule"] is not None:
        _restore_schedule(optimizer, *numbers["schedule"])


def _restore_schedule(optimizer: Optimizer, name: str, attributes: Mapping[str, Any]) -> None:
    current = optimizer.lr_scheduler
    if current is None or type(current).__name__ != name:
        klass = getattr(lr_scheduler, name, None)
        if not (isinstance(klass, type) and issubclass(klass, lr_scheduler.LRScheduler)):
            raise StatesError(
                f"the states need the schedule {name}, which the optimizer does not have"
            )
        current = optimizer.lr_scheduler = klass.__new__(klass)
    for key, value in attributes.items():
        setattr(current, key, value)


def _numbers(optimizer: Optimizer) -> dict[str, Any]:
    schedule = optimizer.lr_scheduler
    return {
        "class": type(optimizer).__name__,
        "attributes": _plain_attributes(optimizer),
        "counts": [[_key(k), n] for k, n in optimizer._index_update_count.items()],
        "schedule": schedule and [type(schedule).__name__, _plain_attributes(schedule)],
    }


def _plain_attributes(x: Any) -> dict[str, Any]:
    """The public attributes that JSON can hold."""
    return {
        k: v
        for k, v in vars(x).items()
        if not k.startswith("_") and (v is None or isinstance(v, bool | int | float | str | list))
    }


def _key(key: Any) -> int | str:
    if isinstance(key, int | str):
        return key
    raise StatesError(f"the parameter's index {key!r} is neither a number nor a string")


def _packed(state: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(state, ArrayBase):
        name = f"{len(arrays)}"
        data = state.elements("saving states", "save outside the trace")
        arrays[name] = data.view(f"u{data.itemsize}")  # npz knows no bfloat16
        return [name, state.type.dtype.name]
    return None if state is None else {"parts": [_packed(s, arrays) for s in state]}


def _unpacked(packed: Any, arrays: Mapping[str, Any]) -> Any:
    if packed is None:
        return None
    if isinstance(packed, dict):
        return tuple(_unpacked(p, arrays) for p in packed["parts"])
    name, dtype = packed
    return ndarray(arrays[name].view(DTYPES[dtype].numpy))
