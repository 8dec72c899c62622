"""How a list of samples becomes a batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.array import ndarray
from baryon.ir import BaryonError

Batchify = Callable[[Sequence[Any]], Any]


class BatchifyError(BaryonError, ValueError):
    """Samples that cannot become one batch."""


class Stack:
    """Samples of one shape along a new first axis; the parts of tuples each by themselves.

    Arrays keep their dtype; Python floats become float64 and integers int64, as in MXNet.
    `use_shared_mem` has no meaning here: workers hand arrays over without copies anyway.
    """

    def __init__(self, use_shared_mem: bool = False) -> None:
        del use_shared_mem

    def __call__(self, data: Sequence[Any]) -> Any:
        """An array (len(data), ...), or a list of them."""
        first = data[0]
        if isinstance(first, tuple | list):
            return [self(part) for part in _columns(data)]
        return ndarray(_stacked([_host(x) for x in data]))


def _columns(data: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    lengths = {len(sample) for sample in data}
    if len(lengths) > 1:
        raise BatchifyError(
            f"the samples of a batch have different numbers of parts: {sorted(lengths)}",
            hint="for sequences of different lengths, use batchify.Pad() or batchify.AsList()",
        )
    return list(zip(*data, strict=True))


def _host(x: Any) -> npt.NDArray[Any]:
    array = x.asnumpy() if isinstance(x, ndarray) else np.asarray(x)
    if array.dtype.kind not in "biuf" and array.dtype.type.__module__ == "numpy":
        raise BatchifyError(
            f"a sample of type {type(x).__name__} cannot become an array",
            hint="give the data loader a batchify_fn, such as batchify.AsList()",
        )
    return array


def _stacked(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    shapes = sorted({a.shape for a in arrays})
    if len(shapes) > 1:
        raise BatchifyError(
            f"the samples of a batch have different shapes: {', '.join(map(str, shapes[:4]))}",
            hint="bring them to one shape with a transform, or use batchify.Pad()",
        )
    return np.stack(arrays)


class Pad:
    """Samples of different lengths in one array, shorter ones padded at the end of each axis.

    val: what to pad with; 0 if None. dtype: that of the batch; that of the samples if None.
    round_to: padded lengths are multiples of it.
    """

    def __init__(self, val: float | None = None, dtype: npt.DTypeLike | None = None,
                 round_to: int | None = None, use_shared_mem: bool = False) -> None:  # fmt: skip
        if round_to is not None and round_to < 1:
            raise ValueError(f"round_to={round_to} is not positive")
        self._val, self._dtype, self._round_to = val or 0, dtype, round_to

    def __call__(self, data: Sequence[Any]) -> ndarray:
        """An array (len(data), longest sample...)."""
        arrays = [_host(x) for x in data]
        self._check(data[0], arrays)
        sizes = zip(*(a.shape for a in arrays), strict=True)
        shape = [self._rounded(max(along_axis)) for along_axis in sizes]
        dtype = self._dtype or np.result_type(*arrays)
        out = np.full((len(arrays), *shape), self._val, dtype)
        for row, array in zip(out, arrays, strict=True):
            row[tuple(map(slice, array.shape))] = array
        return ndarray(out)

    @staticmethod
    def _check(first: Any, arrays: Sequence[npt.NDArray[Any]]) -> None:
        ranks = {a.ndim for a in arrays}
        if isinstance(first, tuple):
            raise BatchifyError(
                "Pad() pads one array per sample, not tuples of them",
                hint="use Group(Pad(), Pad(), ...): one function for each part",
            )
        if len(ranks) > 1 or 0 in ranks:
            raise BatchifyError(f"Pad() needs samples with equally many axes, got {sorted(ranks)}")

    def _rounded(self, size: int) -> int:
        step = self._round_to or 1
        return math.ceil(size / step) * step


class Append:
    """Each sample as an array of its own, in a list; `expand` gives it an axis of size 1."""

    def __init__(
        self, expand: bool = True, batch_axis: int = 0, use_shared_mem: bool = False
    ) -> None:
        self._axis = batch_axis if expand else None

    def __call__(self, data: Sequence[Any]) -> list[ndarray]:
        """One array for each sample."""
        arrays = [_host(x) for x in data]
        if self._axis is None:
            return [ndarray(a) for a in arrays]
        return [ndarray(np.expand_dims(a, self._axis)) for a in arrays]


class Group:
    """One batchify function for each part of the samples."""

    def __init__(self, fn: Batchify | Sequence[Batchify], *args: Batchify) -> None:
        functions = [*fn, *args] if isinstance(fn, list | tuple) else [fn, *args]
        for i, f in enumerate(functions):
            if not callable(f):
                raise TypeError(f"argument {i} of Group is not a function: {f!r}")
        self._functions: list[Any] = functions

    def __call__(self, data: Sequence[Any]) -> tuple[Any, ...]:
        """A tuple: function i of the parts i of all samples."""
        parts = _columns(data)
        if len(parts) != len(self._functions):
            raise BatchifyError(
                f"the samples have {len(parts)} parts, the Group {len(self._functions)} functions"
            )
        return tuple(f(part) for f, part in zip(self._functions, parts, strict=True))


class AsList:
    """The samples as they are, in a list."""

    def __call__(self, data: Sequence[Any]) -> list[Any]:
        """A list of the samples."""
        return list(data)


__all__ = ["Append", "AsList", "BatchifyError", "Group", "Pad", "Stack"]
