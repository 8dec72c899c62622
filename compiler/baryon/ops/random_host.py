"""Random numbers that are drawn by rejection, on the host: NumPy's algorithms on Philox.

They are decided by key and stream like `ir.random_uniform`, so graphs that hold them repeat too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import TensorType, i64, u64
from baryon.ops.attributes import Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, absent
from baryon.ops.random import STREAM, mixed
from baryon.ops.shapes import fail, need_float, text

_STREAM_PARAM = Param("stream", "int", 0, "which of a key's sequences; 0 or more")
_SOURCE = (
    "Marsaglia, Tsang: A simple method for generating gamma variables (2000); Hoermann: The "
    "transformed rejection method for Poisson random variables (1993); numpy.random.Generator; "
    "Salmon et al.: Parallel random numbers: as easy as 1, 2, 3 (2011)"
)


def generator(key: Arr, stream: int) -> np.random.Generator:
    """NumPy's generator for a key and a stream."""
    bits = mixed(int(key) + stream * STREAM & (1 << 64) - 1)
    return np.random.Generator(np.random.Philox(key=bits))


def _need_key(op: str, key: TensorType) -> None:
    if key.shape or key.dtype != u64:
        fail(op, f"key must be one number of type u64, not {key}")


def _no_path(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [None, None]  # what is drawn by rejection does not follow its parameter smoothly


def _distribution(name: str, doc: str, operand: str, draw: Callable[..., Any]) -> OpDef:
    """An op that draws one number for each parameter, in its element type."""
    op = f"ir.random_{name}"

    def infer(key: TensorType, parameter: TensorType, stream: int) -> TensorType:
        _need_key(op, key)
        need_float(op, **{operand: parameter})
        return parameter

    def reference(key: Arr, parameter: Arr, stream: int) -> Any:
        drawn = draw(generator(key, stream), parameter.astype(np.float64))
        return np.asarray(drawn).astype(parameter.dtype)

    return OpDef(
        name=op,
        doc=f"{doc}\n\nNo gradient passes. ValueError, from NumPy, for a negative {operand}.",
        operands=("key", operand),
        params=(_STREAM_PARAM,),
        infer=infer,
        reference=rounded(reference),
        gradient=_no_path,
        lowering=absent("drawn by rejection on the host"),
        samples=(
            Sample(((), (2, 3)), dtypes=("u64", "f32"), positive=True, batch=(1,)),
            Sample(((), ()), {"stream": 2}, dtypes=("u64", "f64"), positive=True),
            Sample(((), (0, 2)), dtypes=("u64", "f32"), positive=True),
        ),
        random=True,
        source=_SOURCE,
    )


gamma = _distribution(
    "gamma", "A number from the gamma distribution of scale 1 for each shape parameter.", "alpha",
    lambda rng, alpha: rng.standard_gamma(alpha),
)  # fmt: skip
poisson = _distribution(
    "poisson", "A number from the Poisson distribution for each rate.", "lam",
    lambda rng, lam: rng.poisson(lam),
)  # fmt: skip

_MULTINOMIAL = "ir.random_multinomial"


def _multinomial_infer(
    key: TensorType, n: TensorType, pvals: TensorType, stream: int
) -> TensorType:
    _need_key(_MULTINOMIAL, key)
    need_float(_MULTINOMIAL, pvals=pvals)
    if n.dtype != i64:
        fail(_MULTINOMIAL, f"n must be of type i64, not {n}")
    if pvals.rank < 1 or pvals.shape[:-1] != n.shape:
        fail(_MULTINOMIAL, f"pvals must be {text(n.shape)} rows of probabilities, not {pvals}")
    return TensorType(pvals.shape, i64)


def _multinomial_ref(key: Arr, n: Arr, pvals: Arr, stream: int) -> Any:
    chances: Any = pvals.astype(np.float64)
    total = chances.sum(axis=-1, keepdims=True)
    drawn = generator(key, stream).multinomial(n, chances / np.where(total == 0, 1, total))
    return np.asarray(drawn, np.int64).reshape(pvals.shape)


multinomial = OpDef(
    name=_MULTINOMIAL,
    doc="How often each outcome occurs in n trials, for each row of probabilities.\n\n"
    "Rows are scaled to the sum 1. ValueError, from NumPy, for negative numbers.",
    operands=("key", "n", "pvals"),
    params=(_STREAM_PARAM,),
    infer=_multinomial_infer,
    reference=_multinomial_ref,
    gradient=absent("the results are counts and have no gradient"),
    lowering=absent("drawn by rejection on the host"),
    samples=(
        Sample(((), (2,), (2, 3)), dtypes=("u64", "i64", "f32"), positive=True, batch=(1, 2)),
        Sample(((), (), (3,)), dtypes=("u64", "i64", "f64"), positive=True),
    ),
    random=True,
    source=_SOURCE,
)

OPS = (gamma, poisson, multinomial)
