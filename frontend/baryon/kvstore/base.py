"""The interface of key-value stores, and the smallest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from baryon.array import ndarray
from baryon.ir import BaryonError, UnsupportedError, caller_loc
from baryon.registry import Registry

STORES: Registry[KVStoreBase] = Registry("key-value store")

Key = int | str
Values = ndarray | Sequence[ndarray]
"""An array, or one for each device."""


class KVStoreError(BaryonError, ValueError):
    """A key or value that a store does not take."""


class KVStoreBase:
    """Shares arrays between those who train together: override these methods and `register` it."""

    OPTIMIZER = "optimizer"
    """The capability of updating parameters in the store."""

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        """Copy the value of rank 0 to `out` of all."""
        raise NotImplementedError(f"{type(self).__name__} does not override broadcast")

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        """Add up the values of all; the sum goes to `out`, or to `value` itself."""
        raise NotImplementedError(f"{type(self).__name__} does not override pushpull")

    def set_optimizer(self, optimizer: Any) -> None:
        """Update the stored arrays by an optimizer, with what is pushed as gradients."""
        raise NotImplementedError(f"{type(self).__name__} does not override set_optimizer")

    @staticmethod
    def is_capable(capability: str) -> bool:
        """Whether the store can do something: "optimizer"."""
        raise NotImplementedError("a store overrides is_capable")

    def save_optimizer_states(self, fname: Any, dump_optimizer: bool = False) -> None:
        """Write the states of the store's optimizer to a file."""
        raise NotImplementedError(f"{type(self).__name__} keeps no optimizer")

    def load_optimizer_states(self, fname: Any) -> None:
        """Read what `save_optimizer_states` wrote."""
        raise NotImplementedError(f"{type(self).__name__} keeps no optimizer")

    @property
    def type(self) -> str:
        """The name of the kind of store."""
        raise NotImplementedError(f"{type(self).__name__} does not override type")

    @property
    def rank(self) -> int:
        """The number of this worker."""
        raise NotImplementedError(f"{type(self).__name__} does not override rank")

    @property
    def num_workers(self) -> int:
        """The number of all workers."""
        raise NotImplementedError(f"{type(self).__name__} does not override num_workers")

    @staticmethod
    def register(klass: Any) -> Any:
        """Make `create` find a class by its name: a decorator."""
        return STORES.register(klass)


class TestStore(KVStoreBase):
    """A store of one process that keeps nothing: the model of a store in Python."""

    __test__ = False  # pytest would collect it

    def broadcast(self, key: Any, value: ndarray, out: Values, priority: int = 0) -> None:
        """Copy the value."""
        put(value, out)

    def pushpull(
        self, key: Any, value: Values, out: Values | None = None, priority: int = 0
    ) -> None:
        """Add up the values of a list."""
        put(total(value), value if out is None else out)

    @staticmethod
    def is_capable(capability: str) -> bool:
        """False for "optimizer"; KVStoreError for anything else."""
        return capable(capability, optimizer=False)

    @property
    def type(self) -> str:
        """"teststore"."""  # fmt: skip
        return "teststore"

    @property
    def rank(self) -> int:
        """0."""
        return 0

    @property
    def num_workers(self) -> int:
        """1."""
        return 1


def capable(capability: str, *, optimizer: bool) -> bool:
    """The answer of `is_capable`; KVStoreError for an unknown capability."""
    if capability.lower() != KVStoreBase.OPTIMIZER:
        raise KVStoreError(f"there is no capability {capability!r}", hint="ask for 'optimizer'")
    return optimizer


def listed(x: Any) -> list[Any]:
    """A list of one or more."""
    return list(x) if isinstance(x, list | tuple) else [x]


def total(value: Values) -> ndarray:
    """The sum of the values of all devices."""
    first, *others = listed(value)
    result: ndarray = sum(others, first) if others else first
    return result


def put(value: ndarray, out: Values) -> None:
    """Write a value into arrays."""
    for target in listed(out):
        if target is not value:
            target[...] = value


def refuse(what: str, hint: str) -> NoReturn:
    """Raise the UnsupportedError of something that needs more than one process, or GPUs."""
    raise UnsupportedError(what, where=str(caller_loc("baryon")), hint=hint)
