"""Data loaders: batches of a dataset, made in advance by processes or threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from baryon.array.border import bordered
from baryon.gluon.data.batchify import Batchify, Stack
from baryon.gluon.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from baryon.gluon.data.seeds import epoch_seed
from baryon.gluon.data.workers import Task, WorkerError, Workers


class DataLoader:
    """The batches of a dataset, in the order of the sampler; iterate over it once per epoch.

    dataset: has `len(dataset)` and `dataset[i]`. batch_size, shuffle, sampler, last_batch ("keep",
    "discard" or "rollover"): which samples a batch has; or batch_sampler, which yields lists of
    sample numbers. batchify_fn: makes a batch of a list of samples; `batchify.Stack()` if None.

    num_workers: how many processes make batches (0: this one, when asked), or threads with
    `thread_pool`. prefetch: batches made in advance, 2 * num_workers if None. timeout: seconds to
    wait for a batch. With processes, what a batch draws at random depends on `mx.random.seed`, the
    epoch and its number, not on the workers.

    pin_memory, pin_device_id and try_nopython are accepted and change nothing: there is one memory
    and one loader.
    """

    @bordered("help(mx.gluon.data.DataLoader) says what goes together")
    def __init__(self, dataset: Any, batch_size: int | None = None, shuffle: bool = False,
                 sampler: Sampler[int] | Sequence[int] | None = None,
                 last_batch: str | None = None, batch_sampler: Any = None,
                 batchify_fn: Batchify | None = None, num_workers: int = 0,
                 pin_memory: bool = False, pin_device_id: int = 0, prefetch: int | None = None,
                 thread_pool: bool = False, timeout: float = 120,
                 try_nopython: bool | None = None) -> None:  # fmt: skip
        del pin_memory, pin_device_id, try_nopython
        if timeout <= 0:
            raise ValueError(f"timeout={timeout} is not positive")
        self._dataset, self._timeout, self._thread_pool = dataset, timeout, thread_pool
        self._batch_sampler = _batches(
            dataset, batch_size, shuffle, sampler, last_batch, batch_sampler
        )
        self._batchify_fn = batchify_fn or Stack()
        self._num_workers = max(num_workers, 0)
        self._prefetch = max(2 * self._num_workers if prefetch is None else prefetch, 1)
        self._workers: Workers | None = None

    def __len__(self) -> int:
        return len(self._batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        if self._num_workers == 0:
            return map(_Maker(self._dataset, self._batchify_fn), iter(self._batch_sampler))
        return self._from_threads() if self._thread_pool else self._from_processes()

    def _from_threads(self) -> Iterator[Any]:
        make = _Maker(self._dataset, self._batchify_fn)
        pool = ThreadPoolExecutor(self._num_workers, "baryon-data")
        try:
            yield from self._ahead(lambda _, samples: pool.submit(make, samples), self._result)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _result(self, future: Any) -> Any:
        try:
            return future.result(self._timeout)
        except FutureTimeoutError:
            if future.done():  # the dataset's own TimeoutError
                raise
            raise WorkerError(
                f"a thread of the data loader made no batch in {self._timeout:g} s",
                hint="raise DataLoader(timeout=...) or make the dataset faster",
            ) from None

    def _from_processes(self) -> Iterator[Any]:
        workers, epoch = self._started(), epoch_seed()
        open_tickets: set[int] = set()

        def submit(number: int, samples: Sequence[int]) -> int:
            ticket = workers.submit(Task([*samples], epoch, number))
            open_tickets.add(ticket)
            return ticket

        def take(ticket: int) -> Any:
            open_tickets.discard(ticket)
            return workers.take(ticket, self._timeout)

        try:
            yield from self._ahead(submit, take)
        finally:
            workers.forget([*open_tickets])

    def _started(self) -> Workers:
        if self._workers is None or not self._workers.close.alive:
            maker = _Maker(self._dataset, self._batchify_fn)
            self._workers = Workers(maker, self._num_workers)
        return self._workers

    def _ahead(self, submit: Callable[[int, Any], Any], take: Callable[[Any], Any]
               ) -> Iterator[Any]:  # fmt: skip
        waiting: deque[Any] = deque()
        for number, samples in enumerate(self._batch_sampler):
            waiting.append(submit(number, samples))
            if len(waiting) > self._prefetch:
                yield take(waiting.popleft())
        while waiting:
            yield take(waiting.popleft())


class _Maker:
    def __init__(self, dataset: Any, batchify_fn: Batchify) -> None:
        self._dataset, self._batchify_fn = dataset, batchify_fn

    def __call__(self, samples: Sequence[int]) -> Any:
        return self._batchify_fn([self._dataset[i] for i in samples])


def _batches(dataset: Any, batch_size: int | None, shuffle: bool, sampler: Any,
             last_batch: str | None, batch_sampler: Any) -> Any:  # fmt: skip
    if batch_sampler is not None:
        if batch_size is not None or shuffle or sampler is not None or last_batch is not None:
            raise ValueError(
                "batch_sampler excludes batch_size, shuffle, sampler and last_batch: it says itself"
                " which samples a batch has"
            )
        return batch_sampler
    if batch_size is None:
        raise ValueError("DataLoader needs batch_size or batch_sampler")
    if sampler is not None and shuffle:
        raise ValueError("shuffle=True excludes a sampler: use RandomSampler")
    if sampler is None:
        sampler = (RandomSampler if shuffle else SequentialSampler)(len(dataset))
    return BatchSampler(sampler, batch_size, last_batch or "keep")
