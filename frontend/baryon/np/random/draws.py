"""What the samplers share: their arguments, and the standard distributions they are made of.

All are made from `ir.random_uniform` by inverting distribution functions, so they run in compiled
graphs and are differentiable in their parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from baryon.array import ArrayBase, Ops, ndarray, only_cpu, stored
from baryon.array.base import recorder
from baryon.array.random import next_key, uniform
from baryon.array.switches import default_float
from baryon.ir import Dim, IRTypeError, dtype_of
from baryon.np.arguments import as_shape, operand
from baryon.ops.random import DIGITS
from baryon.ops.shapes import broadcast, text

_np, _npx = Ops("np"), Ops("npx")

Formula = Callable[..., Any]
"""(shape, dtype, *parameters) -> samples; parameters are numbers or arrays of that dtype."""


def shape_of(size: Any, parameters: Sequence[Any], out: ndarray | None = None) -> tuple[Dim, ...]:
    """The shape of the samples: `size`, or that of `out`, or the broadcast parameters'.

    Raises IRTypeError where the parameters do not broadcast to it.
    """
    shapes = [p.shape for p in parameters if isinstance(p, ArrayBase)]
    if size is None and out is not None:
        size = out.shape
    if size is None:
        return broadcast("np.random", *shapes)
    asked = as_shape(size)
    if broadcast("np.random", asked, *shapes) != asked:
        raise IRTypeError(
            f"parameters of the shapes {', '.join(map(text, shapes))} do not broadcast to the "
            f"size {text(asked)}"
        )
    return asked


def sampled(
    formula: Formula, parameters: Sequence[Any], size: Any, dtype: Any, device: Any,
    out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """Samples of a distribution. The dtype is that of `out`, or else the default floating one."""
    only_cpu(device)
    chosen = dtype_of(dtype or (default_float() if out is None else out.dtype))
    if not chosen.is_float:
        raise IRTypeError(f"samples of this distribution must be floating, not {chosen}")
    given = [_parameter(p, chosen.numpy) for p in parameters]
    return stored(formula(shape_of(size, given, out), chosen, *given), out)


def _parameter(x: Any, dtype: Any) -> Any:
    if isinstance(x, int | float):
        return x
    return operand(x).astype(dtype, copy=False)


def scaled(x: ndarray, loc: Any, scale: Any) -> Any:
    """x * scale + loc, without the ops that numbers make needless."""
    x = x if isinstance(scale, int | float) and scale == 1 else x * scale
    return x if isinstance(loc, int | float) and loc == 0 else x + loc


def full(x: Any, shape: Any, dtype: Any) -> ndarray:
    """A parameter for each sample."""
    if isinstance(x, ndarray):
        return x if x.shape == shape else _np.broadcast_to(x, shape)
    return _np.full(shape, x, dtype)


def key() -> tuple[ndarray, int]:
    """A key and a stream, for ops that draw by themselves."""
    active: Any = recorder()
    return (next_key(), 0) if active is None else active.draw()


def open01(shape: Any, dtype: Any) -> ndarray:
    """Uniform in (0, 1): the place of 0 takes half of a step."""
    return _np.maximum(uniform(shape, dtype), 0.5 ** (DIGITS[dtype_of(dtype).name] + 1))


def symmetric(shape: Any, dtype: Any) -> ndarray:
    """Uniform in (-1, 1), as often x as -x, and never 0: the middles of steps, which are exact."""
    centre = 1 - 0.5 ** DIGITS[dtype_of(dtype).name]
    return _np.subtract(uniform(shape, dtype) * 2, centre)


def normal01(shape: Any, dtype: Any) -> ndarray:
    """The normal distribution of mean 0 and deviation 1."""
    return _np.multiply(_npx.erfinv(symmetric(shape, dtype)), math.sqrt(2))


def exponential01(shape: Any, dtype: Any) -> ndarray:
    """The exponential distribution of mean 1, without 0."""
    return _np.negative(_np.log(open01(shape, dtype)))


def gamma01(alpha: ndarray) -> ndarray:
    """The gamma distribution of scale 1 for each alpha, through which no gradient passes."""
    drawn, stream = key()
    return _ir("random_gamma")(drawn, alpha, stream=stream)


def poisson(lam: ndarray) -> ndarray:
    """The Poisson distribution for each rate, through which no gradient passes."""
    drawn, stream = key()
    return _ir("random_poisson")(drawn, lam, stream=stream)


def multinomial(n: ndarray, pvals: ndarray) -> ndarray:
    """Counts of outcomes of n trials for each row of probabilities, as int64."""
    drawn, stream = key()
    return _ir("random_multinomial")(drawn, n, pvals, stream=stream)


def _ir(name: str) -> Callable[..., ndarray]:
    found: Callable[..., ndarray] = getattr(Ops("ir"), name)
    return found
