"""8-bit codes as MXNet has them: an array with the two ends of the range that it stands for.

An int8 code q means q * end / 127.5, a uint8 one q * end / 255.5, as in MXNet's oneDNN backend; end
is the larger magnitude of the range. Where the range is known, codes have it in their types
(`ir.quantize`), so that the compiler finds them; else the same arithmetic is written out. An array
of floats that comes with a range is what it says: sums of products, which MXNet keeps as int32
until they are requantized.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from baryon import np
from baryon.array import ndarray, recorder
from baryon.deferred.recorder import Trace
from baryon.importers.mxnet.node import Node
from baryon.ir import dtype_of
from baryon.npx.common import cast, ir

LEVELS = {"int8": 127.5, "uint8": 255.5}
"""How many steps of the codes the end of a range is."""
_LIMITS = {"int8": (-128.0, 127.0), "uint8": (0.0, 255.0)}


class Codes(NamedTuple):
    """Codes and their range, each end of shape (1,): what quantized operators give and take."""

    data: ndarray
    low: ndarray
    high: ndarray

    @property
    def end(self) -> float | ndarray:
        """The larger magnitude of the range: a number where it is known."""
        if self.low.is_traced or self.high.is_traced:
            larger = np.maximum(np.abs(self.low), np.abs(self.high))
            return np.reshape(larger, ())
        return max(float(abs(x.asnumpy()).max()) for x in (self.low, self.high))


def meaning(codes: Codes) -> ndarray:
    """The numbers that codes stand for."""
    name = codes.data.type.dtype.numpy.name
    if name not in LEVELS:
        return codes.data
    end = codes.end
    if isinstance(end, ndarray):
        return np.multiply(cast(codes.data, "float32"), np.divide(end, LEVELS[name]))
    found: ndarray = decoded(codes.data, [_positive(end) / LEVELS[name]])
    return found


def decoded(
    data: ndarray, scales: Sequence[float], axis: int | None = None, name: str = "c"
) -> Any:
    """`ir.dequantize`. Known codes, as those of weights, stay codes in a trace."""
    trace = recorder()
    if isinstance(trace, Trace) and not data.is_traced:
        data = ndarray(None, trace.builder.constant(data.asnumpy(), name), trace)
    return ir("dequantize", data, scale=[*map(float, scales)], zero=[0], axis=axis)


def coded(x: ndarray, kind: str, low: ndarray, high: ndarray) -> Codes:
    """Numbers as codes of a range; those of int8 have a symmetric one."""
    empty = Codes(x, low, high)
    end = empty.end
    if isinstance(end, ndarray):
        steps = np.divide(np.multiply(x, LEVELS[kind]), np.maximum(end, 1e-30))
        data = cast(np.clip(np.rint(steps), *_LIMITS[kind]), kind)
    else:
        scale = _positive(end) / LEVELS[kind]
        data = ir("quantize", x, dtype=dtype_of(kind), scale=[scale], zero=[0], axis=None)
    return Codes(data, *((low, high) if kind == "uint8" else _ends(end)))


def again(like: Codes, x: ndarray) -> Codes:
    """Numbers as codes of the range that others have; floats stay floats."""
    name = like.data.type.dtype.numpy.name
    return coded(x, name, like.low, like.high) if name in LEVELS else Codes(x, like.low, like.high)


def weight_codes(weight: numpy.ndarray[Any, Any], *, by_row: bool, name: str) -> ndarray:
    """A weight of floats rounded to int8, each row by its own range or all by one."""
    flat = numpy.abs(weight.reshape(len(weight), -1))
    ends = flat.max(axis=1) if by_row else flat.max(initial=0.0).reshape(1)
    scales = numpy.where(ends > 0, ends, 1.0).astype(numpy.float32) / numpy.float32(LEVELS["int8"])
    shaped = scales.reshape(-1, *[1] * (weight.ndim - 1))
    steps = numpy.clip(numpy.rint(weight / shaped), *_LIMITS["int8"]).astype(numpy.int8)
    found: ndarray = decoded(ndarray(steps), scales.tolist(), 0 if by_row else None, name)
    return found


def range_of(x: ndarray) -> tuple[ndarray, ndarray]:
    """The least and the largest number."""
    return np.reshape(np.min(x), (1,)), np.reshape(np.max(x), (1,))


def known(x: ndarray, node: Node, what: str) -> numpy.ndarray[Any, Any]:
    """The elements of an array that must be known while importing."""
    if x.is_traced:
        raise node.unsupported(f"{what} is computed at run time")
    found: numpy.ndarray[Any, Any] = x.asnumpy()
    return found


def one(value: float) -> ndarray:
    """A number as an end of a range."""
    return ndarray(numpy.array([value], numpy.float32))


def _ends(end: float | ndarray) -> tuple[ndarray, ndarray]:
    if isinstance(end, ndarray):
        high = np.reshape(end, (1,))
        return np.negative(high), high
    return one(-end), one(end)


def _positive(end: float) -> float:
    return end if end > 0 else 1e-30
