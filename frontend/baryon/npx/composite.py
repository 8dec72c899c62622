"""Functions of `mx.npx` that arrange their arguments before they call ops.

Signatures are those of MXNet 2. Arguments that speak of GPUs (`cudnn_off`, `workspace`) are
accepted and have no effect; others that ask for what is not there are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from baryon.array import Ops, is_training, ndarray
from baryon.array.indexing import slice_attrs
from baryon.array.random import uniform
from baryon.array.types import ArrayLike, DTypeLike
from baryon.ir import IRTypeError, UnsupportedError
from baryon.npx.common import array

_np, _npx = Ops("np"), Ops("npx")
_Slice = slice

T = TypeVar("T")

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


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
    """A rectifier: leaky, elu, selu, prelu (`gamma` on axis 1), rrelu, gelu.

    rrelu: the slope of each negative element is drawn from [lower_bound, upper_bound) in training,
    and the middle of it otherwise.
    slope: of negative elements (leaky), or minus the limit at -infinity (elu).
    """
    table: Mapping[str, Callable[[], ndarray]] = {
        "leaky": lambda: _npx.leaky_relu(data, slope=slope),
        "elu": lambda: _npx.elu(data, slope=slope),
        "selu": lambda: _np.multiply(_npx.elu(data, slope=SELU_ALPHA), SELU_SCALE),
        "prelu": lambda: _prelu(data, gamma),
        "rrelu": lambda: _rrelu(array(data), lower_bound, upper_bound),
        "gelu": lambda: _npx.gelu(data),
        "gelu_erf": lambda: _npx.gelu(data),
        "gelu_tanh": lambda: _npx.gelu(data, approximate="tanh"),
    }
    return _chosen("leaky_relu", act_type, table)()


def _rrelu(data: ndarray, low: float, high: float) -> ndarray:
    if not is_training():
        return _npx.leaky_relu(data, slope=(low + high) / 2)
    slope = _np.add(_np.multiply(uniform(data.shape, data.type.dtype), high - low), low)
    return _np.where(_np.greater(data, 0.0), data, _np.multiply(data, slope))


def _prelu(data: Any, gamma: Any) -> ndarray:
    if gamma is None:
        raise IRTypeError("npx.leaky_relu: act_type 'prelu' needs gamma")
    if gamma.ndim == 1 and data.ndim > 2 and gamma.shape[0] != 1:
        gamma = _np.expand_dims(gamma, axis=tuple(range(1, data.ndim - 1)))
    return _np.add(_np.maximum(data, 0.0), _np.multiply(_np.minimum(data, 0.0), gamma))


def fully_connected(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, num_hidden: int | None = None,
    no_bias: bool = True, flatten: bool = True,
) -> ndarray:  # fmt: skip
    """x times the transposed weight (num_hidden, in), plus the bias if one is given."""
    return _npx.fully_connected(x, weight, bias, num_hidden, flatten)


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


PUBLIC = (activation, leaky_relu, fully_connected, embedding, slice)
