"""The store of one process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from baryon.array import ndarray
from baryon.atomic import replace_file
from baryon.kvstore.base import (
    Key,
    KVStoreBase,
    KVStoreError,
    Values,
    capable,
    listed,
    put,
    refuse,
    total,
)
from baryon.optimizer import Optimizer, Updater, get_updater


class KVStore(KVStoreBase):
    """Arrays by key, which are all ints or all strings; a list of keys takes a list of values.

    Values are arrays or lists of arrays (one per device), which are added up. With an optimizer,
    what is pushed are gradients that update the stored arrays.
    """

    def __init__(self, kind: str = "local") -> None:
        self._kind = kind
        self._arrays: dict[Key, ndarray] = {}
        self._updater: Updater | None = None

    def init(self, key: Any, value: Any) -> None:
        """Store first values; KVStoreError for a key that has one."""
        for k, v in _each(key, value):
            if k in self._arrays:
                raise KVStoreError(f"the key {k!r} is initialized already")
            self._check_kind(k)
            self._arrays[k] = listed(v)[0].copy()

    def push(self, key: Any, value: Any, priority: int = 0) -> None:
        """Add up values, and store the sum or update by it."""
        for k, v in _each(key, value):
            stored = self._stored(k)
            if self._updater is None:
                put(total(v), stored)
            else:
                self._updater(k, total(v), stored)

    def pull(
        self, key: Any, out: Any = None, priority: int = 0, ignore_sparse: bool = True
    ) -> None:
        """Copy stored arrays to `out`."""
        if out is None:
            raise KVStoreError("pull needs out", hint="give arrays of the stored shapes")
        for k, o in _each(key, out):
            put(self._stored(k), o)

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        """`push` and then `pull`, to `value` itself without `out`."""
        for (k, v), (_, o) in zip(
            _each(key, value), _each(key, value if out is None else out), strict=True
        ):
            if self._updater is None and k not in self._arrays:
                put(total(v), o)
            else:
                self.push(k, v)
                self.pull(k, o)

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        """`init` and then `pull`."""
        self.init(key, value)
        self.pull(key, out)

    def row_sparse_pull(
        self, key: Any, out: Any = None, priority: int = 0, row_ids: Any = None
    ) -> NoReturn:
        """UnsupportedError: arrays are dense."""
        refuse("row_sparse_pull: there are no sparse arrays", "use pull")

    def set_gradient_compression(self, compression_params: Mapping[str, Any]) -> NoReturn:
        """UnsupportedError: nothing is sent, so nothing is compressed."""
        refuse("gradients are not compressed: they do not leave the process", "leave it out")

    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Update the stored arrays by an optimizer, with what is pushed as gradients."""
        self._updater = get_updater(optimizer)

    def save_optimizer_states(self, fname: str | Path, dump_optimizer: bool = False) -> None:
        """Write the optimizer's states (and counts) to a file, all or nothing."""
        data = self._optimizer_states().get_states(dump_optimizer)
        replace_file(fname, lambda file: file.write(data))

    def load_optimizer_states(self, fname: str | Path) -> None:
        """Read what `save_optimizer_states` wrote."""
        self._optimizer_states().set_states(Path(fname).read_bytes())

    def _optimizer_states(self) -> Updater:
        if self._updater is None:
            raise KVStoreError("the store has no optimizer", hint="call set_optimizer first")
        return self._updater

    @staticmethod
    def is_capable(capability: str) -> bool:
        """True for "optimizer"; KVStoreError for anything else."""
        return capable(capability, optimizer=True)

    @property
    def type(self) -> str:
        """"local", or the name it was created by."""  # fmt: skip
        return self._kind

    @property
    def rank(self) -> int:
        """0."""
        return 0

    @property
    def num_workers(self) -> int:
        """1."""
        return 1

    def _stored(self, key: Key) -> ndarray:
        if key not in self._arrays:
            raise KVStoreError(f"the key {key!r} is not initialized", hint="call init or broadcast")
        return self._arrays[key]

    def _check_kind(self, key: Key) -> None:
        known = next(iter(self._arrays), key)
        if not isinstance(key, int | str) or isinstance(known, str) != isinstance(key, str):
            raise KVStoreError(f"the key {key!r} is of another type than {known!r}")


def _each(key: Any, value: Any) -> list[tuple[Key, Values]]:
    if not isinstance(key, list | tuple):
        return [(key, value)]
    if len(key) != len(value):
        raise KVStoreError(f"{len(key)} keys, but {len(value)} values")
    return list(zip(key, value, strict=True))
