"""`TransformedDistribution`: functions of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon.array import ndarray
from baryon.gluon.probability.distributions.constraint import as_array
from baryon.gluon.probability.distributions.distribution import Distribution
from baryon.gluon.probability.distributions.utils import summed
from baryon.gluon.probability.transformation.transformation import Transformation


class TransformedDistribution(Distribution):
    """The samples of `base_dist`, changed by transformations one after the other."""

    def __init__(
        self,
        base_dist: Distribution,
        transforms: Transformation | Sequence[Transformation],
        validate_args: bool | None = None,
    ) -> None:
        self._base_dist = base_dist
        single = isinstance(transforms, Transformation)
        self._transforms: list[Transformation] = [transforms] if single else [*transforms]  # type: ignore[list-item, misc]
        dims = max([base_dist.event_dim, *(t.event_dim for t in self._transforms)])
        super().__init__(dims, validate_args)

    @property
    def has_grad(self) -> bool:  # type: ignore[override]
        """As the base distribution."""
        return self._base_dist.has_grad

    @property
    def batch_shape(self) -> tuple[Any, ...]:
        """The batch of the base distribution, less the axes that belong to the event."""
        shape = self._base_dist.batch_shape
        return shape[: len(shape) - self._taken]

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """The axes of the event."""
        shape = self._base_dist.batch_shape
        return shape[len(shape) - self._taken :] + self._base_dist.event_shape

    @property
    def _taken(self) -> int:
        return self.event_dim - self._base_dist.event_dim

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        taken = self.event_shape[: self._taken]
        return self._forward(self._base_dist.sample(shape + taken))

    def _forward(self, x: Any) -> Any:
        for transform in self._transforms:
            x = transform(x)
        return x

    def _log_prob(self, value: ndarray) -> Any:
        total: Any = 0.0
        for transform in reversed(self._transforms):
            x = transform.inv(value)
            slope = transform.log_det_jacobian(x, value)
            total = total - summed(slope, self.event_dim - transform.event_dim)
            value = x
        inner = self._base_dist.log_prob(value)
        return total + summed(inner, self._taken)

    @property
    def _sign(self) -> Any:
        sign: Any = 1.0
        for transform in self._transforms:
            sign = sign * transform.sign
        return sign

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`; of monotonic transformations only."""
        x = as_array(value)
        for transform in reversed(self._transforms):
            x = transform.inv(x)
        return self._sign * (self._base_dist.cdf(x) - 0.5) + 0.5

    def icdf(self, value: Any) -> Any:
        """The quantiles of probabilities; of monotonic transformations only."""
        p = self._sign * (as_array(value) - 0.5) + 0.5
        return self._forward(self._base_dist.icdf(p))

    def entropy(self) -> Any:
        """The entropy, of affine transformations only."""
        raise self._without("entropy")

    def __repr__(self) -> str:
        return f"TransformedDistribution({self._base_dist!r}, {self._transforms!r})"
