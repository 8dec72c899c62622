"""Continuous distributions of `mx.np.random`.

Parameters are numbers or arrays that broadcast. size: the shape of the samples; without it, that of
the broadcast parameters. dtype: float32 by default, float64 under `npx.set_np(dtype=True)`.
device, ctx: the CPU. out: an array that gets the samples. Unless said otherwise, gradients pass to
the parameters: the samples are functions of them and of numbers that do not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon.array import Ops, ndarray, random
from baryon.array.switches import default_float
from baryon.ir import f64
from baryon.np.arguments import as_shape, operand
from baryon.np.random import draws
from baryon.np.random.draws import sampled

_np, _npx = Ops("np"), Ops("npx")


def _uniform(shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    return draws.scaled(random.uniform(shape, dtype), low, high - low)


def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None,
            device: Any = None, out: ndarray | None = None,
            ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples spread evenly over [low, high)."""
    return sampled(_uniform, (low, high), size, dtype, device or ctx, out)


def _normal(shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
    return draws.scaled(draws.normal01(shape, dtype), loc, scale)


def normal(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None,
           device: Any = None, out: ndarray | None = None,
           ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the normal distribution with mean `loc` and standard deviation `scale`."""
    return sampled(_normal, (loc, scale), size, dtype, device or ctx, out)


def _lognormal(shape: Any, dtype: Any, mean: Any, sigma: Any) -> Any:
    return _np.exp(_normal(shape, dtype, mean, sigma))


def lognormal(mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, dtype: Any = None,
              device: Any = None, out: ndarray | None = None,
              ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples whose logarithm is normal with that mean and standard deviation."""
    return sampled(_lognormal, (mean, sigma), size, dtype, device or ctx, out)


def _logistic(shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
    u = draws.open01(shape, dtype)
    return draws.scaled(_np.log(u) - _np.log(1 - u), loc, scale)


def logistic(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, device: Any = None,
             out: ndarray | None = None, dtype: Any = None,
             ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the logistic distribution, whose distribution function is the sigmoid."""
    return sampled(_logistic, (loc, scale), size, dtype, device or ctx, out)


def _gumbel(shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
    return draws.scaled(_np.negative(_np.log(draws.exponential01(shape, dtype))), loc, scale)


def gumbel(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, device: Any = None,
           out: ndarray | None = None, dtype: Any = None,
           ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the Gumbel distribution, with the mode `loc`."""
    return sampled(_gumbel, (loc, scale), size, dtype, device or ctx, out)


def _laplace(shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
    v = draws.symmetric(shape, dtype)
    return draws.scaled(_np.sign(v) * _np.log(1 - _np.abs(v)), loc, scale)


def laplace(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None,
            device: Any = None, out: ndarray | None = None,
            ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the Laplace distribution: exponential on both sides of `loc`."""
    return sampled(_laplace, (loc, scale), size, dtype, device or ctx, out)


def _rayleigh(shape: Any, dtype: Any, scale: Any) -> Any:
    return draws.scaled(_np.sqrt(draws.exponential01(shape, dtype) * 2), 0, scale)


def rayleigh(scale: Any = 1.0, size: Any = None, device: Any = None, out: ndarray | None = None,
             dtype: Any = None,
             ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the Rayleigh distribution with the mode `scale`."""
    return sampled(_rayleigh, (scale,), size, dtype, device or ctx, out)


def _exponential(shape: Any, dtype: Any, scale: Any) -> Any:
    return draws.scaled(draws.exponential01(shape, dtype), 0, scale)


def exponential(scale: Any = 1.0, size: Any = None, device: Any = None, out: ndarray | None = None,
                dtype: Any = None,
                ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the exponential distribution with the mean `scale`."""
    return sampled(_exponential, (scale,), size, dtype, device or ctx, out)


def _weibull(shape: Any, dtype: Any, a: Any) -> Any:
    return _np.exp(_np.log(draws.exponential01(shape, dtype)) / a)


def weibull(a: Any, size: Any = None, device: Any = None, out: ndarray | None = None,
            dtype: Any = None,
            ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the Weibull distribution of scale 1 and shape `a`."""
    return sampled(_weibull, (a,), size, dtype, device or ctx, out)


def _pareto(shape: Any, dtype: Any, a: Any) -> Any:
    return _np.expm1(draws.exponential01(shape, dtype) / a)


def pareto(a: Any, size: Any = None, device: Any = None, out: ndarray | None = None,
           dtype: Any = None,
           ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the Pareto II (Lomax) distribution of shape `a`, as in NumPy."""
    return sampled(_pareto, (a,), size, dtype, device or ctx, out)


def _power(shape: Any, dtype: Any, a: Any) -> Any:
    return _np.exp(_np.negative(draws.exponential01(shape, dtype)) / a)


def power(a: Any, size: Any = None, device: Any = None, out: ndarray | None = None,
          dtype: Any = None,
          ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of [0, 1] with the density a x^(a - 1)."""
    return sampled(_power, (a,), size, dtype, device or ctx, out)


def _gamma(shape: Any, dtype: Any, alpha: Any, scale: Any) -> Any:
    return draws.gamma01(draws.full(alpha, shape, dtype)) * scale


def gamma(shape: Any, scale: Any = 1.0, size: Any = None, dtype: Any = None, device: Any = None,
          out: ndarray | None = None,
          ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the gamma distribution; no gradient passes to `shape`. Drawn on the host."""
    return sampled(_gamma, (shape, scale), size, dtype, device or ctx, out)


def _beta(shape: Any, dtype: Any, a: Any, b: Any) -> Any:
    # in float64, where small parameters do not underflow to 0 / 0
    x, y = (draws.gamma01(draws.full(p, shape, dtype).astype("float64")) for p in (a, b))
    return _npx.cast(x / (x + y), dtype=dtype)


def beta(a: Any, b: Any, size: Any = None, dtype: Any = None, device: Any = None,
         out: ndarray | None = None,
         ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the beta distribution; no gradient passes. Drawn on the host."""
    return sampled(_beta, (a, b), size, dtype, device or ctx, out)


def _chisquare(shape: Any, dtype: Any, df: Any) -> Any:
    return draws.gamma01(draws.full(df, shape, dtype) / 2) * 2


def chisquare(df: Any, size: Any = None, dtype: Any = None, device: Any = None,
              out: ndarray | None = None,
              ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the chi-square distribution; no gradient passes. Drawn on the host."""
    return sampled(_chisquare, (df,), size, dtype, device or ctx, out)


def _f(shape: Any, dtype: Any, dfnum: Any, dfden: Any) -> Any:
    above, below = (
        _npx.stop_gradient(_chisquare(shape, dtype, d) / draws.full(d, shape, dtype))
        for d in (dfnum, dfden)
    )
    return above / below


def f(dfnum: Any, dfden: Any, size: Any = None, device: Any = None, out: ndarray | None = None,
      dtype: Any = None,
      ctx: Any = None) -> ndarray:  # fmt: skip
    """Samples of the F distribution; no gradient passes. Drawn on the host."""
    return sampled(_f, (dfnum, dfden), size, dtype, device or ctx, out)


def multivariate_normal(
    mean: Any, cov: Any, size: Any = None, check_valid: str | None = None, tol: float | None = None,
    dtype: Any = None, device: Any = None, ctx: Any = None,
) -> ndarray:  # fmt: skip
    """Samples of the normal distribution of vectors, of the shape `size` + (elements,).

    mean: (..., n). cov: (..., n, n), symmetric without negative eigenvalues, which count as 0
    otherwise; only the mean gets a gradient.
    """
    middle, spread = operand(mean), _npx.stop_gradient(operand(cov).astype("float64"))
    values, vectors = _eigh(spread)
    root = vectors * _np.expand_dims(_np.sqrt(_np.maximum(values, 0)), -2)
    stack = draws.shape_of(None, (middle[..., 0], values[..., 0]))
    shape = (*(as_shape(size) if size is not None else ()), *stack, middle.shape[-1])
    kind = dtype or default_float()
    turned = _np.matmul(root, _np.expand_dims(draws.normal01(shape, f64), -1))
    return _npx.cast(_np.squeeze(turned, -1), dtype=kind) + middle.astype(kind)


def _eigh(x: ndarray) -> tuple[ndarray, ndarray]:
    found: Any = Ops("ir").linalg_eigh(x)
    values, vectors = found
    return values, vectors


def rand(*size: int, **kwargs: Any) -> ndarray:
    """Samples spread evenly over [0, 1), in the given shape."""
    return uniform(0.0, 1.0, size, **kwargs)


def randn(*size: int, **kwargs: Any) -> ndarray:
    """Samples of the normal distribution of mean 0 and deviation 1, in the given shape."""
    return normal(0.0, 1.0, size, **kwargs)


PUBLIC: tuple[Callable[..., Any], ...] = (
    uniform, normal, lognormal, logistic, gumbel, laplace, rayleigh, exponential, weibull, pareto,
    power, gamma, beta, chisquare, f, multivariate_normal, rand, randn,
)  # fmt: skip
