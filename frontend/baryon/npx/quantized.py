"""8-bit arithmetic in steps: quantization, layers on int8 and uint8, and intgemm's functions.

A quantized array comes with the numbers (min, max) that its range stands for: int8 q means q *
max(|min|, |max|) / 127, uint8 q means q * max / 255, int32 q means q * max(|min|, |max|) / (2^31 -
1). Functions that return one return (array, min, max), the last two of shape (1,). These are
definitions, computed exactly and not fast; nothing here has a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from baryon.array import ndarray
from baryon.array.types import ArrayLike, Axes, DTypeLike
from baryon.npx.common import array, cast, fail, np, npx, refuse
from baryon.npx.composite import activation
from baryon.npx.divergence import best_reach, divergence
from baryon.npx.windows import convolution, pooling

LEVELS = {"int8": 127.0, "uint8": 255.0, "int32": float(2**31 - 1)}
"""The number that stands for the end of the range."""

_LEAST = {"int8": -127.0, "uint8": 0.0}


def contrib_quantize(
    data: ArrayLike, min_range: ArrayLike, max_range: ArrayLike, out_type: str = "uint8"
) -> list[ndarray]:
    """Floats as int8 or uint8 whose range is max(|min_range|, |max_range|)."""
    low, high = _one(min_range), _one(max_range)
    _need_type("contrib_quantize", out_type, ("int8", "uint8"))
    return [_quantized(array(data), _larger(low, high), out_type), *_ends(low, high, out_type)]


def contrib_quantize_v2(
    data: ArrayLike, out_type: str = "int8", min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> list[ndarray]:  # fmt: skip
    """Floats as int8 or uint8, by the calibrated range or, without one, by that of the data.

    out_type: int8, uint8, or auto: uint8 if the range has no negative numbers.
    """
    x = array(data)
    _need_type("contrib_quantize_v2", out_type, ("int8", "uint8", "auto"))
    low, high = _range(x, min_calib_range, max_calib_range)
    kind = _automatic("contrib_quantize_v2", out_type, low)
    return [_quantized(x, _larger(low, high), kind), *_ends(low, high, kind)]


def requantize(
    data: ArrayLike, min_range: ArrayLike, max_range: ArrayLike, out_type: str = "int8",
    min_calib_range: float | None = None, max_calib_range: float | None = None,
) -> list[ndarray]:  # fmt: skip
    """int32 of the range (min_range, max_range) as int8 or uint8.

    The new range is the calibrated one or, without it, that of the data. out_type: int8, uint8, or
    auto: uint8 if the new range has no negative numbers.
    """
    _need_type("requantize", out_type, ("int8", "uint8", "auto"))
    x = _real(array(data), _larger(_one(min_range), _one(max_range)))
    low, high = _range(x, min_calib_range, max_calib_range)
    kind = _automatic("requantize", out_type, low)
    whole = _larger(low, high)
    ends = [np.multiply(whole, 0.0 if kind == "uint8" else -1.0), whole]
    return [_quantized(x, whole, kind), *ends]


def contrib_calibrate_entropy(
    hist: ArrayLike, hist_edges: ArrayLike, num_quantized_bins: int = 255
) -> list[ndarray]:
    """The threshold of a symmetric range that loses least, and what it loses.

    hist: counts of values in (odd) many bins around 0; hist_edges: their edges, one more. For each
    range the divergence between the clipped histogram and its version with num_quantized_bins bins
    is taken (Kullback and Leibler). Returns [threshold, divergence], each of shape (1,).
    Concrete arrays only.
    """
    wanted = "give it concrete histograms"
    counts = array(hist).elements("contrib_calibrate_entropy", wanted).astype(numpy.float64)
    edges = array(hist_edges).elements("contrib_calibrate_entropy", wanted)
    middle, half = len(counts) // 2, num_quantized_bins // 2
    if len(edges) != len(counts) + 1 or half < 1 or half > middle:
        fail(
            "contrib_calibrate_entropy",
            f"{len(counts)} bins, {len(edges)} edges, num_quantized_bins={num_quantized_bins}",
            "edges are one more, quantized bins fewer",
        )
    reach = best_reach(counts, num_quantized_bins)
    loss = divergence(counts, reach, num_quantized_bins)
    return [array([float(edges[middle + reach + 1])]), array([loss])]


def quantized_fully_connected(
    data: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None,
    min_data: ArrayLike = 0.0, max_data: ArrayLike = 0.0, min_weight: ArrayLike = 0.0,
    max_weight: ArrayLike = 0.0, min_bias: ArrayLike | None = None,
    max_bias: ArrayLike | None = None, num_hidden: int | None = None, no_bias: bool = False,
    flatten: bool = True,
) -> list[ndarray]:  # fmt: skip
    """`fully_connected` on int8 or uint8 data, int8 weight and bias; the result is int32."""
    x, w = array(data), array(weight)
    whole = cast(npx.fully_connected(_wide(x), _wide(w), None, num_hidden, flatten), "int32")
    level = _level(x, min_data, max_data) * _level(w, min_weight, max_weight)
    return _accumulated(whole, level, None if no_bias else bias, min_bias, max_bias, -1)


def quantized_conv(
    data: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None,
    min_data: ArrayLike = 0.0, max_data: ArrayLike = 0.0, min_weight: ArrayLike = 0.0,
    max_weight: ArrayLike = 0.0, min_bias: ArrayLike | None = None,
    max_bias: ArrayLike | None = None, kernel: Axes = (), stride: Axes | None = None,
    dilate: Axes | None = None, pad: Axes | None = None, num_filter: int | None = None,
    num_group: int = 1, workspace: int = 1024, no_bias: bool = False,
    cudnn_tune: str | None = None, cudnn_off: bool = False, layout: str | None = None,
) -> list[ndarray]:  # fmt: skip
    """`convolution` on int8 or uint8 data, int8 weight and bias; the result is int32."""
    x, w = array(data), array(weight)
    whole = convolution(_wide(x), _wide(w), None, kernel, stride, dilate, pad, num_filter,
                        num_group, layout=layout)  # fmt: skip
    level = _level(x, min_data, max_data) * _level(w, min_weight, max_weight)
    axis = -1 if layout is not None and layout.endswith("C") else 1
    given = None if no_bias else bias
    return _accumulated(cast(whole, "int32"), level, given, min_bias, max_bias, axis)


def _accumulated(
    whole: ndarray, level: ndarray, bias: ArrayLike | None, low: ArrayLike | None,
    high: ArrayLike | None, axis: int,
) -> list[ndarray]:  # fmt: skip
    """An int32 result whose unit is `level`, with a bias brought to that unit."""
    if bias is not None:
        if low is None or high is None:
            fail("quantized", "a bias needs min_bias and max_bias")
        real = _real(array(bias), _larger(_one(low), _one(high)))
        units = cast(np.rint(real / level), "int32")
        shape = [-1 if i == axis % whole.ndim else 1 for i in range(whole.ndim)]
        whole = np.add(whole, np.reshape(units, tuple(shape)))
    end = np.multiply(level, LEVELS["int32"])
    return [whole, np.negative(end), end]


def quantized_pooling(
    data: ArrayLike, min_data: ArrayLike, max_data: ArrayLike, kernel: Axes = (),
    pool_type: str = "max", global_pool: bool = False, cudnn_off: bool = False,
    pooling_convention: str = "valid", stride: Axes | None = None, pad: Axes | None = None,
    p_value: int | None = None, count_include_pad: bool | None = None, layout: str | None = None,
    output_size: Axes | None = None,
) -> list[ndarray]:  # fmt: skip
    """`pooling` (max or avg) on int8 or uint8; averages are rounded."""
    x = array(data)
    if pool_type not in ("max", "avg"):
        fail("quantized_pooling", f"pool_type={pool_type!r}", "it is 'max' or 'avg'")
    y = pooling(cast(x, "float32"), kernel, stride, pad, pool_type, pooling_convention, global_pool,
                count_include_pad=count_include_pad, layout=layout,
                output_size=output_size)  # fmt: skip
    return [cast(np.rint(y), x.dtype), _one(min_data), _one(max_data)]


def quantized_act(
    data: ArrayLike, min_data: ArrayLike, max_data: ArrayLike, act_type: str = "relu"
) -> list[ndarray]:
    """relu on int8, uint8 or int32; the range stays."""
    if act_type != "relu":
        fail("quantized_act", f"act_type={act_type!r}", "only relu keeps the range")
    return [activation(data, act_type), _one(min_data), _one(max_data)]


def quantized_flatten(data: ArrayLike, min_data: ArrayLike, max_data: ArrayLike) -> list[ndarray]:
    """`batch_flatten`; the range stays."""
    return [npx.batch_flatten(data), _one(min_data), _one(max_data)]


def quantized_reshape(
    data: ArrayLike, min_data: ArrayLike, max_data: ArrayLike, newshape: Sequence[int] = (),
    reverse: bool = False, order: str = "C",
) -> list[ndarray]:  # fmt: skip
    """`np.reshape`; the range stays."""
    refuse("quantized_reshape", reverse=reverse, order=None if order == "C" else order)
    return [np.reshape(data, newshape), _one(min_data), _one(max_data)]


def quantized_transpose(
    data: ArrayLike, min_data: ArrayLike, max_data: ArrayLike, axes: Axes | None = None
) -> list[ndarray]:
    """`np.transpose`; the range stays."""
    return [np.transpose(data, axes=axes or None), _one(min_data), _one(max_data)]


def quantized_elemwise_add(
    lhs: ArrayLike, rhs: ArrayLike, lhs_min: ArrayLike, lhs_max: ArrayLike, rhs_min: ArrayLike,
    rhs_max: ArrayLike, min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> list[ndarray]:  # fmt: skip
    """The sum of two quantized arrays: int8 of the calibrated range, or int32 without one."""
    a, b = _two(lhs, lhs_min, lhs_max, rhs, rhs_min, rhs_max)
    if min_calib_range is not None:
        return _in_range(a + b, min_calib_range, max_calib_range)
    end = _larger(_one(lhs_min), _one(lhs_max)) + _larger(_one(rhs_min), _one(rhs_max))
    wide, limit = cast(a + b, "float64") / cast(end, "float64"), LEVELS["int32"]
    whole = cast(np.rint(np.clip(np.multiply(wide, limit), -limit, limit)), "int32")
    return [whole, np.negative(end), end]


def quantized_npi_add(
    lhs: ArrayLike, rhs: ArrayLike, lhs_min: ArrayLike, lhs_max: ArrayLike, rhs_min: ArrayLike,
    rhs_max: ArrayLike, min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> list[ndarray]:  # fmt: skip
    """`quantized_elemwise_add` of arrays that broadcast."""
    return quantized_elemwise_add(lhs, rhs, lhs_min, lhs_max, rhs_min, rhs_max, min_calib_range,
                                  max_calib_range)  # fmt: skip


def quantized_elemwise_mul(
    lhs: ArrayLike, rhs: ArrayLike, lhs_min: ArrayLike, lhs_max: ArrayLike, rhs_min: ArrayLike,
    rhs_max: ArrayLike, min_calib_range: float | None = None,
    max_calib_range: float | None = None, enable_float_output: bool = False,
) -> Any:  # fmt: skip
    """The product of two quantized arrays: float32 with enable_float_output, else as a triple:
    int8 of the calibrated range, or int32 without one.
    """
    a, b = _two(lhs, lhs_min, lhs_max, rhs, rhs_min, rhs_max)
    if enable_float_output:
        return a * b
    if min_calib_range is not None:
        return _in_range(a * b, min_calib_range, max_calib_range)
    x, y = array(lhs), array(rhs)
    level = _level(x, lhs_min, lhs_max) * _level(y, rhs_min, rhs_max)
    return _accumulated(cast(x, "int32") * cast(y, "int32"), level, None, None, None, -1)


def quantized_embedding(
    data: ArrayLike, weight: ArrayLike, min_weight: ArrayLike, max_weight: ArrayLike,
    input_dim: int | None = None, output_dim: int | None = None, dtype: DTypeLike = "int8",
    sparse_grad: bool = False,
) -> list[ndarray]:  # fmt: skip
    """Rows of an int8 weight; the range stays."""
    rows = np.take(weight, cast(array(data), "int64"), axis=0, mode="clip")
    return [rows, _one(min_weight), _one(max_weight)]


def intgemm_maxabsolute(data: ArrayLike) -> ndarray:
    """The largest absolute value, of shape (1,)."""
    return np.reshape(np.max(np.abs(array(data))), (1,))


def intgemm_prepare_data(data: ArrayLike, maxabs: ArrayLike) -> ndarray:
    """Floats as int8: data * 127 / maxabs, rounded and cut off."""
    return _quantized(array(data), np.reshape(array(maxabs), (1,)), "int8")


def intgemm_prepare_weight(
    weight: ArrayLike, maxabs: ArrayLike | None = None, already_quantized: bool = False
) -> ndarray:
    """A weight (out, in) as int8; baryon packs it when it compiles, so rows stay as they are."""
    if already_quantized:
        return cast(array(weight), "int8")
    if maxabs is None:
        fail("intgemm_prepare_weight", "a weight of floats needs maxabs")
    return intgemm_prepare_data(weight, maxabs)


def intgemm_take_weight(weight: ArrayLike, indices: ArrayLike) -> ndarray:
    """The rows of a prepared weight at indices: some of its outputs."""
    return np.take(weight, cast(array(indices), "int64"), axis=0, mode="clip")


def intgemm_fully_connected(
    data: ArrayLike, weight: ArrayLike, scaling: ArrayLike | None = None,
    bias: ArrayLike | None = None, num_hidden: int | None = None, no_bias: bool = False,
    flatten: bool = True, out_type: str = "float32",
) -> ndarray:  # fmt: skip
    """Prepared data times a prepared weight, as int32, or times `scaling` (and plus bias) float32.

    Data of floats is prepared by its largest absolute value, by which the result is scaled back.
    """
    x = array(data)
    _need_type("intgemm_fully_connected", out_type, ("float32", "int32"))
    factor = 1.0 if scaling is None else array(scaling)
    if x.type.dtype.is_float:
        most = intgemm_maxabsolute(x)
        x, factor = intgemm_prepare_data(x, most), np.multiply(most / 127.0, factor)
    whole = npx.fully_connected(_wide(x), _wide(array(weight)), None, num_hidden, flatten)
    if out_type == "int32":
        return cast(whole, "int32")
    y = np.multiply(cast(whole, "float32"), factor)
    return y if no_bias or bias is None else np.add(y, bias)


def _need_type(function: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        fail(function, f"out_type={given!r}", f"one of {', '.join(known)}")


def _one(x: ArrayLike) -> ndarray:
    """One number as an array of shape (1,)."""
    return np.reshape(cast(array(x), "float32"), (1,))


def _larger(low: ndarray, high: ndarray) -> ndarray:
    return np.maximum(np.abs(low), np.abs(high))


def _range(x: ndarray, low: float | None, high: float | None) -> tuple[ndarray, ndarray]:
    if low is None or high is None:
        return _one(np.min(x)), _one(np.max(x))
    return _one(low), _one(high)


def _automatic(function: str, out_type: str, low: ndarray) -> str:
    """The dtype that "auto" stands for, which only a known range can say."""
    if out_type != "auto":
        return out_type
    hint = "give min_calib_range and max_calib_range, or the out_type"
    return "uint8" if float(low.elements(f"{function}'s auto", hint)[0]) >= 0 else "int8"


def _quantized(x: ndarray, end: ndarray, kind: str) -> ndarray:
    scaled = np.divide(np.multiply(x, LEVELS[kind]), np.maximum(end, 1e-30))
    return cast(np.clip(np.rint(scaled), _LEAST[kind], LEVELS[kind]), kind)


def _ends(low: ndarray, high: ndarray, kind: str) -> list[ndarray]:
    """The range of an int8 array is symmetric; that of uint8 is kept as it was given."""
    end = _larger(low, high)
    return [low, high] if kind == "uint8" else [np.negative(end), end]


def _in_range(x: ndarray, low: float, high: float | None) -> list[ndarray]:
    end = _one(max(abs(low), abs(low if high is None else high)))
    return [_quantized(x, end, "int8"), np.negative(end), end]


def _level(x: ndarray, low: ArrayLike, high: ArrayLike) -> ndarray:
    """What one unit of a quantized array means."""
    name = x.type.dtype.numpy.name
    if name not in LEVELS:
        fail("quantized", f"{x.type} is not quantized", "give int8, uint8 or int32")
    return np.divide(_larger(_one(low), _one(high)), LEVELS[name])


def _real(x: ndarray, end: ndarray) -> ndarray:
    """What a quantized array means."""
    return np.multiply(cast(x, "float32"), _level(x, end, end))


def _two(
    lhs: ArrayLike, lhs_min: ArrayLike, lhs_max: ArrayLike, rhs: ArrayLike, rhs_min: ArrayLike,
    rhs_max: ArrayLike,
) -> tuple[ndarray, ndarray]:  # fmt: skip
    x, y = array(lhs), array(rhs)
    return (_real(x, _larger(_one(lhs_min), _one(lhs_max))),
            _real(y, _larger(_one(rhs_min), _one(rhs_max))))  # fmt: skip


def _wide(x: ndarray) -> ndarray:
    """Whole numbers as float64, in which sums of their products are exact."""
    return cast(x, "float64")


PUBLIC = (
    contrib_quantize, contrib_quantize_v2, requantize, contrib_calibrate_entropy,
    quantized_fully_connected, quantized_conv, quantized_pooling, quantized_act, quantized_flatten,
    quantized_reshape, quantized_transpose, quantized_elemwise_add, quantized_npi_add,
    quantized_elemwise_mul, quantized_embedding, intgemm_maxabsolute, intgemm_prepare_data,
    intgemm_prepare_weight, intgemm_take_weight, intgemm_fully_connected,
)  # fmt: skip
