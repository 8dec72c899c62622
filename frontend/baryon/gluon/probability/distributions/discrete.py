"""Distributions of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.probability.distributions import constraint as c
from baryon.gluon.probability.distributions.distribution import Distribution, ExponentialFamily
from baryon.gluon.probability.distributions.utils import (
    gammaln,
    log_binomial,
    logit2prob,
    prob2logit,
    xlogy,
)


class ProbOrLogit(Distribution):
    """Given by probabilities or by logits, each of which determines the other."""

    binary = True

    def _choose(self, prob: Any, logit: Any) -> None:
        if (prob is None) == (logit is None):
            given = "neither" if prob is None else "both"
            raise ValueError(f"{type(self).__name__} needs prob or logit, not {given}")
        self._set(prob=prob, logit=logit)

    def __getattr__(self, name: str) -> Any:
        if name == "prob" and "logit" in self.__dict__:
            return logit2prob(self.__dict__["logit"], self.binary)
        if name == "logit" and "prob" in self.__dict__:
            return prob2logit(self.__dict__["prob"], self.binary)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class _Chance(ProbOrLogit):
    arg_constraints: Mapping[str, c.Constraint] = {"prob": c.UnitInterval(), "logit": c.Real()}

    def __init__(
        self, prob: Any = None, logit: Any = None, validate_args: bool | None = None
    ) -> None:
        self._choose(prob, logit)
        super().__init__(0, validate_args)


class Bernoulli(_Chance, ExponentialFamily):
    """1 with the probability `prob` (or the log odds `logit`), else 0."""

    support = c.Boolean()
    has_enumerate_support = True

    def _log_prob(self, value: ndarray) -> Any:
        logit = self.logit
        return logit * (value - 1) - npx.softplus(-logit)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return npx.random.bernoulli(prob=self.prob, size=shape)

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        value = c.as_array(value)
        some = np.where(np.greater_equal(value, 0), 1 - self.prob, 0.0)
        return np.where(np.greater_equal(value, 1), 1.0, some)

    def enumerate_support(self) -> Any:
        """0 and 1."""
        return _counted(2, self.batch_shape)

    @property
    def mean(self) -> Any:
        """`prob`."""
        return self.prob

    @property
    def variance(self) -> Any:
        """prob * (1 - prob)."""
        return self.prob * (1 - self.prob)

    def entropy(self) -> Any:
        """The entropy in nats."""
        logit = self.logit
        return npx.softplus(-logit) + logit * (1 - self.prob)


def _counted(count: int, batch: tuple[Any, ...]) -> Any:
    numbers = np.arange(count).reshape(count, *(1 for _ in batch))
    return np.broadcast_to(numbers, (count, *batch))


class Geometric(_Chance):
    """How often an event of probability `prob` fails before it happens: 0, 1, ..."""

    support = c.NonNegativeInteger()

    def _log_prob(self, value: ndarray) -> Any:
        return xlogy(value, 1 - self.prob) + np.log(self.prob)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        trials = np.random.exponential(size=shape) / -np.log1p(-self.prob)
        return np.floor(trials)

    @property
    def mean(self) -> Any:
        """(1 - prob) / prob."""
        return 1 / self.prob - 1

    @property
    def variance(self) -> Any:
        """(1 - prob) / prob squared."""
        return (1 - self.prob) / np.square(self.prob)

    def entropy(self) -> Any:
        """The entropy in nats."""
        p = self.prob
        return -(xlogy(1 - p, 1 - p) + xlogy(p, p)) / p


class Binomial(ProbOrLogit):
    """How often an event happens in `n` trials."""

    arg_constraints: Mapping[str, c.Constraint] = {
        "n": c.NonNegativeInteger(),
        "prob": c.UnitInterval(),
        "logit": c.Real(),
    }
    n: ndarray

    def __init__(self, n: Any = 1, prob: Any = None, logit: Any = None,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(n=n)
        self._choose(prob, logit)
        super().__init__(0, validate_args)

    @property
    def support(self) -> Any:
        """0 to n."""
        return c.IntegerInterval(0, self.n)

    def _log_prob(self, value: ndarray) -> Any:
        p = self.prob
        return log_binomial(self.n, value) + xlogy(value, p) + xlogy(self.n - value, 1 - p)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        p = np.broadcast_to(self.prob, shape)
        trials = np.broadcast_to(self.n, shape)
        return npx.random.multinomial(trials, np.stack([p, 1 - p], -1))[..., 0]

    @property
    def mean(self) -> Any:
        """n * prob."""
        return self.n * self.prob

    @property
    def variance(self) -> Any:
        """n * prob * (1 - prob)."""
        return self.n * self.prob * (1 - self.prob)


class NegativeBinomial(ProbOrLogit):
    """How often an event of probability `prob` happens before it fails `n` times.

    `log_prob`, samples and moments follow this one definition; in MXNet `log_prob` has prob and
    1 - prob exchanged.
    """

    support = c.NonNegativeInteger()
    arg_constraints: Mapping[str, c.Constraint] = {
        "n": c.GreaterThanEq(0), "prob": c.HalfOpenInterval(0, 1), "logit": c.Real(),
    }  # fmt: skip
    n: ndarray

    def __init__(self, n: Any, prob: Any = None, logit: Any = None,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(n=n)
        self._choose(prob, logit)
        super().__init__(0, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        ways = gammaln(self.n + value) - gammaln(value + 1) - gammaln(self.n)
        return ways + xlogy(self.n, 1 - self.prob) + xlogy(value, self.prob)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        odds = np.exp(self.logit)
        return npx.tensor_poisson(np.random.gamma(self.n, odds, shape))

    @property
    def mean(self) -> Any:
        """n * prob / (1 - prob)."""
        return self.n * self.prob / (1 - self.prob)

    @property
    def variance(self) -> Any:
        """n * prob / (1 - prob) squared."""
        return self.n * self.prob / np.square(1 - self.prob)


class Poisson(ExponentialFamily):
    """How often events happen that come with the mean `rate`."""

    support = c.NonNegativeInteger()
    arg_constraints: Mapping[str, c.Constraint] = {"rate": c.Positive()}
    rate: ndarray

    def __init__(self, rate: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(rate=rate)
        super().__init__(0, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        return xlogy(value, self.rate) - self.rate - gammaln(value + 1)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return npx.tensor_poisson(np.broadcast_to(self.rate, shape))

    def entropy(self) -> Any:
        """There is no closed form."""
        raise self._without("entropy")

    @property
    def mean(self) -> Any:
        """`rate`."""
        return self.rate

    @property
    def variance(self) -> Any:
        """`rate`."""
        return self.rate
