"""Devices. There is one: the CPU."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from baryon.ir import UnsupportedError

_TYPE_IDS = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 5}


class Device:
    """A device: its type (`cpu`; also `cpu_pinned` and `cpu_shared`, the same here) and number.

    As a context manager it changes nothing: arrays are always made on the CPU.
    """

    def __init__(self, device_type: str | Device = "cpu", device_id: int = 0) -> None:
        other = device_type if isinstance(device_type, Device) else None
        self.device_type: str = other.device_type if other else str(device_type)
        self.device_id: int = other.device_id if other else device_id
        if self.device_type not in _TYPE_IDS:
            raise ValueError(f"device type {device_type!r}: expected one of {[*_TYPE_IDS]}")
        self.device_typeid = _TYPE_IDS[self.device_type]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Device):
            return NotImplemented
        return (self.device_typeid, self.device_id) == (other.device_typeid, other.device_id)

    def __hash__(self) -> int:
        return hash((self.device_typeid, self.device_id))

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    def __enter__(self) -> Device:
        only_cpu(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        return None

    def empty_cache(self) -> None:
        """Do nothing: memory goes back as soon as arrays do."""


CPU = Device("cpu", 0)


def only_cpu(device: Any) -> None:
    """UnsupportedError for a device that is not the CPU; None stands for the default one."""
    devices = device if isinstance(device, list | tuple) else [device]
    if any(d is not None and not str(d).startswith("cpu") for d in devices):
        raise UnsupportedError(f"the device {device} is not there", hint="use mx.cpu()")
