"""Load a compiled network and run it."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baryon.runtime import _native
from baryon.runtime.arrays import arrange, input_array
from baryon.runtime.files import write_whole
from baryon.runtime.spec import TensorSpec, filled, spec_from, symbols_of

Source = str | os.PathLike[str] | bytes | bytearray | memoryview
PublicKeys = str | os.PathLike[str] | bytes

_EVENTS_PER_CALL = 80
"""A launch has 64 parts at most."""


class KernelTime(NamedTuple):
    """How long one call of a kernel took."""

    kernel: str
    nanoseconds: int


class Event(NamedTuple):
    """Something that a run did, in nanoseconds of `time.perf_counter_ns`.

    call: the number of the kernel call. task: -1 for the call itself, otherwise a part of it that
    `thread` executed; 0 is the thread that called, the others are the runtime's.
    """

    call: int
    thread: int
    task: int
    start: int
    end: int


class Executable:
    """A compiled network: call it with its inputs, get the list of its outputs.

    `exe(x)` or `exe(data=x)`; an input is a NumPy array, or anything on the CPU with DLPack or the
    buffer protocol. Row-major inputs are read where they are; outputs are fresh arrays. Any number
    of threads may call at the same time.

    inputs, outputs: their specs, in order; a symbol of an output that no input has is a size that
    depends on data. symbols: for each symbol in the inputs' shapes its least and greatest value.
    threads: that one call uses. variants: the builds for different CPUs in the artifact, best
    first; variant: the one that runs. counts_sizes: whether a size of an output depends on data.
    """

    def __init__(self, native: _native.Executable) -> None:
        self._native = native
        inputs, outputs = native.inputs(), native.outputs()
        self.inputs: tuple[TensorSpec, ...] = tuple(map(spec_from, inputs))
        self.outputs: tuple[TensorSpec, ...] = tuple(map(spec_from, outputs))
        self.symbols: dict[str, tuple[int, int]] = symbols_of(inputs)
        self.threads: int = native.sizes()["threads"]
        self.variants: tuple[str, ...] = tuple(native.variants())
        self.variant: str = self.variants[native.sizes()["variant"]]
        self.counts_sizes = not symbols_of(outputs).keys() <= self.symbols.keys()
        self._shapes = (
            [spec.max_shape for spec in self.outputs]
            if all(spec.is_static for spec in self.outputs)
            else None
        )

    def __call__(self, /, *inputs: object, **named: object) -> list[NDArray[Any]]:
        """Run once. Raises InputError for inputs that the network does not take."""
        arrays, outputs, buffers = self._prepare(inputs, named)
        if not self.counts_sizes:
            self._native.run(arrays, buffers)
            return outputs
        shapes = self._native.run_shapes(arrays, buffers)
        return [filled(x, shape) for x, shape in zip(outputs, shapes, strict=True)]

    def bind(self, /, *inputs: object, **named: object) -> dict[str, NDArray[Any]]:
        """The inputs by name, as a call with these arguments reads them. Raises InputError."""
        arrays, _, _ = self._prepare(inputs, named)
        pairs = zip(self.inputs, arrays, strict=True)
        return {spec.name: array.view(spec.dtype) for spec, array in pairs}

    def profile(self, /, *inputs: object, **named: object) -> list[KernelTime]:
        """Run once and return the time of each kernel call, in order."""
        arrays, _, buffers = self._prepare(inputs, named)
        return [KernelTime(*call) for call in self._native.profile(arrays, buffers)]

    def trace(self, /, *inputs: object, **named: object) -> list[Event]:
        """Run and return when each kernel call and each part of it was executed, as they ended.

        Where a kernel has very many parts it runs a second time, to have room for all of them.
        """
        arrays, _, buffers = self._prepare(inputs, named)
        room, is_complete = _EVENTS_PER_CALL * self._native.call_count(), False
        while not is_complete:
            events, is_complete = self._native.trace(arrays, buffers, room)
            room *= 4
        return [Event(*event) for event in events]

    def map(self, cut: int, sets: list[tuple[list[NDArray[Any]], list[NDArray[Any]]]]) -> None:
        """Run an element-wise network over arrays of any size, all sets in one launch.

        The network's first `cut` inputs and all its outputs have one axis of one fixed size, in
        pieces of which the arrays are worked through; its other inputs are read whole by every
        piece. sets: inputs and outputs, row-major; those of a set that are cut are equally large.
        An output may be the memory of an input if the network is one element-wise kernel. Raises
        InputError, ValueError.
        """
        self._native.map(cut, sets)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the artifact to a file, which appears complete or not at all. Raises OSError."""
        write_whole(Path(path), self._native.artifact())

    def verify(self) -> None:
        """Check the hash of every part, the weights too. Raises ArtifactError."""
        self._native.verify()

    @cached_property
    def meta(self) -> dict[str, Any]:
        """What the compiler wrote down about the artifact: versions, target, costs, ..."""
        parsed: dict[str, Any] = json.loads(self._native.meta())
        return parsed

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of the file and of its code, weights, arena (for each call at the same time) and
        scratch (for each thread); the number of threads, and of the build taken for this CPU.
        """
        return self._native.sizes()

    def __repr__(self) -> str:
        inputs, outputs = (", ".join(map(str, specs)) for specs in (self.inputs, self.outputs))
        return f"<Executable ({inputs}) -> ({outputs}), threads={self.threads}>"

    def _prepare(
        self, values: tuple[object, ...], named: dict[str, object]
    ) -> tuple[list[NDArray[Any]], list[NDArray[Any]], list[NDArray[Any]]]:
        """Input arrays, output arrays, and the outputs as the C++ part can see them."""
        if named or len(values) != len(self.inputs):
            values = arrange(self.inputs, values, named)
        arrays = [input_array(spec, v) for spec, v in zip(self.inputs, values, strict=True)]
        shapes = self._shapes or self._native.output_shapes(arrays)
        buffers = [
            np.empty(shape, spec.buffer_dtype)
            for spec, shape in zip(self.outputs, shapes, strict=True)
        ]
        outputs = [
            buffer if spec.buffer_dtype is spec.dtype else buffer.view(spec.dtype)
            for spec, buffer in zip(self.outputs, buffers, strict=True)
        ]
        return arrays, outputs, buffers


def load(
    source: Source,
    threads: int | None = None,
    verify: bool = False,
    variant: str | None = None,
    signed_by: PublicKeys | None = None,
) -> Executable:
    """Load an artifact from a file, or from bytes in memory.

    An artifact holds machine code: load only what you trust.
    threads: that one call may use, the caller's included; None: the CPUs of this process.
    verify: check the weights' hash too (everything else is always checked).
    variant: which of the artifact's builds to run, by name; None: where there are several, the one
        that the environment's BARYON_VARIANT names, else the first that this CPU can execute.
    signed_by: Ed25519 public keys, one of which must have signed the artifact (`sign_file`): a PEM
        file's path, or its contents as bytes. Everything is verified then, before any of it is
        mapped to be executed.
    Raises ArtifactError, SignatureError, InputError for bad keys, UnsupportedCpuError, OSError, and
    ValueError for a variant that the artifact does not have.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}, expected at least 1, or None")
    options = (threads or 0, verify, variant or "", _text_of(signed_by))
    if isinstance(source, bytes | bytearray | memoryview):
        return Executable(_native.Executable.load_bytes(source, *options))
    Path(source).stat()  # a missing file gets Python's own error
    return Executable(_native.Executable.load_file(os.fsencode(source), *options))


def verify_file(path: str | os.PathLike[str], signed_by: PublicKeys | None = None) -> None:
    """Check the hashes of all of an artifact's parts, and its signature, where keys are given.

    Any CPU will do. Raises ArtifactError, SignatureError, InputError, OSError.
    """
    Path(path).stat()
    _native.verify_file(os.fsencode(path), _text_of(signed_by))


def _text_of(keys: PublicKeys | None) -> str | None:
    if keys is None:
        return None
    data = keys if isinstance(keys, bytes) else Path(keys).read_bytes()
    return data.replace(b"\0", b" ").decode("ascii", "replace")
