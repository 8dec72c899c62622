"""Initializers that draw: `mx.random.seed` makes them repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.array.host_random import host_generator
from baryon.initializer.base import InitDesc, InitError, Initializer
from baryon.ir import caller_loc


class Uniform(Initializer):
    """Evenly from [-scale, scale)."""

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = _uniform(self.scale, arr.shape)


class Normal(Initializer):
    """From the normal distribution around 0 with the standard deviation `sigma`."""

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = _normal(self.sigma, arr.shape)


class Orthogonal(Initializer):
    """Rows (or columns, if there are fewer) orthogonal and of length `scale` (Saxe et al. 2013).

    Axes after the first count as one. rand_type: "uniform" or "normal", the matrix that is made
    orthogonal.
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale, self.rand_type = scale, _one_of("rand_type", rand_type, ("uniform", "normal"))

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        shape = (arr.shape[0], int(np.prod(arr.shape[1:])))
        draw = _uniform if self.rand_type == "uniform" else _normal
        u, _, v = np.linalg.svd(draw(1.0, shape), full_matrices=False)
        arr[...] = (self.scale * (u if u.shape == shape else v)).reshape(arr.shape)


class Xavier(Initializer):
    """Keeps the variance of activations from layer to layer (Glorot and Bengio 2010).

    Uniform from [-c, c) or normal with the standard deviation c, c = sqrt(magnitude / factor);
    factor: the number of inputs ("in"), of outputs ("out") or their mean ("avg"). Weights are (out,
    in, *kernel).
    """

    def __init__(
        self, rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3
    ) -> None:
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        self.rnd_type = _one_of("rnd_type", rnd_type, ("uniform", "gaussian"))
        self.factor_type = _one_of("factor_type", factor_type, ("avg", "in", "out"))
        self.magnitude = float(magnitude)

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        if len(arr.shape) < 2:
            raise InitError(
                f"{str(desc)!r} has the shape {arr.shape}: Xavier needs two axes or more",
                where=str(caller_loc("baryon")),
                hint="give vectors another initializer: Uniform, Normal or 'zeros'",
            )
        window = float(np.prod(arr.shape[2:]))
        inputs, outputs = arr.shape[1] * window, arr.shape[0] * window
        factor = {"in": inputs, "out": outputs, "avg": (inputs + outputs) / 2}[self.factor_type]
        draw = _uniform if self.rnd_type == "uniform" else _normal
        arr[...] = draw((self.magnitude / factor) ** 0.5, arr.shape)


class MSRAPrelu(Xavier):
    """Keeps the variance through (parametric) rectifiers of this slope (He et al. 2015)."""

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


def _uniform(scale: float, shape: Any) -> Any:
    drawn = host_generator().random(shape, np.float32)
    return (2 * drawn - 1) * np.float32(scale)


def _normal(sigma: float, shape: Any) -> Any:
    return host_generator().standard_normal(shape, np.float32) * np.float32(sigma)


def _one_of(what: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise InitError(f"{what}={given!r} is none of {', '.join(known)}")
    return given
