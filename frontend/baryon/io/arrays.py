"""Iterators over arrays: in memory, of CSV files, of MNIST's files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.gluon.data.vision.files import DatasetError, read_idx
from baryon.io.base import DataDesc, DataIter

Arrays = dict[str, npt.NDArray[Any]]
_LAST = ("pad", "discard", "roll_over")


class NDArrayIter(DataIter):
    """Batches of arrays; float64 and integers become float32.

    data, label: an array, a list of arrays, or a dict of them by name.
    last_batch_handle: the last samples are filled up with the first ones ("pad"), left out
    ("discard"), or filled up with the first ones, which the next pass then leaves out
    ("roll_over").
    """

    def __init__(self, data: Any, label: Any = None, batch_size: int = 1, shuffle: bool = False,
                 last_batch_handle: str = "pad", data_name: str = "data",
                 label_name: str = "softmax_label") -> None:  # fmt: skip
        super().__init__(batch_size)
        if last_batch_handle not in _LAST:
            raise ValueError(f"last_batch_handle={last_batch_handle!r} is none of {_LAST}")
        self.data, self.label = _named(data, data_name), _named(label, label_name)
        lengths = {len(x) for x in (*self.data.values(), *self.label.values())}
        if len(lengths) != 1:
            raise ValueError(f"data and labels must have the same length, not {sorted(lengths)}")
        self.num_data = lengths.pop()
        if not 0 < batch_size <= self.num_data:
            raise ValueError(f"batch_size={batch_size} is not in 1 .. {self.num_data}, the samples")
        self.shuffle, self._last = shuffle, last_batch_handle
        self._start = 0
        self._restart()

    def _restart(self) -> None:
        count = self.num_data
        self.idx = host_generator().permutation(count) if self.shuffle else np.arange(count)
        self.cursor = self._start - self.batch_size

    @property
    def provide_data(self) -> list[DataDesc]:
        """What the data of a batch is."""
        return self._described(self.data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """What the labels of a batch are."""
        return self._described(self.label)

    def _described(self, arrays: Arrays) -> list[DataDesc]:
        size = self.batch_size
        return [DataDesc(k, (size, *x.shape[1:]), x.dtype) for k, x in arrays.items()]

    def hard_reset(self) -> None:
        """Start again at the first sample, whatever the last pass left."""
        self._start = 0
        self._restart()

    def reset(self) -> None:
        """Start again; where the last pass ended with "roll_over"."""
        ended = max(self.cursor, 0) + self.batch_size - self.num_data
        self._start = ended % self.batch_size if self._last == "roll_over" and ended > 0 else 0
        self._restart()

    def iter_next(self) -> bool:
        """Go to the next batch; False at the end."""
        self.cursor += self.batch_size
        whole = self.cursor + self.batch_size <= self.num_data
        return whole or (self._last != "discard" and self.cursor < self.num_data)

    def _chosen(self) -> npt.NDArray[np.int64]:
        places = np.arange(self.cursor, self.cursor + self.batch_size) % self.num_data
        return np.asarray(self.idx[places], np.int64)

    def getdata(self) -> list[Any]:
        """The data of the batch."""
        return [ndarray(x[self._chosen()]) for x in self.data.values()]

    def getlabel(self) -> list[Any]:
        """The labels of the batch."""
        return [ndarray(x[self._chosen()]) for x in self.label.values()]

    def getpad(self) -> int:
        """How many samples at the end only fill the batch."""
        over = self.cursor + self.batch_size - self.num_data
        return over if 0 < over < self.batch_size and self._last != "discard" else 0


def _named(data: Any, name: str) -> Arrays:
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return {k: _float32(x) for k, x in data.items()}
    if not isinstance(data, list | tuple):
        return {name: _float32(data)}
    names = [name] if len(data) == 1 else [f"_{i}_{name}" for i in range(len(data))]
    return {k: _float32(x) for k, x in zip(names, data, strict=True)}


def _float32(x: Any) -> npt.NDArray[Any]:
    array = x.asnumpy() if isinstance(x, ndarray) else np.asarray(x)
    wide = array.dtype == np.float64 or array.dtype.kind in "iub"
    return array.astype(np.float32) if wide and not isinstance(x, ndarray) else array


class CSVIter(NDArrayIter):
    """Batches of the lines of CSV files, samples of `data_shape`; labels are 0 without a file.

    round_batch: the next pass begins after the first samples that filled up the last batch.
    """

    def __init__(self, data_csv: str | os.PathLike[str], data_shape: tuple[int, ...],
                 label_csv: str | os.PathLike[str] | None = None,
                 label_shape: tuple[int, ...] = (1,), batch_size: int = 1,
                 round_batch: bool = True, dtype: str = "float32",
                 **ignored: Any) -> None:  # fmt: skip
        data = _csv(data_csv, data_shape, dtype)
        labels = np.zeros((len(data), *label_shape), dtype)
        if label_csv is not None:
            labels = _csv(label_csv, label_shape, dtype)
        labels = labels[:, 0] if tuple(label_shape) == (1,) else labels
        last = "roll_over" if round_batch else "pad"
        super().__init__(ndarray(data), ndarray(labels), batch_size, last_batch_handle=last)

    def getindex(self) -> Any:
        """The numbers of the samples of the batch."""
        return self._chosen().astype(np.uint64)


def _csv(path: str | os.PathLike[str], shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
    try:
        table = np.loadtxt(path, dtype, delimiter=",", ndmin=2)
        return table.reshape(-1, *shape)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path} is not a CSV file of rows of the shape {shape}: {error}"
        ) from error


class MNISTIter(NDArrayIter):
    """Batches of MNIST's files: images (N, 1, 28, 28), or (N, 784) if `flat`, from 0 to 1."""

    def __init__(self, image: str | os.PathLike[str] = "./train-images-idx3-ubyte",
                 label: str | os.PathLike[str] = "./train-labels-idx1-ubyte",
                 batch_size: int = 128, shuffle: bool = True, flat: bool = False,
                 **ignored: Any) -> None:  # fmt: skip
        pixels = read_idx(Path(image)).astype(np.float32) / 256
        pixels = pixels.reshape(len(pixels), -1) if flat else pixels[:, None]
        labels = read_idx(Path(label)).astype(np.float32)
        super().__init__(pixels, labels, batch_size, shuffle, last_batch_handle="discard")
