"""Samplers: in which order a data loader visits the samples of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from baryon.array.host_random import host_generator

T_co = TypeVar("T_co", covariant=True)


class _Sized(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...


class Sampler(Generic[T_co]):
    """Base of samplers: what iterating yields are sample numbers, or lists of them."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """`start`, `start + 1`, ...: `length` numbers."""

    def __init__(self, length: int, start: int = 0) -> None:
        self._range = range(start, start + length)

    def __iter__(self) -> Iterator[int]:
        return iter(self._range)

    def __len__(self) -> int:
        return len(self._range)


class RandomSampler(Sampler[int]):
    """0 to `length - 1` in random order, another one each time; follows `mx.random.seed`."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __iter__(self) -> Iterator[int]:
        return iter(host_generator().permutation(self._length).tolist())

    def __len__(self) -> int:
        return self._length


class FilterSampler(Sampler[int]):
    """The numbers of the samples for which `fn` is true; all samples are read once, now."""

    def __init__(self, fn: Callable[[Any], Any], dataset: _Sized) -> None:
        self._indices = [i for i in range(len(dataset)) if fn(dataset[i])]

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


class IntervalSampler(Sampler[int]):
    """0, `interval`, 2 * `interval`, ...; then, with `rollover`, from 1, from 2, and so on."""

    def __init__(self, length: int, interval: int, rollover: bool = True) -> None:
        if not 0 < interval <= length:
            raise ValueError(f"interval {interval} is not in 1 .. {length}, the length")
        self._length, self._interval = length, interval
        self._starts = range(interval if rollover else 1)

    def __iter__(self) -> Iterator[int]:
        return (i for s in self._starts for i in range(s, self._length, self._interval))

    def __len__(self) -> int:
        return sum(len(range(s, self._length, self._interval)) for s in self._starts)


LAST_BATCH = ("keep", "discard", "rollover")


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` sample numbers from another sampler.

    last_batch: what is done with the samples that do not fill a batch: "keep" a smaller one,
    "discard" them, or "rollover": start the next iteration with them.
    """

    def __init__(
        self, sampler: Sampler[int] | Sequence[int], batch_size: int, last_batch: str = "keep"
    ) -> None:
        if last_batch not in LAST_BATCH:
            raise ValueError(f"last_batch={last_batch!r} is not one of {', '.join(LAST_BATCH)}")
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} is not positive")
        self._sampler, self._batch_size, self._last_batch = sampler, batch_size, last_batch
        self._left: list[int] = []

    def __iter__(self) -> Iterator[list[int]]:
        batch, self._left = self._left, []
        for i in self._sampler:
            batch.append(i)
            if len(batch) == self._batch_size:
                yield batch
                batch = []
        if batch and self._last_batch == "keep":
            yield batch
        if self._last_batch == "rollover":
            self._left = batch

    def __len__(self) -> int:
        samples = len(self._sampler) + len(self._left)
        full, rest = divmod(samples, self._batch_size)
        return full + (rest > 0 and self._last_batch == "keep")
