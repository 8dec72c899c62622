"""Calibration data in all its forms, as lists of NumPy arrays that a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.ir import Array, Dim, Value
from baryon.quantization.ranges import CalibrationError

SAMPLES = 32
"""Samples of a batch that is cut from an array of many."""

_FORMS = (
    "give a DataLoader, an array with samples along its first axis, a tuple with one for each "
    "input, a dict of them by name, or anything that yields batches"
)


def batches_of(data: Any, names: Sequence[str] = ()) -> Iterator[list[Any]]:
    """Batches, each a list of arrays: the network's inputs, and what comes after them (labels).

    data: an array of samples; a tuple of such arrays, one for each input; a dict of them by name;
        or an iterable (DataLoader, generator, list) whose items are one batch each: an array, a
        tuple or list of arrays, a dict, or an object with `data` (and `label`).
    names: of the network's inputs, for dicts.
    """
    if is_array(data) or isinstance(data, tuple | Mapping):
        yield from _cut(items_of(data, names))
        return
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise CalibrationError(f"{type(data).__name__} is no calibration data", hint=_FORMS)
    for item in data:
        yield items_of(item, names)


def is_array(x: Any) -> bool:
    """Whether this is one array: ours, NumPy's, or another library's."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def as_numpy(x: Any) -> Array:
    """The elements of any array."""
    return np.asarray(x.asnumpy() if isinstance(x, ndarray) else x)


def items_of(item: Any, names: Sequence[str]) -> list[Any]:
    """The arrays of one batch."""
    if is_array(item):
        return [item]
    if isinstance(item, Mapping):
        return _named(item, names)
    if isinstance(item, tuple | list):
        return [part for entry in item for part in items_of(entry, names)]
    if hasattr(item, "data") and hasattr(item, "label"):  # io.DataBatch
        return [*item.data, *(item.label or [])]
    if isinstance(item, int | float | np.generic):  # a label
        return [np.asarray(item)]
    raise CalibrationError(f"a batch holds {type(item).__name__}, which is no array", hint=_FORMS)


def _named(item: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    missing = [name for name in names if name not in item]
    if missing:
        raise CalibrationError(
            f"the calibration data has nothing for the inputs {', '.join(missing)}",
            hint=f"it has {', '.join(map(str, item)) or 'no arrays'}",
        )
    return [item[name] for name in names] or [*item.values()]


def _cut(arrays: Sequence[Any]) -> Iterator[list[Any]]:
    """Arrays of all samples in batches."""
    if any(not x.shape for x in arrays):
        raise CalibrationError("calibration data has no axis of samples", hint=_FORMS)
    counts = sorted({x.shape[0] for x in arrays})
    if len(counts) > 1:
        raise CalibrationError(f"the arrays have different numbers of samples: {counts}")
    for start in range(0, counts[0] if counts else 0, SAMPLES):
        yield [x[start : start + SAMPLES] for x in arrays]


@dataclass
class Feed:
    """Gives batches in the shapes and element types that a network's inputs have.

    inputs: the arguments of `main` that are data. limit: batches to read, None for all.
    batches, samples: how many were read; they count while the feed is read.
    """

    inputs: Sequence[Value]
    source: Iterable[list[Any]]
    limit: int | None = None
    batches: int = 0
    samples: int = 0
    _varies: bool = False
    _first: list[Any] | None = None

    def __iter__(self) -> Iterator[list[Array]]:
        return (data for data, _ in self.labelled())

    def labelled(self) -> Iterator[tuple[list[Array], list[Array]]]:
        """The inputs of each batch, and what comes after them."""
        for arrays in islice(self.source, self.limit):
            pairs = zip(self.inputs, self._enough(arrays), strict=True)
            data = [self._input(value, x) for value, x in pairs]
            self.batches += 1
            self._note(data)
            yield from self._fitting(data, [as_numpy(x) for x in arrays[len(data) :]])
        self._check()

    def _enough(self, arrays: list[Any]) -> list[Any]:
        if len(arrays) < len(self.inputs):
            names = ", ".join(v.name for v in self.inputs)
            raise CalibrationError(
                f"batch {self.batches + 1} has {len(arrays)} arrays, the network takes "
                f"{len(self.inputs)}: {names}"
            )
        return arrays[: len(self.inputs)]

    def _input(self, value: Value, x: Any) -> Array:
        where = f"batch {self.batches + 1}, input {value.name}"
        data = as_numpy(x)
        want = value.type
        if data.ndim != want.rank or not all(map(_fits, want.shape[1:], data.shape[1:])):
            raise CalibrationError(
                f"{where} has the shape {data.shape}, the network takes {_shape(want.shape)}",
                hint="the first axis is that of samples",
            )
        if not data.size:
            raise CalibrationError(f"{where} is empty: its shape is {data.shape}")
        if data.dtype.kind not in "fiub" and data.dtype.name != "bfloat16":
            raise CalibrationError(f"{where} has elements of the type {data.dtype}")
        if data.dtype.kind == "f" and not np.isfinite(data).all():
            raise CalibrationError(f"{where} has elements that are NaN or infinite")
        return np.ascontiguousarray(data, want.dtype.numpy)

    def _note(self, data: list[Array]) -> None:
        """Notice whether anything in the data differs from anything else."""
        if not data:
            return
        self.samples += len(data[0])
        self._first = self._first or [x.reshape(-1)[0] for x in data]
        self._varies = self._varies or any(
            bool((x != first).any()) for x, first in zip(data, self._first, strict=True)
        )

    def _check(self) -> None:
        if not self.batches:
            raise CalibrationError("there is no calibration data: not one batch", hint=_FORMS)
        if self.inputs and not self._varies:
            raise CalibrationError(
                "the calibration data is constant: all elements are the same",
                hint="ranges of such data say nothing; give samples of what the network will see",
            )

    def _fitting(
        self, data: list[Array], labels: list[Array]
    ) -> Iterator[tuple[list[Array], list[Array]]]:
        """Pieces as large as the network's own batch, where that is fixed."""
        sizes = {v.type.shape[0] for v in self.inputs if v.type.rank}
        fixed = [d for d in sizes if isinstance(d, int)]
        if not fixed:
            yield data, labels
            return
        size = fixed[0]
        if len(data[0]) < size:
            raise CalibrationError(
                f"batch {self.batches} has {len(data[0])} samples, the network takes {size}",
                hint="its batch size is fixed: give batches of that size, or a multiple",
            )
        for start in range(0, len(data[0]) - size + 1, size):
            here = slice(start, start + size)
            yield [x[here] for x in data], [x[here] for x in labels if x.ndim]


def _fits(dim: Dim, size: int) -> bool:
    return not isinstance(dim, int) or dim == size


def _shape(shape: Sequence[Dim]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
