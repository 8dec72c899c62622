"""Batches from a worker process to its parent.

The bytes of arrays go through anonymous shared memory (`memfd`), whose descriptor travels over the
worker's socket: the parent maps it and copies nothing. Nothing is left behind if a process dies.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, NamedTuple

import numpy as np
from numpy import typing as npt

from baryon.array import ndarray

_ALIGNMENT = 64
_SHARED_FROM = 1 << 16
"""Messages whose arrays have fewer bytes than this go over the socket as a whole."""


class _Pickler(pickle.Pickler):
    """Arrays of baryon as their elements."""

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, ndarray):
            return NotImplemented
        data = obj.elements("a batch for another process", "return concrete arrays from a dataset")
        return _array, (np.asarray(data, order="C"),)


def _array(data: npt.NDArray[Any]) -> ndarray:
    return ndarray(data)


class Packed(NamedTuple):
    """A message in bytes: the pickled body, and the memory of its arrays."""

    body: bytes
    buffers: list[memoryview]


def packed(message: Any) -> Packed:
    """The message ready to be sent; an error of `pickle` if it cannot be."""
    buffers: list[pickle.PickleBuffer] = []
    body = io.BytesIO()
    _Pickler(body, protocol=5, buffer_callback=buffers.append).dump(message)
    return Packed(body.getvalue(), [b.raw() for b in buffers])


def send(connection: Connection, message: Packed, reader_pid: int) -> None:
    """Send a message that `receive` returns at the other end."""
    body, raw = message
    sizes = [b.nbytes for b in raw]
    if sum(sizes) < _SHARED_FROM:
        connection.send((body, sizes, [bytes(b) for b in raw]))
        return
    connection.send((body, sizes, None))
    descriptor = _written(raw)
    try:
        send_handle(connection, descriptor, reader_pid)
    finally:
        os.close(descriptor)


def _written(raw: Sequence[memoryview]) -> int:
    descriptor = os.memfd_create("baryon-batch", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, _offsets([b.nbytes for b in raw])[-1])
    with mmap.mmap(descriptor, 0) as memory:
        for offset, b in zip(_offsets([b.nbytes for b in raw]), raw, strict=False):
            memory[offset : offset + b.nbytes] = b
    return descriptor


def receive(connection: Connection) -> Any:
    """The next message; EOFError if the other end is closed."""
    body, sizes, buffers = connection.recv()
    if buffers is None:
        buffers = _mapped(recv_handle(connection), sizes)
    else:
        buffers = [bytearray(b) for b in buffers]  # arrays that the user may write
    return pickle.loads(body, buffers=buffers)


def _mapped(descriptor: int, sizes: Sequence[int]) -> list[memoryview]:
    try:
        memory = memoryview(mmap.mmap(descriptor, 0))
    finally:
        os.close(descriptor)
    return [memory[o : o + n] for o, n in zip(_offsets(sizes), sizes, strict=False)]


def _offsets(sizes: Sequence[int]) -> list[int]:
    offsets = [0]
    for size in sizes:
        offsets.append(offsets[-1] + size + -size % _ALIGNMENT)
    return offsets
