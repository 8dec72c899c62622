"""Transformations: functions of samples with their inverses and slopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.block import HybridBlock
from baryon.gluon.probability.distributions.utils import summed


class Transformation:
    """A differentiable function; `bijective` ones have an inverse, `inv`.

    event_dim: how many axes it needs at once. sign: 1 if it rises, -1 if it falls.
    """

    bijective = False
    event_dim = 0

    def __init__(self) -> None:
        self._inverse: _Inverse | None = None

    @property
    def sign(self) -> Any:
        """1 if the function rises, -1 if it falls."""
        raise NotImplementedError(f"{type(self).__name__} is not monotonic")

    @property
    def inv(self) -> Any:
        """The inverse function."""
        return _Inverse(self)

    def __call__(self, x: Any) -> Any:
        """The function of x."""
        return self._forward_compute(x)

    def _forward_compute(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse_compute(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        """The logarithm of the slope |dy/dx| at x, where the function is y."""
        raise NotImplementedError(f"{type(self).__name__} has no log_det_jacobian")


class _Inverse(Transformation):
    def __init__(self, forward: Transformation) -> None:
        self._forward = forward
        self.bijective, self.event_dim = forward.bijective, forward.event_dim

    @property
    def sign(self) -> Any:
        return self._forward.sign

    @property
    def inv(self) -> Any:
        return self._forward

    def _forward_compute(self, x: Any) -> Any:
        return self._forward._inverse_compute(x)

    def _inverse_compute(self, y: Any) -> Any:
        return self._forward(y)

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._forward.log_det_jacobian(y, x)


class TransformBlock(Transformation, HybridBlock):
    """A transformation with parameters, such as a normalizing flow: subclass it."""

    def __init__(self) -> None:
        HybridBlock.__init__(self)

    def __call__(self, x: Any) -> Any:
        """The function of x."""
        return HybridBlock.__call__(self, x)

    def forward(self, x: ndarray) -> Any:
        """The function."""
        return self._forward_compute(x)


class ComposeTransform(Transformation):
    """Several transformations, one after the other."""

    def __init__(self, parts: Sequence[Transformation]) -> None:
        self._parts = [*parts]
        self.bijective = all(p.bijective for p in self._parts)
        self.event_dim = max((p.event_dim for p in self._parts), default=0)

    @property
    def sign(self) -> Any:
        """The product of the signs."""
        sign: Any = 1
        for part in self._parts:
            sign = sign * part.sign
        return sign

    def _forward_compute(self, x: Any) -> Any:
        for part in self._parts:
            x = part(x)
        return x

    def _inverse_compute(self, y: Any) -> Any:
        for part in reversed(self._parts):
            y = part.inv(y)
        return y

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        """The sum of the parts' logarithms."""
        total: Any = np.zeros_like(summed(x, self.event_dim))
        for part in self._parts:
            after = part(x)
            slope = part.log_det_jacobian(x, after)
            total = total + summed(slope, self.event_dim - part.event_dim)
            x = after
        return total


class ExpTransform(Transformation):
    """y = exp(x)."""

    bijective, sign = True, 1

    def _forward_compute(self, x: Any) -> Any:
        return np.exp(x)

    def _inverse_compute(self, y: Any) -> Any:
        return np.log(y)

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        """X itself."""
        return x


class AffineTransform(Transformation):
    """y = loc + scale * x."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0) -> None:
        self._loc, self._scale, self.event_dim = loc, scale, event_dim

    @property
    def sign(self) -> Any:
        """The sign of the scale."""
        return np.sign(self._scale)

    def _forward_compute(self, x: Any) -> Any:
        return self._loc + self._scale * x

    def _inverse_compute(self, y: Any) -> Any:
        return (y - self._loc) / self._scale

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |scale| for each element, summed over the axes of an event."""
        return summed(np.log(np.abs(self._scale)) * np.ones_like(x), self.event_dim)


class PowerTransform(Transformation):
    """y = x ** exponent, of positive numbers."""

    bijective = True

    def __init__(self, exponent: Any) -> None:
        self._exponent = exponent

    @property
    def sign(self) -> Any:
        """The sign of the exponent."""
        return np.sign(self._exponent)

    def _forward_compute(self, x: Any) -> Any:
        return np.power(x, self._exponent)

    def _inverse_compute(self, y: Any) -> Any:
        return np.power(y, 1 / self._exponent)

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |exponent * y / x|."""
        return np.log(np.abs(self._exponent * y / x))


class AbsTransform(Transformation):
    """y = |x|; its inverse gives the positive number."""

    def _forward_compute(self, x: Any) -> Any:
        return np.abs(x)

    def _inverse_compute(self, y: Any) -> Any:
        return y


class SigmoidTransform(Transformation):
    """y = 1 / (1 + exp(-x))."""

    bijective, sign = True, 1

    def _forward_compute(self, x: Any) -> Any:
        return npx.sigmoid(x)

    def _inverse_compute(self, y: Any) -> Any:
        y = np.clip(y, 1e-37, 1 - 6e-8)  # the finite range of float32
        return np.log(y) - np.log1p(-y)

    def log_det_jacobian(self, x: Any, y: Any) -> Any:
        """-softplus(x) - softplus(-x)."""
        return -npx.softplus(x) - npx.softplus(-x)


class SoftmaxTransform(Transformation):
    """y = softmax(x) on the last axis; log(y) is one of the x."""

    event_dim = 1

    def _forward_compute(self, x: Any) -> Any:
        return npx.softmax(x, axis=-1)

    def _inverse_compute(self, y: Any) -> Any:
        return np.log(y)
