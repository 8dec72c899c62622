"""Element types: what they can hold, and how they meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ml_dtypes
import numpy

from baryon.array.base import ArrayBase
from baryon.array.types import DTypeLike
from baryon.ir import dtype_of
from baryon.ops.shapes import promote

_NUMBER = bool | int | float


class finfo_obj(NamedTuple):  # noqa: N801 - MXNet's name
    """Limits of a floating type."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float


class iinfo_obj(NamedTuple):  # noqa: N801 - MXNet's name
    """Limits of a whole-number type."""

    bits: int
    max: int
    min: int


def _dtype(x: Any) -> numpy.dtype[Any]:
    return dtype_of(x.dtype if isinstance(x, ArrayBase | numpy.ndarray) else x).numpy


def finfo(dtype: Any) -> finfo_obj:
    """The limits of a floating type, or of an array's."""
    info: Any = ml_dtypes.finfo(_dtype(dtype))
    limits = (info.eps, info.max, info.min, info.smallest_normal)
    return finfo_obj(int(info.bits), *map(float, limits))


def iinfo(dtype: Any) -> iinfo_obj:
    """The limits of a whole-number type, or of an array's."""
    info = numpy.iinfo(_dtype(dtype))
    return iinfo_obj(info.bits, int(info.max), int(info.min))


def can_cast(from_: Any, to: DTypeLike) -> bool:
    """Whether an element type, or an array, can be cast without loss."""
    return bool(numpy.can_cast(_dtype(from_), _dtype(to)))


def result_type(*arrays_and_dtypes: Any) -> numpy.dtype[Any]:
    """The element type in which arrays, types and numbers meet.

    Whole numbers beside a float meet in that float. Python's numbers count by their kind alone.
    """
    numbers = [x for x in arrays_and_dtypes if isinstance(x, _NUMBER)]
    others = [dtype_of(_dtype(x)) for x in arrays_and_dtypes if not isinstance(x, _NUMBER)]
    if not others:
        return numpy.result_type(*numbers)
    common = promote("np.result_type", others).numpy
    return numpy.result_type(common, *numbers) if numbers else common


def promote_types(type1: DTypeLike, type2: DTypeLike) -> numpy.dtype[Any]:
    """The smallest type that holds both by NumPy's rules, such as float64 for int32 and float32."""
    return numpy.promote_types(_dtype(type1), _dtype(type2))


def min_scalar_type(a: Any) -> numpy.dtype[Any]:
    """The smallest element type that holds a number."""
    return numpy.min_scalar_type(numpy.asarray(a))


def set_printoptions(precision: int | None = None, threshold: int | None = None,
                     **kwarg: Any) -> None:  # fmt: skip
    """How arrays print: digits after the point, the number of elements printed in full.

    All options of `numpy.set_printoptions`, which this sets.
    """
    numpy.set_printoptions(precision=precision, threshold=threshold, **kwarg)


PUBLIC: tuple[Callable[..., Any], ...] = (
    finfo, iinfo, can_cast, result_type, promote_types, min_scalar_type, set_printoptions,
)  # fmt: skip
