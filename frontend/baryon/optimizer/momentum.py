"""Optimizers that follow the gradient, or an average of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.optimizer.base import Optimizer, Pace, State


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: `m = momentum m - lr g; w += m`.

    lazy_update concerns sparse gradients, which do not exist here.
    """

    def __init__(
        self,
        learning_rate: float | None = 0.1,
        momentum: float = 0.0,
        lazy_update: bool = False,
        multi_precision: bool = False,
        use_fused_step: bool = True,
        aggregate_num: float = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            multi_precision=multi_precision,
            use_fused_step=use_fused_step,
            aggregate_num=aggregate_num,
            **kwargs,
        )
        self.momentum, self.lazy_update = momentum, lazy_update

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The momentum, if there is any."""
        return self.zeros(weight) if self.momentum else None

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        step = self._step(pace, w, g)
        if not states:
            return [w - step]
        m = self.momentum * states[0] - step
        return w + m, m

    def _step(self, pace: Pace, w: Any, g: Any) -> Any:
        if self.clip_gradient:
            return pace.lr * self.decayed(pace, w, g)
        step = (pace.lr * self.rescale_grad) * g  # one pass for both factors
        return step + (pace.lr * pace.wd) * w if pace.wd else step


class NAG(SGD):
    """Nesterov's momentum: `m = momentum m - lr g; w += momentum m - lr g`."""

    def __init__(
        self,
        learning_rate: float | None = 0.1,
        momentum: float = 0.9,
        multi_precision: bool = False,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, momentum, False, multi_precision, use_fused_step, **kwargs)

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        step = self._step(pace, w, g)
        if not states:
            return [w - step]
        m = self.momentum * states[0] - step
        return w + self.momentum * m - step, m


class SGLD(Optimizer):
    """Langevin dynamics: half a step down the gradient, and noise of variance `lr`."""

    elementwise = False

    def __init__(
        self, learning_rate: float | None = 0.1, use_fused_step: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class; `mx.random.seed` makes the noise repeat."""
        noise = host_generator().normal(0.0, pace.lr**0.5, w.shape)
        return [w - pace.lr / 2 * self.decayed(pace, w, g) + noise.astype(w.dtype)]


class Signum(Optimizer):
    """Steps of one size along the sign of the momentum, or of the gradient without momentum.

    wd_lh: weight decay that does not pass through the momentum (Loshchilov and Hutter 2017).
    """

    def __init__(
        self,
        learning_rate: float | None = 0.01,
        momentum: float = 0.9,
        wd_lh: float = 0.0,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.momentum, self.wd_lh = momentum, wd_lh

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The momentum, if there is any."""
        return self.zeros(weight) if self.momentum else None

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        if not states:
            return [(1 - pace.lr * (pace.wd + self.wd_lh)) * w - pace.lr * np.sign(g)]
        m = self.momentum * states[0] - (1 - self.momentum) * self.decayed(pace, w, g)
        return (1 - pace.lr * self.wd_lh) * w + pace.lr * np.sign(m), m


class DCASGD(Optimizer):
    """Momentum with the gradient corrected for its delay: `g + lamda g^2 (w - w_previous)`."""

    def __init__(
        self,
        learning_rate: float | None = 0.1,
        momentum: float = 0.0,
        lamda: float = 0.04,
        use_fused_step: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.momentum, self.lamda = momentum, lamda

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The previous weight, then the momentum, if there is any."""
        return (weight.copy(), self.zeros(weight)) if self.momentum else (weight.copy(),)

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        previous, *momentum = states
        g = self.decayed(pace, w, g)
        m = -pace.lr * (g + self.lamda * np.square(g) * (w - previous))
        if not momentum:
            return w + m, w
        m = self.momentum * momentum[0] + m
        return w + m, w, m


class Test(Optimizer):
    """`w -= lr (rescale_grad g + wd w)`: for tests of what calls optimizers."""

    __test__ = False  # pytest would collect it

    def create_state(self, index: Any, weight: ndarray) -> State:
        """Zeros that nothing changes."""
        return self.zeros(weight)

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        return w - pace.lr * (self.rescale_grad * g + pace.wd * w), states[0]
