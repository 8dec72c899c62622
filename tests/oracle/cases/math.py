"""Element-wise functions: values, and gradients where there are some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from oracle.cases import Case

DOMAINS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("log2", "log10", "log1p", "cbrt"), (0.1, 9)),
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), (-0.9, 0.9)),
    **dict.fromkeys(
        ("sin", "cos", "tan", "arctan", "sinh", "cosh", "arcsinh", "expm1", "degrees", "radians",
         "fabs", "rint", "fix", "ceil", "trunc"), (-3, 3),
    ),
    "arccosh": (1.2, 9),
}  # fmt: skip
SPECIAL: Mapping[str, tuple[float, float]] = {
    "erf": (-2, 2), "erfinv": (-0.9, 0.9), "gamma": (0.3, 5), "gammaln": (0.3, 9),
    "digamma": (0.3, 9), "smooth_l1": (-2, 2), "round_ste": (-3, 3), "sign_ste": (-3, 3),
}  # fmt: skip
BINARY = ("arctan2", "hypot", "copysign", "logaddexp", "mod", "fmax", "fmin", "ldexp")
WHOLE = ("floor_divide", "mod", "fmod", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor",
         "logical_and", "logical_or", "logical_xor")  # fmt: skip
ACTIVATIONS = ("relu", "sigmoid", "log_sigmoid", "mish", "tanh", "softrelu", "softsign")
RECTIFIERS = ("leaky", "elu", "prelu")


def _drawn(low: float, high: float, seed: int = 0) -> Any:
    rng = np.random.RandomState(seed)
    return (low + (high - low) * rng.rand(3, 4)).astype("float32")


def _with_gradients(mx: Any, function: Callable[..., Any], *arrays: Any) -> list[Any]:
    given = [mx.np.array(a) for a in arrays]
    for x in given:
        x.attach_grad()
    with mx.autograd.record():
        y = function(*given)
    y.backward()
    return [y, *(x.grad for x in given)]


def _unary(name: str, space: str, low: float, high: float, mx: Any) -> list[Any]:
    return _with_gradients(mx, getattr(getattr(mx, space), name), _drawn(low, high))


def _binary(name: str, mx: Any) -> list[Any]:
    return _with_gradients(mx, getattr(mx.np, name), _drawn(-3, 3), _drawn(-2, 2, 1))


def _whole(name: str, mx: Any) -> list[Any]:
    rng = np.random.RandomState(2)
    a, b = (mx.np.array(rng.randint(low, 50, 12), dtype="int32") for low in (0, 1))
    return [getattr(mx.np, name)(a, b), getattr(mx.np, name)(a, 7)]


def _activation(name: str, mx: Any) -> list[Any]:
    return _with_gradients(mx, lambda x: mx.npx.activation(x, act_type=name), _drawn(-3, 3))


def _rectifier(name: str, mx: Any) -> list[Any]:
    if name == "prelu":
        gamma = np.array([0.1, 0.2, 0.3, 0.4], "float32")
        rectify = partial(mx.npx.leaky_relu, act_type=name)
        return _with_gradients(mx, rectify, _drawn(-3, 3), gamma)
    rectify = partial(mx.npx.leaky_relu, act_type=name, slope=0.3)
    return _with_gradients(mx, rectify, _drawn(-3, 3))


def _fmod(mx: Any) -> list[Any]:
    """Without the slope of x2: MXNet rounds the quotient down in it, and towards 0 in the value."""
    return _with_gradients(mx, mx.np.fmod, _drawn(-3, 3), _drawn(-2, 2, 1))[:2]


def _selu(mx: Any) -> list[Any]:
    """Without the gradient, in which MXNet scales twice."""
    return [mx.npx.leaky_relu(mx.np.array(_drawn(-3, 3)), act_type="selu")]


def _rounding(mx: Any) -> list[Any]:
    x, n = mx.np.array(_drawn(-99, 99)), mx.np.array([15, 25, -14], dtype="int32")
    return [mx.np.around(x, 1), mx.np.around(x, -1), mx.np.round(x), mx.np.around(n)]


def _numbers_for_nan(mx: Any) -> list[Any]:
    x = mx.np.array([np.nan, np.inf, -np.inf, 2.5])
    chosen = mx.np.nan_to_num(x, nan=1.0, posinf=2.0, neginf=-3.0)
    return [mx.np.nan_to_num(x), chosen, mx.np.isnan(x), mx.np.isinf(x), mx.np.isfinite(x)]


def _shifts(mx: Any) -> list[Any]:
    a, b = mx.np.array([1, -7, 100], dtype="int32"), mx.np.array([3, 1, 2], dtype="int32")
    shifts = (mx.np.bitwise_left_shift, mx.np.bitwise_right_shift)
    return [*(f(a, b) for f in shifts), mx.np.invert(a)]


CASES: Mapping[str, Case] = {
    **{name: partial(_unary, name, "np", *span) for name, span in DOMAINS.items()},
    **{f"npx.{name}": partial(_unary, name, "npx", *span) for name, span in SPECIAL.items()},
    **{name: partial(_binary, name) for name in BINARY},
    **{f"whole.{name}": partial(_whole, name) for name in WHOLE},
    **{f"activation.{name}": partial(_activation, name) for name in ACTIVATIONS},
    **{f"leaky_relu.{name}": partial(_rectifier, name) for name in RECTIFIERS},
    "fmod": _fmod,
    "leaky_relu.selu": _selu,
    "around": _rounding,
    "nan_to_num": _numbers_for_nan,
    "shifts": _shifts,
}
