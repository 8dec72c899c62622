"""Choices between `num_events` kinds: their number, one-hot vectors, counts, and relaxed forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.probability.distributions import constraint as c
from baryon.gluon.probability.distributions.discrete import ProbOrLogit
from baryon.gluon.probability.distributions.distribution import Distribution
from baryon.gluon.probability.distributions.utils import gammaln, take_one_hot, xlogy


class _Choice(ProbOrLogit):
    """Probabilities, or unnormalized log-probabilities, on the last axis."""

    binary = False
    arg_constraints: Mapping[str, c.Constraint] = {"prob": c.Simplex(), "logit": c.Real()}
    parameter_dims: Mapping[str, int] = {"prob": 1, "logit": 1}

    def __init__(self, num_events: int, prob: Any = None, logit: Any = None,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        if num_events < 1:
            raise ValueError(f"num_events={num_events} is not positive")
        self.num_events = int(num_events)
        self._choose(prob, logit)
        Distribution.__init__(self, len(self.event_shape), validate_args)

    @property
    def _log_probabilities(self) -> Any:
        return npx.log_softmax(self.logit, axis=-1)

    def _indices(self, shape: tuple[Any, ...]) -> Any:
        """Samples as numbers, by the largest of disturbed log-probabilities (Gumbel's trick)."""
        noise = np.random.gumbel(size=(*shape, self.num_events))
        return np.argmax(self._log_probabilities + noise, -1)


class Categorical(_Choice):
    """0 to `num_events` - 1."""

    has_enumerate_support = True

    @property
    def support(self) -> Any:
        """0 to num_events - 1."""
        return c.IntegerInterval(0, self.num_events - 1)

    def _log_prob(self, value: ndarray) -> Any:
        return take_one_hot(self._log_probabilities, value, self.num_events)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return npx.cast(self._indices(shape), dtype="int64")

    def enumerate_support(self) -> Any:
        """All numbers on a new first axis: (num_events, ...batch)."""
        batch = self.batch_shape
        numbers = np.arange(self.num_events).reshape(-1, *(1 for _ in batch))
        return np.broadcast_to(npx.cast(numbers, dtype="float32"), (self.num_events, *batch))

    def entropy(self) -> Any:
        """The entropy in nats."""
        logs = self._log_probabilities
        return -np.sum(np.exp(logs) * logs, -1)


class OneHotCategorical(_Choice):
    """Vectors with a 1 at the chosen place, and zeros."""

    has_enumerate_support = True
    support = c.Simplex()

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """(num_events,)."""
        return (self.num_events,)

    def _log_prob(self, value: ndarray) -> Any:
        return np.sum(self._log_probabilities * value, -1)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return npx.one_hot(self._indices(shape), depth=self.num_events)

    def enumerate_support(self) -> Any:
        """All vectors on a new first axis: (num_events, ...batch, num_events)."""
        numbers = Categorical.enumerate_support(self)  # type: ignore[arg-type]
        return npx.one_hot(numbers, depth=self.num_events)

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
        logs = self._log_probabilities
        return -np.sum(np.exp(logs) * logs, -1)


class Multinomial(_Choice):
    """How often each kind is chosen in `total_count` independent choices."""

    def __init__(self, num_events: int, prob: Any = None, logit: Any = None, total_count: int = 1,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        if total_count < 0:
            raise ValueError(f"total_count={total_count} is negative")
        self.total_count = int(total_count)
        super().__init__(num_events, prob, logit, validate_args)

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """(num_events,)."""
        return (self.num_events,)

    @property
    def support(self) -> Any:
        """0 to total_count for each kind."""
        return c.IntegerInterval(0, self.total_count)

    def _log_prob(self, value: ndarray) -> Any:
        ways = gammaln(np.array(self.total_count + 1.0)) - np.sum(gammaln(value + 1), -1)
        return ways + np.sum(xlogy(value, self.prob), -1)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        prob = np.broadcast_to(self.prob, (*shape, self.num_events))
        return npx.random.multinomial(self.total_count, prob)

    @property
    def mean(self) -> Any:
        """total_count * prob."""
        return self.total_count * self.prob

    @property
    def variance(self) -> Any:
        """total_count * prob * (1 - prob)."""
        return self.total_count * self.prob * (1 - self.prob)


class RelaxedBernoulli(ProbOrLogit):
    """Numbers in (0, 1) that come near to 0 and 1 as the temperature `T` falls (arXiv:1611.00712).

    Gradients pass through samples.
    """

    has_grad = True
    support = c.OpenInterval(0, 1)
    arg_constraints: Mapping[str, c.Constraint] = {
        "T": c.Positive(),
        "prob": c.UnitInterval(),
        "logit": c.Real(),
    }
    T: ndarray

    def __init__(self, T: Any, prob: Any = None, logit: Any = None,  # noqa: N803
                 validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(T=T)
        self._choose(prob, logit)
        Distribution.__init__(self, 0, validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        odds = np.log(value) - np.log1p(-value)
        shifted = self.logit - odds * self.T
        density = np.log(self.T) + shifted - 2 * npx.softplus(shifted)
        return density - np.log(value) - np.log1p(-value)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return npx.sigmoid((self.logit + np.random.logistic(size=shape)) / self.T)


class RelaxedOneHotCategorical(_Choice):
    """Points of the simplex that come near to its corners as `T` falls (arXiv:1611.01144).

    Gradients pass through samples.
    """

    has_grad = True
    support = c.Simplex()
    arg_constraints: Mapping[str, c.Constraint] = {
        "T": c.Positive(),
        "prob": c.Simplex(),
        "logit": c.Real(),
    }
    T: ndarray

    def __init__(self, T: Any, num_events: int, prob: Any = None,  # noqa: N803
                 logit: Any = None, validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(T=T)
        super().__init__(num_events, prob, logit, validate_args)

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """(num_events,)."""
        return (self.num_events,)

    def _log_prob(self, value: ndarray) -> Any:
        k, logs = self.num_events, np.log(value)
        temperature = np.expand_dims(self.T, -1)
        score = npx.log_softmax(self._log_probabilities - temperature * logs, axis=-1)
        norm = gammaln(np.array(float(k))) + (k - 1) * np.log(self.T)
        return norm + np.sum(score - logs, -1)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        noise = np.random.gumbel(size=(*shape, self.num_events))
        scores = (self._log_probabilities + noise) / np.expand_dims(self.T, -1)
        return npx.softmax(scores, axis=-1)
