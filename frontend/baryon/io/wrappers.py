"""Iterators around iterators."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from baryon.io.base import DataBatch, DataDesc, DataIter


class ResizeIter(DataIter):
    """Exactly `size` batches in each pass, from an iterator that may have fewer or more."""

    def __init__(self, data_iter: DataIter, size: int, reset_internal: bool = True) -> None:
        super().__init__(data_iter.batch_size)
        self.data_iter, self.size, self.reset_internal = data_iter, size, reset_internal
        self.cur = 0

    @property
    def provide_data(self) -> list[DataDesc]:
        """As the inner iterator."""
        return self.data_iter.provide_data

    @property
    def provide_label(self) -> list[DataDesc]:
        """As the inner iterator."""
        return self.data_iter.provide_label

    def reset(self) -> None:
        """Start again, the inner iterator too if `reset_internal`."""
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def next(self) -> DataBatch:
        """The next batch; the inner iterator starts again when it ends."""
        if self.cur == self.size:
            raise StopIteration
        self.cur += 1
        try:
            return self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            return self.data_iter.next()


class PrefetchingIter(DataIter):
    """The batches of one or several iterators, each made in advance by a thread.

    The batches of several are joined. rename_data, rename_label: for each iterator a dict of new
    names.
    """

    def __init__(self, iters: DataIter | Sequence[DataIter], rename_data: Any = None,
                 rename_label: Any = None) -> None:  # fmt: skip
        self.iters = [iters] if isinstance(iters, DataIter) else [*iters]
        super().__init__(self.iters[0].batch_size)
        self._renames = rename_data, rename_label
        self._pool = ThreadPoolExecutor(len(self.iters), "baryon-prefetch")
        self._ask()

    def _ask(self) -> None:
        self._asked: list[Future[DataBatch | None]] = [
            self._pool.submit(_next_or_none, x) for x in self.iters
        ]

    @property
    def provide_data(self) -> list[DataDesc]:
        """What the inner iterators provide."""
        return _renamed([x.provide_data for x in self.iters], self._renames[0])

    @property
    def provide_label(self) -> list[DataDesc]:
        """What the inner iterators provide."""
        return _renamed([x.provide_label for x in self.iters], self._renames[1])

    def reset(self) -> None:
        """Start again."""
        for asked in self._asked:
            asked.result()
        for x in self.iters:
            x.reset()
        self._ask()

    def next(self) -> DataBatch:
        """The next batch."""
        found = [asked.result() for asked in self._asked]
        batches = [b for b in found if b is not None]
        if not batches:
            raise StopIteration
        if len(batches) < len(found):
            raise ValueError("the iterators have different numbers of batches")
        self._ask()
        data = [x for b in batches for x in b.data]
        labels = [x for b in batches for x in b.label or ()]
        return DataBatch(data, labels, batches[0].pad, batches[0].index)


def _next_or_none(inner: DataIter) -> DataBatch | None:
    try:
        return inner.next()
    except StopIteration:
        return None


def _renamed(groups: Sequence[Sequence[DataDesc]], names: Any) -> list[DataDesc]:
    tables = names or [{}] * len(groups)
    return [
        DataDesc(table.get(d.name, d.name), d.shape, d.dtype, d.layout)
        for group, table in zip(groups, tables, strict=True)
        for d in group
    ]
