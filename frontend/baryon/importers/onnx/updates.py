"""Steps of optimizers, ai.onnx.preview.training: tensors X, their gradients, and the state."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp

_DOMAIN = "ai.onnx.preview.training"


def _by_tensor(states: int, step: Callable[..., Sequence[ndarray]]) -> Any:
    """The mapping for any number of tensors: all X, all gradients, then each state of all."""

    def update(node: Node, rate: ndarray, count: ndarray, *tensors: ndarray) -> tuple[Any, ...]:
        parts, attrs = len(tensors) // (2 + states), _attrs(node)
        columns = [tensors[i : i + parts] for i in range(0, len(tensors), parts)]
        rows = zip(*columns, strict=True)
        results = [step(attrs, rate, count.astype(rate.dtype), *row) for row in rows]
        return tuple(x for column in zip(*results, strict=True) for x in column)

    return by_arrays(update)


def _attrs(node: Node) -> dict[str, Any]:
    names = {"alpha": 0.9, "beta": 0.999, "decay_factor": 0.0, "epsilon": 1e-6,
             "norm_coefficient": 0.0, "norm_coefficient_post": 0.0, "mode": ""}  # fmt: skip
    return {name: node.attr(name, default) for name, default in names.items()}


def _adagrad(a: dict[str, Any], rate: ndarray, count: ndarray, *given: ndarray) -> Sequence[Any]:
    x, gradient, squares = given
    slope = a["norm_coefficient"] * x + gradient
    squares = squares + slope * slope
    rate = rate / (1 + count * a["decay_factor"])
    return x - rate * slope / (np.sqrt(squares) + a["epsilon"]), squares


def _one_minus_power(x: float, count: ndarray) -> Any:
    return 0 - np.expm1(count * math.log(x)) if x > 0 else np.ones_like(count)


def _adam(a: dict[str, Any], rate: ndarray, count: ndarray, *given: ndarray) -> Sequence[Any]:
    x, gradient, mean, square = given
    alpha, beta = a["alpha"], a["beta"]
    slope = a["norm_coefficient"] * x + gradient
    mean = alpha * mean + (1 - alpha) * slope
    square = beta * square + (1 - beta) * slope * slope
    exact = rate * np.sqrt(_one_minus_power(beta, count)) / _one_minus_power(alpha, count)
    adjusted = np.where(count > 0, exact, rate)
    x = x - adjusted * mean / (np.sqrt(square) + a["epsilon"])
    return (1 - a["norm_coefficient_post"]) * x, mean, square


def _momentum(a: dict[str, Any], rate: ndarray, count: ndarray, *given: ndarray) -> Sequence[Any]:
    x, gradient, velocity = given
    slope = a["norm_coefficient"] * x + gradient
    fresh = np.where(count > 0, np.full_like(count, a["beta"]), np.ones_like(count))
    velocity = a["alpha"] * velocity + fresh * slope
    ahead = slope + a["alpha"] * velocity if a["mode"] == "nesterov" else velocity
    return x - rate * ahead, velocity


OPS = (
    OnnxOp("Adagrad", _by_tensor(1, _adagrad), domain=_DOMAIN),
    OnnxOp("Adam", _by_tensor(2, _adam), domain=_DOMAIN),
    OnnxOp("Momentum", _by_tensor(1, _momentum), domain=_DOMAIN),
)
