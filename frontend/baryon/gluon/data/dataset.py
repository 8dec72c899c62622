"""Datasets: samples by number, and lazy views of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from baryon.array import ndarray
from baryon.array.border import bordered
from baryon.gluon.data.sampler import FilterSampler, Sampler, SequentialSampler
from baryon.recordio import MXIndexedRecordIO, index_of


class Dataset:
    """Base of datasets: `dataset[i]` is sample number i of `len(dataset)`."""

    def __getitem__(self, idx: int) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def filter(self, fn: Callable[[Any], Any]) -> Dataset:
        """The samples for which `fn(sample)` is true; reads all of them once, now."""
        return _Selected(self, FilterSampler(fn, self))

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Part `index` of `num_shards`; the first parts have one sample more if it is uneven."""
        if not 0 <= index < num_shards:
            raise ValueError(f"shard {index} of {num_shards}: the index must be below the number")
        size, longer = divmod(len(self), num_shards)
        start = index * size + min(index, longer)
        return _Selected(self, SequentialSampler(size + (index < longer), start))

    def take(self, count: int | None) -> Dataset:
        """The first `count` samples; all for None, or if there are fewer."""
        if count is not None and count < 0:
            raise ValueError(f"take({count}): the count is negative")
        size = len(self) if count is None else min(count, len(self))
        return _Selected(self, SequentialSampler(size))

    def sample(self, sampler: Sampler[int]) -> Dataset:
        """The samples whose numbers `sampler` yields; iterated once, now."""
        if not isinstance(sampler, Sampler):
            raise TypeError(f"sample() needs a gluon.data.Sampler, got {type(sampler).__name__}")
        return _Selected(self, sampler)

    def transform(self, fn: Callable[..., Any], lazy: bool = True) -> Dataset:
        """Each sample replaced by `fn(*sample)`: at each access, or now if not `lazy`.

        A sample that is a tuple becomes several arguments.
        """
        view = _Transformed(self, fn)
        return view if lazy else SimpleDataset(list(view))

    def transform_first(self, fn: Callable[..., Any], lazy: bool = True) -> Dataset:
        """`fn` applied to the first part of each sample, usually the image."""
        return self.transform(_First(fn), lazy)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


class SimpleDataset(Dataset):
    """A list, array or other sequence as a dataset."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __getitem__(self, idx: int) -> Any:
        return self._data[idx]

    def __len__(self) -> int:
        return len(self._data)


class ArrayDataset(Dataset):
    """Sequences of equal length side by side: sample i is the tuple of their elements i.

    Of one sequence, sample i is its element i.
    """

    @bordered("give sequences of one length")
    def __init__(self, *args: Any) -> None:
        if not args:
            raise ValueError("ArrayDataset needs at least one array")
        lengths = [len(a) for a in args]
        if len({*lengths}) > 1:
            raise ValueError(f"the arrays must have the same length; they have {lengths}")
        self._length, self._data = lengths[0], [_elements(a) for a in args]

    def __getitem__(self, idx: int) -> Any:
        if len(self._data) == 1:
            return self._data[0][idx]
        return tuple(data[idx] for data in self._data)

    def __len__(self) -> int:
        return self._length


def _elements(data: Any) -> Any:
    """The sequence; arrays of numbers as NumPy's, whose elements are numbers."""
    return data.asnumpy() if isinstance(data, ndarray) and data.ndim == 1 else data


class RecordFileDataset(Dataset):
    """The records of a `.rec` file as bytes; the `.idx` file beside it says where they are."""

    def __init__(self, filename: str | os.PathLike[str]) -> None:
        self.filename = os.fspath(filename)
        self.idx_file = index_of(self.filename)
        self._record = MXIndexedRecordIO(self.idx_file, self.filename, "r")

    def __getitem__(self, idx: int) -> Any:
        return self._record.read_idx(self._record.keys[idx])

    def __len__(self) -> int:
        return len(self._record.keys)


class _Selected(Dataset):
    def __init__(self, dataset: Dataset, sampler: Sampler[int]) -> None:
        self._dataset, self._indices = dataset, [*sampler]

    def __getitem__(self, idx: int) -> Any:
        return self._dataset[self._indices[idx]]

    def __len__(self) -> int:
        return len(self._indices)


class _Transformed(Dataset):
    def __init__(self, dataset: Dataset, fn: Callable[..., Any]) -> None:
        self._dataset, self._fn = dataset, fn

    def __getitem__(self, idx: int) -> Any:
        sample = self._dataset[idx]
        return self._fn(*sample) if isinstance(sample, tuple) else self._fn(sample)

    def __len__(self) -> int:
        return len(self._dataset)


class _First:
    """A function of the first of several values; the others stay. Can be sent to a worker."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn

    def __call__(self, first: Any, *others: Any) -> Any:
        return (self._fn(first), *others) if others else self._fn(first)
