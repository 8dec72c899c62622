"""Optimizers that scale the step by norms of the whole parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.optimizer.adam import _Moments
from baryon.optimizer.base import Pace
from baryon.optimizer.momentum import SGD


class LARS(SGD):
    """SGD whose learning rate is multiplied by `eta |w| / (|g| + wd |w| + epsilon)` (You 2017).

    Parameters named `...gamma`, `...beta` and `...bias` by `param_idx2name` keep theirs.
    """

    elementwise = False

    def __init__(
        self,
        learning_rate: float | None = 0.1,
        momentum: float = 0.0,
        eta: float = 0.001,
        epsilon: float = 1e-8,
        lazy_update: bool = False,
        use_fused_step: bool = True,
        aggregate_num: float = 1,
        **kwargs: Any,
    ) -> None:
        multi_precision = kwargs.pop("multi_precision", False)
        super().__init__(
            learning_rate, momentum, lazy_update, multi_precision, use_fused_step, aggregate_num,
            **kwargs,
        )  # fmt: skip
        self.eta, self.epsilon = eta, epsilon

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        scaled = pace._replace(lr=pace.lr * self._trust(pace, w, g))
        return super().rule(scaled, w, g, *states)

    def _trust(self, pace: Pace, w: Any, g: Any) -> float:
        if self.idx2name.get(pace.index, "").endswith(("gamma", "beta", "bias")):
            return 1.0
        of_w, of_g = _norm(w), _norm(g * self.rescale_grad)
        if not _is_ratio(of_w, of_g):
            return 1.0
        return self.eta * of_w / (of_g + pace.wd * of_w + self.epsilon)


class _Trusting(_Moments):
    """Adam's averages in float32; steps as long as the weight, within bounds."""

    elementwise = False

    def __init__(
        self, lower_bound: float | None, upper_bound: float | None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lower_bound, self.upper_bound = lower_bound, upper_bound

    def sized(self, step: Any, w: Any) -> Any:
        """A step scaled to the norm of the weight, which is limited to the bounds."""
        size = _norm(w)
        if self.lower_bound:
            size = max(size, self.lower_bound)
        if self.upper_bound:
            size = min(size, self.upper_bound)
        length = _norm(step)
        return step * (size / length) if _is_ratio(size, length) else step


class LAMB(_Trusting):
    """Adam with layer-wise steps for large batches (You et al. 2019)."""

    def __init__(
        self,
        learning_rate: float | None = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        bias_correction: bool = True,
        aggregate_num: float = 4,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            lower_bound, upper_bound, learning_rate, beta1, beta2, epsilon,
            aggregate_num=aggregate_num, use_fused_step=use_fused_step, **kwargs,
        )  # fmt: skip
        self.bias_correction = bias_correction

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        m, v = self.moments(self.prepared(g), *states)
        unbiased = _unbiased(self, pace, m, v) if self.bias_correction else (m, v)
        step = unbiased[0] / (np.sqrt(unbiased[1]) + self.epsilon) + pace.wd * w
        return w - pace.lr * self.sized(step, w), m, v


class LANS(_Trusting):
    """LAMB with normalized gradients and Nesterov's momentum (Zheng et al. 2020)."""

    def __init__(
        self,
        learning_rate: float | None = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        aggregate_num: float = 4,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            lower_bound, upper_bound, learning_rate, beta1, beta2, epsilon,
            aggregate_num=aggregate_num, use_fused_step=use_fused_step, **kwargs,
        )  # fmt: skip

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.limited(g * (self.rescale_grad / _norm(g * self.rescale_grad)))
        m, v = self.moments(g, *states)
        mean, square = _unbiased(self, pace, m, v)
        root = np.sqrt(square) + self.epsilon
        along = self.sized(mean / root + pace.wd * w, w)
        ahead = self.sized(g / root + pace.wd * w, w)
        return w - pace.lr * (self.beta1 * along + (1 - self.beta1) * ahead), m, v


def _unbiased(optimizer: _Moments, pace: Pace, m: Any, v: Any) -> tuple[Any, Any]:
    return m / (1 - optimizer.beta1**pace.t), v / (1 - optimizer.beta2**pace.t)


def _norm(x: Any) -> float:
    return float(np.linalg.norm(x))


def _is_ratio(over: float, under: float) -> bool:
    """Whether over / under is a number that is not zero."""
    return over != 0 and under != 0 and bool(np.isfinite(over / under))
