"""The gamma distribution and what is made of gamma samples: chi-square, F and beta."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.gluon.probability.distributions import constraint as c
from baryon.gluon.probability.distributions.distribution import Distribution, ExponentialFamily
from baryon.gluon.probability.distributions.utils import digamma, gammaln, log_beta


class Gamma(ExponentialFamily):
    """Sums of `shape` waiting times of mean `scale`; no gradient passes to `shape`."""

    support: Any = c.Positive()
    arg_constraints: Mapping[str, c.Constraint] = {"shape": c.Positive(), "scale": c.Positive()}
    shape: ndarray
    scale: ndarray

    def __init__(self, shape: Any, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(shape=shape, scale=scale)
        super().__init__(0, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        a, s = self.shape, self.scale
        return (a - 1) * np.log(value) - value / s - gammaln(a) - a * np.log(s)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.gamma(self.shape, self.scale, shape)

    @property
    def mean(self) -> Any:
        """`shape` * `scale`."""
        return self.shape * self.scale

    @property
    def variance(self) -> Any:
        """`shape` * `scale` squared."""
        return self.shape * np.square(self.scale)

    def entropy(self) -> Any:
        """The entropy in nats."""
        a = self.shape
        return a + np.log(self.scale) + gammaln(a) + (1 - a) * digamma(a)


class Chi2(Gamma):
    """Sums of `df` squares of standard normal samples."""

    arg_constraints: Mapping[str, c.Constraint] = {"df": c.Positive()}
    df: ndarray

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        self._set(df=df)
        super().__init__(self.df / 2, 2.0, validate_args)

    def broadcast_to(self, batch_shape: Any) -> Any:
        """The distribution with `df` broadcast to another batch shape."""
        return Chi2(np.broadcast_to(self.df, batch_shape), self._validate_args)


class FisherSnedecor(Distribution):
    """The F distribution: the quotient of mean squares with `df1` and `df2` degrees of freedom."""

    support: Any = c.Positive()
    arg_constraints: Mapping[str, c.Constraint] = {"df1": c.Positive(), "df2": c.Positive()}
    df1: ndarray
    df2: ndarray

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self._set(df1=df1, df2=df2)
        super().__init__(0, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        a, b, ratio = self.df1 / 2, self.df2 / 2, self.df1 / self.df2
        spread = (a - 1) * np.log(value) - (a + b) * np.log1p(ratio * value)
        return a * np.log(ratio) + spread - log_beta(a, b)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.f(np.broadcast_to(self.df1, shape), np.broadcast_to(self.df2, shape))

    @property
    def mean(self) -> Any:
        """The mean; NaN for df2 up to 2."""
        b = np.where(np.less_equal(self.df2, 2), 3.0, self.df2)
        return self._full(np.where(np.less_equal(self.df2, 2), math.nan, b / (b - 2)))

    @property
    def variance(self) -> Any:
        """The variance; NaN for df2 up to 4."""
        a, b = self.df1, np.where(np.less_equal(self.df2, 4), 5.0, self.df2)
        finite = 2 * np.square(b) * (a + b - 2) / (a * np.square(b - 2) * (b - 4))
        return np.where(np.less_equal(self.df2, 4), math.nan, finite)


class Beta(ExponentialFamily):
    """Probabilities between 0 and 1; no gradient passes through samples."""

    support: Any = c.UnitInterval()
    arg_constraints: Mapping[str, c.Constraint] = {"alpha": c.Positive(), "beta": c.Positive()}
    alpha: ndarray
    beta: ndarray

    def __init__(self, alpha: Any, beta: Any, validate_args: bool | None = None) -> None:
        self._set(alpha=alpha, beta=beta)
        super().__init__(0, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        a, b = self.alpha, self.beta
        return (a - 1) * np.log(value) + (b - 1) * np.log1p(-value) - log_beta(a, b)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return np.random.beta(np.broadcast_to(self.alpha, shape), np.broadcast_to(self.beta, shape))

    @property
    def mean(self) -> Any:
        """alpha / (alpha + beta)."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def variance(self) -> Any:
        """The variance."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (np.square(total) * (total + 1))

    def entropy(self) -> Any:
        """The entropy in nats."""
        a, b = self.alpha, self.beta
        inner = (a - 1) * digamma(a) + (b - 1) * digamma(b) - (a + b - 2) * digamma(a + b)
        return log_beta(a, b) - inner
