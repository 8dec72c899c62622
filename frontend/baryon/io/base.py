"""Batches, their descriptions, and the base of iterators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np


class _Desc(NamedTuple):
    name: str
    shape: tuple[int, ...]


class DataDesc(_Desc):
    """Name, shape, element type and layout of an array of a batch; unpacks as (name, shape)."""

    dtype: Any
    layout: str | None

    def __new__(cls, name: str, shape: Sequence[int], dtype: Any = np.float32,
                layout: str | None = "NCHW") -> Self:  # fmt: skip
        """Describe an array."""
        described = super().__new__(cls, name, tuple(shape))
        described.dtype, described.layout = dtype, layout
        return described

    def __repr__(self) -> str:
        return f"DataDesc[{self.name},{self.shape},{np.dtype(self.dtype).name},{self.layout}]"

    @staticmethod
    def get_batch_axis(layout: str | None) -> int:
        """The axis of the batch in a layout; 0 if it is None."""
        return 0 if layout is None else layout.find("N")


class DataBatch:
    """Arrays of data and labels; the last `pad` samples only fill the batch."""

    def __init__(self, data: Sequence[Any], label: Sequence[Any] | None = None,
                 pad: int | None = None, index: Any = None, bucket_key: Any = None,
                 provide_data: Any = None, provide_label: Any = None) -> None:  # fmt: skip
        for name, arrays in (("data", data), ("label", label)):
            if arrays is not None and not isinstance(arrays, list | tuple):
                raise TypeError(f"{name} of a DataBatch is a list of arrays, not {type(arrays)}")
        self.data, self.label, self.pad, self.index = data, label, pad, index
        self.bucket_key = bucket_key
        self.provide_data, self.provide_label = provide_data, provide_label

    def __str__(self) -> str:
        data = [x.shape for x in self.data]
        labels = [x.shape for x in self.label] if self.label else None
        return f"DataBatch: data shapes: {data} label shapes: {labels}"


class DataIter:
    """Base of iterators: `next()` until StopIteration, then `reset()`."""

    def __init__(self, batch_size: int = 0) -> None:
        self.batch_size = batch_size

    @property
    def provide_data(self) -> list[DataDesc]:
        """What the data of a batch is."""
        raise NotImplementedError

    @property
    def provide_label(self) -> list[DataDesc]:
        """What the labels of a batch are."""
        raise NotImplementedError

    def reset(self) -> None:
        """Start again."""

    def next(self) -> DataBatch:
        """The next batch."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch(self.getdata(), self.getlabel(), self.getpad(), self.getindex())

    def iter_next(self) -> bool:
        """Go to the next batch; False at the end."""
        raise NotImplementedError

    def getdata(self) -> list[Any]:
        """The data of the batch."""
        raise NotImplementedError

    def getlabel(self) -> list[Any]:
        """The labels of the batch."""
        raise NotImplementedError

    def getindex(self) -> Any:
        """The numbers of the samples of the batch, or None."""
        return None

    def getpad(self) -> int:
        """How many samples at the end only fill the batch."""
        raise NotImplementedError

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> DataBatch:
        return self.next()
