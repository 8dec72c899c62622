"""`mx.kv`: sharing arrays between those who train together, which here is one process."""

from __future__ import annotations

from baryon.ir import caller_loc
from baryon.kvstore.base import STORES as _STORES
from baryon.kvstore.base import KVStoreBase, KVStoreError, TestStore
from baryon.kvstore.base import refuse as _refuse
from baryon.kvstore.local import KVStore

__all__ = ["KVStore", "KVStoreBase", "KVStoreError", "TestStore", "create"]

_STORES.add(TestStore)

_LOCAL = ("local", "device", "kvstore", "local_allreduce_cpu", "local_allreduce_device",
          "local_update_cpu")  # fmt: skip
_PLUGINS = ("horovod", "byteps")


def create(name: str = "local") -> KVStoreBase:
    """A store by name: "local", "device" or "kvstore" (all one store), or a registered class.

    Raises UnsupportedError for stores of several machines (`dist_...`, "horovod", "byteps") and of
    GPUs ("nccl"), KVStoreError for unknown names.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a store is a string, not {name!r}")
    known = name.lower()
    if known in _STORES.names():
        return _STORES.create(known)
    if known in _LOCAL:
        return KVStore("local" if known == "kvstore" else known)
    if "dist" in known or known in _PLUGINS:
        _refuse(
            f"the store {name!r} trains on several machines, which baryon does not",
            "use 'local', or register a store of your own: mx.kv.KVStoreBase.register",
        )
    if "nccl" in known:
        _refuse(f"the store {name!r} is for GPUs, and baryon runs on CPUs", "use 'local'")
    raise KVStoreError(
        f"there is no key-value store {name!r}",
        where=str(caller_loc("baryon")),
        hint=f"there are {', '.join([*_LOCAL, *_STORES.names()])}",
    )


def __getattr__(name: str) -> object:
    if name == "KVStoreServer":
        raise AttributeError(
            "baryon.kvstore.KVStoreServer is left out: there is no training on several machines"
        )
    raise AttributeError(f"module 'baryon.kvstore' has no attribute {name!r}")
