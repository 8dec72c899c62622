"""Distributions on the line: shifted and scaled forms of one density, and `Uniform`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.gluon.probability.distributions import constraint as c
from baryon.gluon.probability.distributions.distribution import Distribution, ExponentialFamily
from baryon.gluon.probability.distributions.utils import (
    EULER,
    LOG_2PI,
    digamma,
    erf,
    erfinv,
    gammaln,
    log_beta,
)


class _LocationScale(Distribution):
    """`loc + scale * z`, where z has the standard form of the distribution."""

    has_grad = True
    support = c.Real()
    arg_constraints: Mapping[str, c.Constraint] = {"loc": c.Real(), "scale": c.Positive()}

    def __init__(self, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(loc=loc, scale=scale)
        super().__init__(0, validate_args)

    loc: ndarray
    scale: ndarray

    def _standard(self, value: Any) -> Any:
        return (c.as_array(value) - self.loc) / self.scale


class Normal(_LocationScale, ExponentialFamily):
    """The normal distribution with mean `loc` and standard deviation `scale`."""

    def _log_prob(self, value: ndarray) -> Any:
        return -0.5 * np.square(self._standard(value)) - np.log(self.scale) - 0.5 * LOG_2PI

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.normal(self.loc, self.scale, shape)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return 0.5 * (1 + erf(self._standard(value) / math.sqrt(2)))

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.loc + self.scale * (math.sqrt(2) * erfinv(2 * c.as_array(value) - 1))

    @property
    def mean(self) -> Any:
        """`loc`."""
        return self._full(self.loc)

    @property
    def variance(self) -> Any:
        """`scale` squared."""
        return self._full(np.square(self.scale))

    def entropy(self) -> Any:
        """The entropy in nats."""
        return self._full(0.5 + 0.5 * LOG_2PI + np.log(self.scale))


class Laplace(_LocationScale):
    """The density exp(-|x - loc| / scale) / (2 scale)."""

    def _log_prob(self, value: ndarray) -> Any:
        return -np.abs(self._standard(value)) - np.log(2 * self.scale)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.laplace(self.loc, self.scale, shape)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        z = self._standard(value)
        return 0.5 - 0.5 * np.sign(z) * np.expm1(-np.abs(z))

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        centred = c.as_array(value) - 0.5
        return self.loc - self.scale * np.sign(centred) * np.log1p(-2 * np.abs(centred))

    @property
    def mean(self) -> Any:
        """`loc`."""
        return self._full(self.loc)

    @property
    def variance(self) -> Any:
        """2 `scale` squared."""
        return self._full(2 * np.square(self.scale))

    def entropy(self) -> Any:
        """The entropy in nats."""
        return self._full(1 + np.log(2 * self.scale))


class Cauchy(_LocationScale):
    """The density of a quotient of normal samples; it has no mean and no variance."""

    def _log_prob(self, value: ndarray) -> Any:
        return -math.log(math.pi) - np.log(self.scale) - np.log1p(np.square(self._standard(value)))

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return self.loc + self.scale * np.tan(math.pi * (np.random.uniform(size=shape) - 0.5))

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return np.arctan(self._standard(value)) / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.loc + self.scale * np.tan(math.pi * (c.as_array(value) - 0.5))

    @property
    def mean(self) -> Any:
        """NaN: there is none."""
        return self._full(math.nan)

    @property
    def variance(self) -> Any:
        """NaN: there is none."""
        return self._full(math.nan)

    def entropy(self) -> Any:
        """The entropy in nats."""
        return self._full(math.log(4 * math.pi) + np.log(self.scale))


class Gumbel(_LocationScale):
    """The distribution of the largest of many samples."""

    def __init__(self, loc: Any, scale: Any = 1, validate_args: bool | None = None) -> None:
        super().__init__(loc, scale, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        z = self._standard(value)
        return -(z + np.exp(-z)) - np.log(self.scale)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.gumbel(self.loc, self.scale, shape)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return np.exp(-np.exp(-self._standard(value)))

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.loc - self.scale * np.log(-np.log(c.as_array(value)))

    @property
    def mean(self) -> Any:
        """`loc` + `scale` * Euler's constant."""
        return self._full(self.loc + self.scale * EULER)

    @property
    def variance(self) -> Any:
        """(pi * `scale`) squared / 6."""
        return self._full(np.square(self.scale) * (math.pi**2 / 6))

    def entropy(self) -> Any:
        """The entropy in nats."""
        return self._full(np.log(self.scale) + 1 + EULER)


class StudentT(_LocationScale):
    """Student's t distribution with `df` degrees of freedom."""

    has_grad = False
    arg_constraints: Mapping[str, c.Constraint] = {
        "df": c.Positive(),
        "loc": c.Real(),
        "scale": c.Positive(),
    }
    df: ndarray

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(df=df)
        super().__init__(loc, scale, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        half = 0.5 * (self.df + 1)
        spread = -half * np.log1p(np.square(self._standard(value)) / self.df)
        norm = gammaln(half) - gammaln(0.5 * self.df) - 0.5 * np.log(math.pi * self.df)
        return spread + norm - np.log(self.scale)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        mixing = np.random.chisquare(np.broadcast_to(self.df, shape)) / self.df
        return self.loc + self.scale * np.random.normal(size=shape) / np.sqrt(mixing)

    @property
    def mean(self) -> Any:
        """`loc`; NaN up to 1 degree of freedom."""
        return self._full(np.where(np.less_equal(self.df, 1), math.nan, self.loc))

    @property
    def variance(self) -> Any:
        """The variance; infinite up to 2 degrees of freedom, NaN up to 1."""
        df = np.where(np.less_equal(self.df, 2), 3.0, self.df)
        finite = np.square(self.scale) * df / (df - 2)
        some = np.where(np.less_equal(self.df, 2), math.inf, finite)
        return self._full(np.where(np.less_equal(self.df, 1), math.nan, some))

    def entropy(self) -> Any:
        """The entropy in nats."""
        half = 0.5 * (self.df + 1)
        spread = half * (digamma(half) - digamma(0.5 * self.df))
        norm = 0.5 * np.log(self.df) + log_beta(0.5 * self.df, np.array(0.5))
        return self._full(np.log(self.scale) + spread + norm)


class Uniform(Distribution):
    """All numbers between `low` and `high` alike."""

    has_grad = True
    arg_constraints: Mapping[str, c.Constraint] = {"low": c.Real(), "high": c.Real()}
    low: ndarray
    high: ndarray

    def __init__(self, low: Any = 0.0, high: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(low=low, high=high)
        super().__init__(0, validate_args)

    @property
    def support(self) -> c.Constraint:
        """[low, high]."""
        return c.Interval(self.low, self.high)

    def _log_prob(self, value: ndarray) -> Any:
        inside = c.Interval(self.low, self.high).holds(value)
        return np.where(inside, -np.log(self.high - self.low), -math.inf)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.uniform(self.low, self.high, shape)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return np.clip((c.as_array(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.low + c.as_array(value) * (self.high - self.low)

    @property
    def mean(self) -> Any:
        """The middle."""
        return 0.5 * (self.low + self.high)

    @property
    def variance(self) -> Any:
        """The width squared / 12."""
        return np.square(self.high - self.low) / 12

    def entropy(self) -> Any:
        """The entropy in nats."""
        return np.log(self.high - self.low)
