"""Functions of `mx.npx` that arrange their arguments before they call ops.

Signatures are those of MXNet 2. Arguments that speak of GPUs (`cudnn_off`, `workspace`) are
accepted and have no effect; others that ask for what is not there are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from baryon.array.indexing import slice_attrs
from baryon.array import Ops, ndarray
from baryon.array.types import ArrayLike, Axes, DTypeLike, Shape
from baryon.ir import IRTypeError, UnsupportedError

_np, _npx = Ops("np"), Ops("npx")
_Slice = slice

T = TypeVar("T")

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_CHANNELS_FIRST = (None, "NCW", "NCHW", "NCDHW")


def _refuse(function: str, **given: Any) -> None:
    """Refuse arguments that are not None or False."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise UnsupportedError(f"npx.{function}: {name}={value!r} is not supported")


def _log_sigmoid(data: ArrayLike) -> ndarray:
    return _np.negative(_npx.softplus(_np.negative(data)))


def _mish(data: ArrayLike) -> ndarray:
    return _np.multiply(data, _np.tanh(_npx.softplus(data)))


_ACTIVATIONS: Mapping[str, Callable[[ArrayLike], ndarray]] = {
    "log_sigmoid": _log_sigmoid,
    "mish": _mish,
    "relu": _npx.relu,
    "sigmoid": _npx.sigmoid,
    "softrelu": _npx.softplus,
    "softsign": _npx.softsign,
    "tanh": _np.tanh,
}


def _chosen(function: str, act_type: str, table: Mapping[str, T]) -> T:
    if act_type not in table:
        raise IRTypeError(
            f"npx.{function}: there is no act_type {act_type!r}", hint=f"one of {', '.join(table)}"
        )
    return table[act_type]


def activation(data: ArrayLike, act_type: str = "relu") -> ndarray:
    """An activation: relu, sigmoid, log_sigmoid, mish, tanh, softrelu or softsign."""
    return _chosen("activation", act_type, _ACTIVATIONS)(data)


def leaky_relu(
    data: ArrayLike, gamma: ArrayLike | None = None, act_type: str = "leaky", slope: float = 0.25,
    lower_bound: float = 0.125, upper_bound: float = 0.334,
) -> ndarray:  # fmt: skip
    """A rectifier: leaky, elu, selu, prelu (`gamma` on axis 1), rrelu (at inference), gelu.

    slope: of negative elements (leaky), or minus the limit at -infinity (elu).
    """
    table: Mapping[str, Callable[[], ndarray]] = {
        "leaky": lambda: _npx.leaky_relu(data, slope=slope),
        "elu": lambda: _npx.elu(data, slope=slope),
        "selu": lambda: _np.multiply(_npx.elu(data, slope=SELU_ALPHA), SELU_SCALE),
        "prelu": lambda: _prelu(data, gamma),
        "rrelu": lambda: _npx.leaky_relu(data, slope=(lower_bound + upper_bound) / 2),
        "gelu": lambda: _npx.gelu(data),
        "gelu_erf": lambda: _npx.gelu(data),
        "gelu_tanh": lambda: _npx.gelu(data, approximate="tanh"),
    }
    return _chosen("leaky_relu", act_type, table)()


def _prelu(data: Any, gamma: Any) -> ndarray:
    if gamma is None:
        raise IRTypeError("npx.leaky_relu: act_type 'prelu' needs gamma")
    if gamma.ndim == 1 and data.ndim > 2 and gamma.shape[0] != 1:
        gamma = _np.expand_dims(gamma, axis=tuple(range(1, data.ndim - 1)))
    return _np.add(_np.maximum(data, 0.0), _np.multiply(_np.minimum(data, 0.0), gamma))


def softmax(
    data: ArrayLike, length: ArrayLike | None = None, axis: int = -1,
    temperature: float | None = None, use_length: bool = False, dtype: DTypeLike | None = None,
) -> ndarray:  # fmt: skip
    """exp(data / temperature), divided by its sum along an axis."""
    _refuse("softmax", length=length, use_length=use_length)
    return _cast(_npx.softmax(data, axis, temperature), dtype)


def log_softmax(
    data: ArrayLike, axis: int = -1, length: ArrayLike | None = None,
    temperature: float | None = None, use_length: bool = False, dtype: DTypeLike | None = None,
) -> ndarray:  # fmt: skip
    """The logarithm of `softmax`."""
    _refuse("log_softmax", length=length, use_length=use_length)
    return _cast(_npx.log_softmax(data, axis, temperature), dtype)


def _cast(x: ndarray, dtype: DTypeLike | None) -> ndarray:
    return x if dtype is None else _npx.cast(x, dtype=dtype)


def fully_connected(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, num_hidden: int | None = None,
    no_bias: bool = True, flatten: bool = True,
) -> ndarray:  # fmt: skip
    """x times the transposed weight (num_hidden, in), plus the bias if one is given."""
    return _npx.fully_connected(x, weight, bias, num_hidden, flatten)


def convolution(
    data: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, kernel: Axes = (),
    stride: Axes | None = None, dilate: Axes | None = None, pad: Axes | None = None,
    num_filter: int | None = None, num_group: int = 1, workspace: int = 1024,
    no_bias: bool = False, cudnn_tune: str | None = None, cudnn_off: bool = False,
    layout: str | None = None,
) -> ndarray:  # fmt: skip
    """A convolution over 1 to 3 spatial axes of (N, C, *spatial) data.

    weight: (num_filter, C / num_group, *kernel). pad: one number for each spatial axis, or all
    begins, then all ends.
    """
    _channels_first("convolution", layout)
    return _npx.convolution(
        data, weight, None if no_bias else bias, kernel, stride or (), dilate or (), pad or (),
        num_filter, num_group, layout,
    )  # fmt: skip


def deconvolution(
    data: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, kernel: Axes = (),
    stride: Axes | None = None, dilate: Axes | None = None, pad: Axes | None = None,
    adj: Axes | None = None, target_shape: Axes | None = None, num_filter: int | None = None,
    num_group: int = 1, workspace: int = 512, no_bias: bool = False,
    cudnn_tune: str | None = None, cudnn_off: bool = False, layout: str | None = None,
) -> ndarray:  # fmt: skip
    """A transposed convolution; weight is (C, num_filter / num_group, *kernel)."""
    _channels_first("deconvolution", layout)
    _refuse("deconvolution", target_shape=target_shape)
    return _npx.deconvolution(
        data, weight, None if no_bias else bias, kernel, stride or (), dilate or (), pad or (),
        adj or (), num_filter, num_group, layout,
    )  # fmt: skip


def _channels_first(function: str, layout: str | None) -> None:
    if layout not in _CHANNELS_FIRST:
        raise UnsupportedError(
            f"npx.{function}: layout={layout!r} is not supported",
            hint="give data as (N, C, *spatial); baryon chooses the layout in memory itself",
        )


def pooling(
    data: ArrayLike, kernel: Axes = (), stride: Axes | None = None, pad: Axes | None = None,
    pool_type: str = "max", pooling_convention: str = "valid", global_pool: bool = False,
    cudnn_off: bool = False, p_value: int | None = None, count_include_pad: bool | None = None,
    layout: str | None = None,
) -> ndarray:  # fmt: skip
    """Maximum, average or sum ("max", "avg", "sum") over a sliding window of `kernel`."""
    _channels_first("pooling", layout)
    _refuse("pooling", p_value=p_value)
    return _npx.pooling(
        data, kernel, stride or (), pad or (), pool_type, pooling_convention, global_pool,
        True if count_include_pad is None else count_include_pad, layout,
    )  # fmt: skip


def batch_norm(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, running_mean: ArrayLike,
    running_var: ArrayLike, eps: float = 1e-3, momentum: float = 0.9, fix_gamma: bool = True,
    use_global_stats: bool = False, output_mean_var: bool = False, axis: int = 1,
    cudnn_off: bool = False, min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> ndarray:  # fmt: skip
    """Normalization by the running statistics; gamma counts as 1 with `fix_gamma`."""
    _refuse("batch_norm", output_mean_var=output_mean_var, min_calib_range=min_calib_range,
            max_calib_range=max_calib_range)  # fmt: skip
    return _npx.batch_norm(
        x, gamma, beta, running_mean, running_var, eps, momentum, fix_gamma, use_global_stats, axis
    )


def layer_norm(
    data: ArrayLike, gamma: ArrayLike, beta: ArrayLike, axis: int = -1, eps: float = 1e-5,
    output_mean_var: bool = False,
) -> ndarray:  # fmt: skip
    """Normalization along one axis, scaled by gamma and shifted by beta."""
    _refuse("layer_norm", output_mean_var=output_mean_var)
    return _npx.layer_norm(data, gamma, beta, axis, eps)


def dropout(
    data: ArrayLike, p: float = 0.5, mode: str = "training", axes: Sequence[int] | None = None,
    cudnn_off: bool = False,
) -> ndarray:  # fmt: skip
    """The data: nothing is dropped at inference."""
    if mode != "training":
        raise UnsupportedError(f"npx.dropout: mode={mode!r} is not there yet")
    return _npx.dropout(data, p)


def embedding(
    data: ArrayLike, weight: ArrayLike, input_dim: int | None = None,
    output_dim: int | None = None, dtype: DTypeLike = "float32", sparse_grad: bool = False,
) -> ndarray:  # fmt: skip
    """Rows of the weight (input_dim, output_dim) at the indices `data`; too large ones clip."""
    return _np.take(weight, _npx.cast(data, dtype="int64"), axis=0, mode="clip")


def slice(
    data: ArrayLike, begin: Sequence[int | None], end: Sequence[int | None],
    step: Sequence[int | None] | None = None,
) -> ndarray:  # fmt: skip
    """data[begin[0]:end[0]:step[0], begin[1]:end[1]:step[1], ...]; None leaves an end open."""
    steps = step or [None] * len(begin)
    parts = [_Slice(b, e, s) for b, e, s in zip(begin, end, steps, strict=True)]
    return _npx.slice(data, **slice_attrs(parts))


def reshape(a: ArrayLike, newshape: Shape, reverse: bool = False, order: str = "C") -> ndarray:
    """The elements in another shape; the codes are those of `np.reshape`."""
    _refuse("reshape", reverse=reverse, order=None if order == "C" else order)
    return _np.reshape(a, newshape)


PUBLIC = (
    activation, leaky_relu, softmax, log_softmax, fully_connected, convolution, deconvolution,
    pooling, batch_norm, layer_norm, dropout, embedding, slice, reshape,
)  # fmt: skip
