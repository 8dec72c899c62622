"""Adam and its relatives: averages of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.optimizer.base import Optimizer, Pace, State


class _Moments(Optimizer):
    """Averages `m` of the gradient (rate `beta1`) and `v` of its square (rate `beta2`)."""

    def __init__(
        self, learning_rate: float | None, beta1: float, beta2: float, epsilon: float, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The averages m and v."""
        return (self.zeros(weight), self.zeros(weight))

    def moments(self, g: Any, m: Any, v: Any) -> tuple[Any, Any]:
        """The new averages."""
        m = self.beta1 * m + (1 - self.beta1) * g
        return m, self.beta2 * v + (1 - self.beta2) * np.square(g)

    def unbiased_lr(self, pace: Pace) -> float:
        """The learning rate, corrected for averages that began at zero."""
        return float(pace.lr * (1 - self.beta2**pace.t) ** 0.5 / (1 - self.beta1**pace.t))


class Adam(_Moments):
    """`w -= lr m / (sqrt(v) + epsilon)`, bias-corrected (Kingma and Ba 2014).

    lazy_update concerns sparse gradients, which do not exist here.
    """

    def __init__(
        self,
        learning_rate: float | None = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        lazy_update: bool = False,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta1, beta2, epsilon, use_fused_step=use_fused_step, **kwargs
        )
        self.lazy_update = lazy_update

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        m, v = self.moments(self.decayed(pace, w, g), *states)
        return w - self.unbiased_lr(pace) * m / (np.sqrt(v) + self.epsilon), m, v


class _Correctable(_Moments):
    """Averages whose bias is corrected if `correct_bias`."""

    def __init__(
        self,
        learning_rate: float | None = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        correct_bias: bool = True,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta1, beta2, epsilon, use_fused_step=use_fused_step, **kwargs
        )
        self.correct_bias = correct_bias

    def rate(self, pace: Pace) -> float:
        """The learning rate, bias-corrected if asked for."""
        return self.unbiased_lr(pace) if self.correct_bias else pace.lr


class AdamW(_Correctable):
    """Adam with weight decay beside the averages (Loshchilov and Hutter 2017)."""

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        m, v = self.moments(self.prepared(g), *states)
        step = m / (np.sqrt(v) + self.epsilon) + pace.wd * w
        return w - self.rate(pace) * step, m, v


class AdaBelief(_Correctable):
    """Adam whose `v` averages the squared deviation of the gradient (Zhuang et al. 2020).

    The gradient is clipped with the weight decay in it.
    """

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.limited(g * self.rescale_grad + pace.wd * w)
        m = self.beta1 * states[0] + (1 - self.beta1) * g
        spread = (1 - self.beta2) * np.square(g - m)
        v = self.beta2 * states[1] + spread + self.epsilon
        return w - self.rate(pace) * m / (np.sqrt(v) + self.epsilon), m, v


class Adamax(_Moments):
    """Adam with the infinity norm: `v = max(beta2 v, |g|)`."""

    def __init__(
        self,
        learning_rate: float | None = 0.002,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        use_fused_step: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta1, beta2, epsilon, use_fused_step=use_fused_step, **kwargs
        )

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.decayed(pace, w, g)
        m = self.beta1 * states[0] + (1 - self.beta1) * g
        v = np.maximum(self.beta2 * states[1], np.abs(g))
        return w - pace.lr / (1 - self.beta1**pace.t) * m / (v + self.epsilon), m, v


class Nadam(_Moments):
    """Adam with Nesterov's momentum, whose rate grows with `schedule_decay` (Dozat 2016)."""

    def __init__(
        self,
        learning_rate: float | None = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule_decay: float = 0.004,
        use_fused_step: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta1, beta2, epsilon, use_fused_step=use_fused_step, **kwargs
        )
        self.schedule_decay = schedule_decay
        self._product = (0, 1.0)

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.decayed(pace, w, g)
        m, v = self.moments(g, *states)
        now, after = self._momentum(pace.t), self._momentum(pace.t + 1)
        product = self._product_to(pace.t)
        mean = after / (1 - product * after) * m + (1 - now) / (1 - product) * g
        root = np.sqrt(v / (1 - self.beta2**pace.t)) + self.epsilon
        return w - pace.lr * mean / root, m, v

    def _momentum(self, t: int) -> float:
        return float(self.beta1 * (1 - 0.5 * 0.96 ** (t * self.schedule_decay)))

    def _product_to(self, t: int) -> float:
        """The product of the momenta of the updates 1 to t."""
        done, product = self._product if self._product[0] <= t else (0, 1.0)
        for i in range(done + 1, t + 1):
            product *= self._momentum(i)
        self._product = (t, product)
        return product
