"""`Distribution`: the base of all distributions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

from baryon import autograd, np
from baryon.array import ndarray
from baryon.gluon.probability.distributions.constraint import Constraint, as_array
from baryon.gluon.probability.distributions.utils import as_size, broadcast_shape


class Distribution:
    """Independent samples of events: `batch_shape` of them, each with `event_dim` axes.

    Parameters are numbers or arrays that broadcast; `arg_constraints` names them. All methods work
    in hybridized blocks. `has_grad`: gradients pass through samples to the parameters.
    """

    arg_constraints: Mapping[str, Constraint] = {}
    support: Any = None
    has_grad = False
    has_enumerate_support = False
    parameter_dims: Mapping[str, int] = {}
    """How many axes of a parameter belong to the event, for those that have some."""

    _validate_args = False

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check parameters and values."""
        Distribution._validate_args = bool(value)

    def __init__(self, event_dim: int | None = None, validate_args: bool | None = None) -> None:
        self.event_dim = event_dim or 0
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                try:
                    setattr(self, name, constraint.check(self.__dict__[name]))
                except ValueError as error:
                    error.add_note(f"the value is the parameter {name!r} of {type(self).__name__}")
                    raise

    def _set(self, **parameters: Any) -> None:
        """Store parameters as arrays; those that are None are left out."""
        self.__dict__.update({k: as_array(v) for k, v in parameters.items() if v is not None})

    @property
    def _parameters(self) -> dict[str, ndarray]:
        return {k: self.__dict__[k] for k in self.arg_constraints if k in self.__dict__}

    @property
    def batch_shape(self) -> tuple[Any, ...]:
        """The shape to which the parameters broadcast."""
        dims = self.parameter_dims
        shapes = [p.shape[: p.ndim - dims.get(k, 0)] for k, p in self._parameters.items()]
        return broadcast_shape(*shapes)

    @property
    def event_shape(self) -> tuple[Any, ...]:
        """The shape of one event."""
        return ()

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability, or density, of each event."""
        value = as_array(value)
        return self._log_prob(self.support.check(value) if self._checks_values() else value)

    def _checks_values(self) -> bool:
        return self._validate_args and isinstance(self.support, Constraint)

    def _log_prob(self, value: ndarray) -> Any:
        raise self._without("log_prob")

    def pdf(self, value: Any) -> Any:
        """The probability, or density, of each event."""
        return np.exp(self.log_prob(value))

    def cdf(self, value: Any) -> Any:
        """The probability of samples up to `value`."""
        raise self._without("cdf")

    def icdf(self, value: Any) -> Any:
        """The number up to which samples are with the probability `value`."""
        raise self._without("icdf")

    def sample(self, size: Any = None) -> Any:
        """Samples; `size` is the shape of the batch, to which the parameters broadcast."""
        return self._draw(self.batch_shape if size is None else as_size(size))

    def sample_n(self, size: Any = None) -> Any:
        """`size` samples (a number or a shape) for each element of the batch."""
        return self._draw(as_size(size) + self.batch_shape)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        raise self._without("sample")

    def broadcast_to(self, batch_shape: Any) -> Self:
        """The distribution with its parameters broadcast to another batch shape."""
        other, shape = copy.copy(self), as_size(batch_shape)
        for name, value in self._parameters.items():
            events = value.shape[value.ndim - self.parameter_dims.get(name, 0) :]
            other.__dict__[name] = np.broadcast_to(value, shape + events)
        return other

    def enumerate_support(self) -> Any:
        """All values that samples may have, on a new first axis."""
        raise self._without("enumerate_support")

    @property
    def mean(self) -> Any:
        """The mean."""
        raise self._without("mean")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise self._without("variance")

    @property
    def stddev(self) -> Any:
        """The standard deviation."""
        return np.sqrt(self.variance)

    def entropy(self) -> Any:
        """The entropy in nats."""
        raise self._without("entropy")

    def perplexity(self) -> Any:
        """The exponential of the entropy."""
        return np.exp(self.entropy())

    def _without(self, what: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no {what}")

    def _full(self, x: Any) -> Any:
        """A value that does not depend on the parameters, for each element of the batch."""
        return np.broadcast_to(as_array(x), self.batch_shape)

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}: {p.shape}" for k, p in self._parameters.items())
        return f"{type(self).__name__}({shown})"


class ExponentialFamily(Distribution):
    """Distributions p(x) = exp(<t(x), theta> - F(theta) + k(x)).

    A subclass gives `_natural_params` (theta), `_log_normalizer` (F) and `_mean_carrier_measure`
    (the mean of k), or its own entropy.
    """

    @property
    def _natural_params(self) -> tuple[ndarray, ...]:
        raise self._without("natural parameters")

    def _log_normalizer(self, *natural_params: ndarray) -> ndarray:
        raise self._without("log normalizer")

    @property
    def _mean_carrier_measure(self) -> Any:
        return 0.0

    def entropy(self) -> Any:
        """The entropy in nats, by the gradient of the log normalizer; not inside a trace."""
        params = [p.detach() for p in self._natural_params]
        for p in params:
            p.attach_grad()
        with autograd.record():
            normalizer = self._log_normalizer(*params)
        slopes = autograd.grad(normalizer, params)
        inner = sum(np.multiply(p, g) for p, g in zip(params, slopes, strict=True))
        return normalizer - inner - self._mean_carrier_measure
