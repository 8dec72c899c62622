"""Distributions of positive numbers."""

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
    erf,
    erfinv,
    gammaln,
)


class _Scaled(Distribution):
    """Positive numbers with a `scale`."""

    has_grad = True
    support: Any = c.Positive()
    arg_constraints: Mapping[str, c.Constraint] = {"scale": c.Positive()}
    scale: ndarray

    def __init__(self, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(scale=scale)
        super().__init__(0, validate_args)


class Exponential(_Scaled, ExponentialFamily):
    """Waiting times with the mean `scale`."""

    def _log_prob(self, value: ndarray) -> Any:
        return -np.log(self.scale) - value / self.scale

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.exponential(self.scale, shape)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return -np.expm1(-c.as_array(value) / self.scale)

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return -self.scale * np.log1p(-c.as_array(value))

    @property
    def mean(self) -> Any:
        """`scale`."""
        return self.scale

    @property
    def variance(self) -> Any:
        """`scale` squared."""
        return np.square(self.scale)

    def entropy(self) -> Any:
        """The entropy in nats."""
        return 1 + np.log(self.scale)


class HalfNormal(_Scaled):
    """Absolute values of normal samples with mean 0 and standard deviation `scale`."""

    support = c.NonNegative()

    def _log_prob(self, value: ndarray) -> Any:
        norm = 0.5 * math.log(2 / math.pi) - np.log(self.scale)
        return np.where(np.less(value, 0), -math.inf, norm - 0.5 * np.square(value / self.scale))

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.abs(np.random.normal(size=shape)) * self.scale

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return erf(c.as_array(value) / (self.scale * math.sqrt(2)))

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.scale * math.sqrt(2) * erfinv(c.as_array(value))

    @property
    def mean(self) -> Any:
        """`scale` * sqrt(2 / pi)."""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Any:
        """`scale` squared * (1 - 2 / pi)."""
        return np.square(self.scale) * (1 - 2 / math.pi)

    def entropy(self) -> Any:
        """The entropy in nats."""
        return 0.5 * math.log(math.pi / 2) + 0.5 + np.log(self.scale)


class HalfCauchy(_Scaled):
    """Absolute values of Cauchy samples around 0."""

    support = c.NonNegative()

    def _log_prob(self, value: ndarray) -> Any:
        norm = math.log(2 / math.pi) - np.log(self.scale)
        density = norm - np.log1p(np.square(value / self.scale))
        return np.where(np.less(value, 0), -math.inf, density)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return self.icdf(np.random.uniform(size=shape))

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return np.arctan(c.as_array(value) / self.scale) * (2 / math.pi)

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.scale * np.tan(c.as_array(value) * (math.pi / 2))

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
        return math.log(2 * math.pi) + np.log(self.scale)


class Weibull(_Scaled):
    """`scale` times a power 1 / `concentration` of an exponential sample."""

    arg_constraints: Mapping[str, c.Constraint] = {
        "concentration": c.Positive(),
        "scale": c.Positive(),
    }
    concentration: ndarray

    def __init__(
        self, concentration: Any, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self._set(concentration=concentration)
        super().__init__(scale, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        k, z = self.concentration, value / self.scale
        return np.log(k / self.scale) + (k - 1) * np.log(z) - np.power(z, k)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return self.scale * np.power(np.random.exponential(size=shape), 1 / self.concentration)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return -np.expm1(-np.power(c.as_array(value) / self.scale, self.concentration))

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.scale * np.power(-np.log1p(-c.as_array(value)), 1 / self.concentration)

    @property
    def mean(self) -> Any:
        """The mean."""
        return self.scale * np.exp(gammaln(1 + 1 / self.concentration))

    @property
    def variance(self) -> Any:
        """The variance."""
        second = np.exp(gammaln(1 + 2 / self.concentration))
        return np.square(self.scale) * (second - np.exp(2 * gammaln(1 + 1 / self.concentration)))

    def entropy(self) -> Any:
        """The entropy in nats."""
        k = self.concentration
        return EULER * (1 - 1 / k) + np.log(self.scale / k) + 1


class Pareto(_Scaled):
    """Numbers above `scale` with tails that fall as the power `alpha`."""

    arg_constraints: Mapping[str, c.Constraint] = {"alpha": c.Positive(), "scale": c.Positive()}
    alpha: ndarray

    def __init__(self, alpha: Any, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(alpha=alpha)
        super().__init__(scale, validate_args)

    @property
    def support(self) -> Any:
        """`scale` and above."""
        return c.GreaterThanEq(self.scale)

    def _log_prob(self, value: ndarray) -> Any:
        density = np.log(self.alpha / self.scale) - (self.alpha + 1) * np.log(value / self.scale)
        return np.where(np.less(value, self.scale), -math.inf, density)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return self.scale * np.exp(np.random.exponential(size=shape) / self.alpha)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        return 1 - np.power(self.scale / c.as_array(value), self.alpha)

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities."""
        return self.scale * np.power(1 - c.as_array(value), -1 / self.alpha)

    @property
    def mean(self) -> Any:
        """The mean; infinite for alpha up to 1."""
        a = np.where(np.less_equal(self.alpha, 1), 2.0, self.alpha)
        return np.where(np.less_equal(self.alpha, 1), math.inf, a * self.scale / (a - 1))

    @property
    def variance(self) -> Any:
        """The variance; infinite for alpha up to 2."""
        a = np.where(np.less_equal(self.alpha, 2), 3.0, self.alpha)
        finite = np.square(self.scale) * a / (np.square(a - 1) * (a - 2))
        return np.where(np.less_equal(self.alpha, 2), math.inf, finite)

    def entropy(self) -> Any:
        """The entropy in nats."""
        return np.log(self.scale / self.alpha) + 1 + 1 / self.alpha
