"""Distributions of vectors, and `Independent`, which makes batches to events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from baryon import np
from baryon.array import ndarray
from baryon.gluon.probability.distributions import constraint as c
from baryon.gluon.probability.distributions.distribution import Distribution, ExponentialFamily
from baryon.gluon.probability.distributions.utils import (
    LOG_2PI,
    digamma,
    gammaln,
    last_size,
    summed,
)


class Dirichlet(ExponentialFamily):
    """Vectors of probabilities; no gradient passes through samples."""

    support: Any = c.Simplex()
    arg_constraints: Mapping[str, c.Constraint] = {"alpha": c.Positive()}
    parameter_dims: Mapping[str, int] = {"alpha": 1}
    alpha: ndarray

    def __init__(self, alpha: Any, validate_args: bool | None = None) -> None:
        self._set(alpha=alpha)
        super().__init__(1, validate_args)

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """The last axis of alpha."""
        return self.alpha.shape[-1:]

    @property
    def _log_norm(self) -> Any:
        return np.sum(gammaln(self.alpha), -1) - gammaln(np.sum(self.alpha, -1))

    def _log_prob(self, value: ndarray) -> Any:
        return np.sum((self.alpha - 1) * np.log(value), -1) - self._log_norm

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        parts = np.random.gamma(self.alpha, 1.0, shape + self.event_shape)
        return parts / np.sum(parts, -1, keepdims=True)

    @property
    def mean(self) -> Any:
        """alpha / sum(alpha)."""
        return self.alpha / np.sum(self.alpha, -1, keepdims=True)

    @property
    def variance(self) -> Any:
        """The variance of each part."""
        total = np.sum(self.alpha, -1, keepdims=True)
        return self.alpha * (total - self.alpha) / (np.square(total) * (total + 1))

    def entropy(self) -> Any:
        """The entropy in nats."""
        a = self.alpha
        count, total = last_size(a), np.sum(a, -1)
        inner = np.sum((a - 1) * digamma(a), -1)
        return self._log_norm + (total - count) * digamma(total) - inner


class MultivariateNormal(Distribution):
    """Normal vectors with the mean `loc` and one of three matrices.

    cov: the covariance. precision: its inverse. scale_tril: its Cholesky factor.
    """

    has_grad = True
    support: Any = c.Real()
    arg_constraints: Mapping[str, c.Constraint] = {
        "loc": c.Real(), "cov": c.PositiveDefinite(), "precision": c.PositiveDefinite(),
        "scale_tril": c.LowerCholesky(),
    }  # fmt: skip
    parameter_dims: Mapping[str, int] = {"loc": 1, "cov": 2, "precision": 2, "scale_tril": 2}
    loc: ndarray

    def __init__(self, loc: Any, cov: Any = None, precision: Any = None, scale_tril: Any = None,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        if sum(x is not None for x in (cov, precision, scale_tril)) != 1:
            raise ValueError("MultivariateNormal needs exactly one of cov, precision, scale_tril")
        self._set(loc=loc, cov=cov, precision=precision, scale_tril=scale_tril)
        super().__init__(1, validate_args)

    def __getattr__(self, name: str) -> Any:
        if name not in {"cov", "precision", "scale_tril"} or "loc" not in self.__dict__:
            raise AttributeError(f"'MultivariateNormal' object has no attribute {name!r}")
        if name == "scale_tril":
            return np.linalg.cholesky(self.cov)
        if name == "precision":
            return np.linalg.inv(self.cov)
        if "precision" in self.__dict__:
            return np.linalg.inv(self.precision)
        factor = self.scale_tril
        return np.matmul(factor, np.swapaxes(factor, -1, -2))

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """The last axis of loc."""
        return self.loc.shape[-1:]

    @property
    def _log_det(self) -> Any:
        """Half of the logarithm of the covariance's determinant."""
        return np.sum(np.log(np.diagonal(self.scale_tril, axis1=-2, axis2=-1)), -1)

    def _log_prob(self, value: ndarray) -> Any:
        factor, away = self.scale_tril, np.expand_dims(value - self.loc, -1)
        shape = self._pair_shape(away.shape[:-2])
        whitened = np.linalg.solve(
            np.broadcast_to(factor, shape + factor.shape[-2:]),
            np.broadcast_to(away, shape + away.shape[-2:]),
        )
        square = np.sum(np.square(np.squeeze(whitened, -1)), -1)
        count = last_size(self.loc)
        return -0.5 * (square + count * LOG_2PI) - self._log_det

    def _pair_shape(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values if len(values) >= len(self.batch_shape) else self.batch_shape

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        noise = np.random.normal(size=(*shape, *self.event_shape, 1))
        return self.loc + np.squeeze(np.matmul(self.scale_tril, noise), -1)

    @property
    def mean(self) -> Any:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Any:
        """The diagonal of the covariance."""
        return np.diagonal(self.cov, axis1=-2, axis2=-1)

    def entropy(self) -> Any:
        """The entropy in nats."""
        return 0.5 * last_size(self.loc) * (1 + LOG_2PI) + self._log_det


class Independent(Distribution):
    """The last `reinterpreted_batch_ndims` axes of a batch as axes of the event."""

    arg_constraints: Mapping[str, c.Constraint] = {}

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        if not 0 <= reinterpreted_batch_ndims <= len(base_distribution.batch_shape):
            raise ValueError(
                f"{reinterpreted_batch_ndims} axes of the batch {base_distribution.batch_shape}"
                " cannot belong to the event"
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__(base_distribution.event_dim + reinterpreted_batch_ndims, validate_args)

    @property
    def has_grad(self) -> bool:  # type: ignore[override]
        """As the base distribution."""
        return self.base_dist.has_grad

    @property
    def support(self) -> Any:
        """As the base distribution."""
        return self.base_dist.support

    @property
    def batch_shape(self) -> tuple[Any, ...]:
        """The axes of the batch that are left."""
        shape = self.base_dist.batch_shape
        return shape[: len(shape) - self.reinterpreted_batch_ndims]

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """The axes taken from the batch, and those of the base event."""
        shape = self.base_dist.batch_shape
        taken = shape[len(shape) - self.reinterpreted_batch_ndims :]
        return taken + self.base_dist.event_shape

    def broadcast_to(self, batch_shape: Any) -> Self:
        """The distribution with another batch shape."""
        shape = self.base_dist.batch_shape
        taken = shape[len(shape) - self.reinterpreted_batch_ndims :]
        other = self.base_dist.broadcast_to(tuple(batch_shape) + taken)
        return type(self)(other, self.reinterpreted_batch_ndims, self._validate_args)

    def _log_prob(self, value: ndarray) -> Any:
        return summed(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        inner = self.base_dist.batch_shape
        taken = inner[len(inner) - self.reinterpreted_batch_ndims :]
        return self.base_dist.sample(shape + taken)

    @property
    def mean(self) -> Any:
        """As the base distribution."""
        return self.base_dist.mean

    @property
    def variance(self) -> Any:
        """As the base distribution."""
        return self.base_dist.variance

    def entropy(self) -> Any:
        """The entropy in nats."""
        return summed(self.base_dist.entropy(), self.reinterpreted_batch_ndims)
