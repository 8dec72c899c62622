"""`mx.npx.random`: samplers that NumPy does not have. See `mx.np.random`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from baryon.array import Ops, ndarray, only_cpu, random, stored
from baryon.array.border import public
from baryon.array.missing import missing_name
from baryon.array.switches import default_float
from baryon.array.types import ArrayLike, DTypeLike
from baryon.ir import IRTypeError, dtype_of
from baryon.np.arguments import as_shape, operand
from baryon.np.random import draws, normal, seed, uniform
from baryon.np.random.discrete import outcomes

_np, _npx = Ops("np"), Ops("npx")


def bernoulli(
    prob: Any = None, logit: Any = None, size: Any = None, dtype: DTypeLike | None = None,
    device: Any = None, out: ndarray | None = None, ctx: Any = None,
) -> ndarray:  # fmt: skip
    """Ones with the probability `prob`, or sigmoid(`logit`), else zeros; no gradient passes.

    Exactly one of the two must be given. float32 by default.
    """
    only_cpu(device or ctx)
    if (prob is None) == (logit is None):
        raise ValueError("give either prob or logit")
    chance = _npx.sigmoid(operand(logit)) if prob is None else operand(prob)
    if not chance.type.dtype.is_float:
        chance = chance.astype(default_float())
    shape = draws.shape_of(size, (chance,), out)
    ones = _np.less(random.uniform(shape, chance.dtype), chance)
    return stored(
        _npx.cast(ones, dtype=dtype or (default_float() if out is None else out.dtype)), out
    )


def _batch(batch_shape: Any, *parameters: Any) -> Any:
    """The size of samples: `batch_shape`, then the shape of the broadcast parameters."""
    arrays = [operand(p) for p in parameters]
    return (*(() if batch_shape is None else as_shape(batch_shape)), *draws.shape_of(None, arrays))


def uniform_n(low: Any = 0.0, high: Any = 1.0, batch_shape: Any = None, dtype: Any = None,
              device: Any = None, ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of [low, high), `batch_shape` of them for each of the broadcast parameters."""
    return uniform(low, high, _batch(batch_shape, low, high), dtype, device or ctx)


def normal_n(loc: Any = 0.0, scale: Any = 1.0, batch_shape: Any = None, dtype: Any = None,
             device: Any = None, ctx: Any = None) -> ndarray:  # fmt: skip
    """Normal samples, `batch_shape` of them for each of the broadcast parameters."""
    return normal(loc, scale, _batch(batch_shape, loc, scale), dtype, device or ctx)


def categorical(
    data: ArrayLike, shape: Any = (), get_prob: bool = False, dtype: DTypeLike = "int32",
    out: ndarray | None = None,
) -> Any:  # fmt: skip
    """Outcomes of the probabilities on the last axis of `data`, `shape` of them for each row.

    get_prob: return (outcomes, the logarithms of their probabilities), which have gradients.
    """
    chances, asked = operand(data), as_shape(shape)
    picked = outcomes(chances, asked)
    drawn = stored(_npx.cast(picked, dtype=dtype), out)
    if not get_prob:
        return drawn
    count = chances.shape[-1]
    rows = chances.reshape(*chances.shape[:-1], *(1 for _ in asked), count)
    taken = _npx.one_hot(picked, depth=count, dtype=chances.dtype) * rows
    return drawn, _np.log(_np.sum(taken, -1))


def multinomial(
    n: ArrayLike, p: ArrayLike, shape: Any = (), ctx: Any = None, dtype: DTypeLike = "float32",
    out: ndarray | None = None, device: Any = None,
) -> ndarray:  # fmt: skip
    """How often each outcome occurs in n trials, `shape` experiments for each row of p.

    The result has the shape n.shape + shape + (outcomes,). Drawn on the host.
    """
    only_cpu(device or ctx)
    chances, asked = operand(p), as_shape(shape)
    stack, count = chances.shape[:-1], chances.shape[-1]
    ones = (1,) * len(asked)
    trials = _np.broadcast_to(operand(n).astype("int64", copy=False), stack)
    rows = _np.broadcast_to(chances.reshape(*stack, *ones, count), (*stack, *asked, count))
    tries = _np.broadcast_to(trials.reshape(*stack, *ones), (*stack, *asked))
    return stored(_npx.cast(draws.multinomial(tries, rows), dtype=dtype), out)


def _poisson_dtype(dtype: DTypeLike | None) -> Any:
    found = dtype_of(dtype or default_float())
    if not found.is_float:
        raise IRTypeError(f"Poisson samples are floating, not {found}")
    return found


def scalar_poisson(
    lam: float = 1.0, shape: Any = (), ctx: Any = None, dtype: DTypeLike | None = None,
    out: ndarray | None = None, device: Any = None,
) -> ndarray:  # fmt: skip
    """Samples of the Poisson distribution with the rate `lam`, as floats. Drawn on the host."""
    only_cpu(device or ctx)
    rates = _np.full(as_shape(shape), float(lam), _poisson_dtype(dtype))
    return stored(draws.poisson(rates), out)


def tensor_poisson(
    lam: ArrayLike, shape: Any = (), dtype: DTypeLike | None = None, out: ndarray | None = None
) -> ndarray:
    """Poisson samples, `shape` of them for each rate, as floats. Drawn on the host."""
    rates, asked = operand(lam).astype(_poisson_dtype(dtype)), as_shape(shape)
    column = rates.reshape(*rates.shape, *(1 for _ in asked))
    return stored(draws.poisson(_np.broadcast_to(column, (*rates.shape, *asked))), out)


PUBLIC = (scalar_poisson, tensor_poisson)
"""Functions that `mx.npx` itself offers."""

__all__ = ["bernoulli", "categorical", "multinomial", "normal_n", "seed", "uniform_n"]
globals().update(public("npx.random", map(globals().__getitem__, __all__)))
__getattr__ = missing_name("baryon.npx.random", __all__, SimpleNamespace())
