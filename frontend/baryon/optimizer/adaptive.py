"""Optimizers whose step is scaled, per element, by the history of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.optimizer.base import Optimizer, Pace, State


class AdaGrad(Optimizer):
    """`h += g^2; w -= lr g / (sqrt(h) + epsilon)` (Duchi et al. 2011)."""

    def __init__(
        self,
        learning_rate: float | None = 0.01,
        epsilon: float = 1e-6,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.epsilon = epsilon

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The sum of squares h."""
        return self.zeros(weight)

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.decayed(pace, w, g)
        h = states[0] + np.square(g)
        return w - pace.lr * g / (np.sqrt(h) + self.epsilon), h


class AdaDelta(Optimizer):
    """Steps in units of the average step before (Zeiler 2012), times `learning_rate`."""

    def __init__(
        self,
        learning_rate: float | None = 1.0,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        use_fused_step: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.rho, self.epsilon = rho, epsilon

    def create_state(self, index: Any, weight: ndarray) -> State:
        """Averages of the squares of the gradient and of the step."""
        return (self.zeros(weight), self.zeros(weight))

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.decayed(pace, w, g)
        squares = self.rho * states[0] + (1 - self.rho) * np.square(g)
        step = np.sqrt((states[1] + self.epsilon) / (squares + self.epsilon)) * g
        steps = self.rho * states[1] + (1 - self.rho) * np.square(step)
        return w - pace.lr * step, squares, steps


class RMSProp(Optimizer):
    """The gradient over the root of the running average of its square.

    With `centered` the running average of the gradient is taken out of that root, and the steps
    have `momentum` (Graves 2013); without it there is no momentum. clip_weights limits the weights.
    """

    def __init__(
        self,
        learning_rate: float | None = 0.001,
        rho: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1e-8,
        centered: bool = False,
        clip_weights: float | None = None,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon
        self.centered, self.clip_weights = centered, clip_weights

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The average square; if centered, the averages of gradient and square, the momentum."""
        if not self.centered:
            return self.zeros(weight)
        return (self.zeros(weight), self.zeros(weight), self.zeros(weight))

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        g = self.decayed(pace, w, g)
        if self.centered:
            return self._centered(pace, w, g, *states)
        squares = self.rho * states[0] + (1 - self.rho) * np.square(g)
        return self._limited(w - pace.lr * g / (np.sqrt(squares) + self.epsilon)), squares

    def _centered(
        self, pace: Pace, w: Any, g: Any, mean: Any, squares: Any, m: Any
    ) -> Sequence[Any]:
        mean = self.rho * mean + (1 - self.rho) * g
        squares = self.rho * squares + (1 - self.rho) * np.square(g)
        m = self.momentum * m - pace.lr * g / np.sqrt(squares - np.square(mean) + self.epsilon)
        return self._limited(w + m), mean, squares, m

    def _limited(self, w: Any) -> Any:
        if not self.clip_weights:
            return w
        return np.minimum(np.maximum(w, -self.clip_weights), self.clip_weights)


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013): `lamda1` makes weights zero."""

    def __init__(
        self,
        learning_rate: float | None = 0.1,
        lamda1: float = 0.01,
        beta: float = 1.0,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.lamda1, self.beta = lamda1, beta

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The dual weight z, and the sum of squares n."""
        return (self.zeros(weight), self.zeros(weight))

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class; weight decay stands in the denominator."""
        g = self.prepared(g)
        n = states[1] + np.square(g)
        root = np.sqrt(n)
        z = states[0] + g - (root - np.sqrt(states[1])) / pace.lr * w
        shrunk = np.sign(z) * np.maximum(np.abs(z) - self.lamda1, 0)
        return -shrunk / ((self.beta + root) / pace.lr + pace.wd), z, n


class FTML(Optimizer):
    """Follow the moving leader (Zheng and Kwok 2017)."""

    def __init__(
        self,
        learning_rate: float | None = 0.0025,
        beta1: float = 0.6,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The paper's d, v and z."""
        return (self.zeros(weight), self.zeros(weight), self.zeros(weight))

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """See the class."""
        d, v, z = states
        g = self.decayed(pace, w, g)
        v = self.beta2 * v + (1 - self.beta2) * np.square(g)
        root = np.sqrt(v / (1 - self.beta2**pace.t)) + self.epsilon
        after = root * ((1 - self.beta1**pace.t) / pace.lr)
        z = self.beta1 * z + (1 - self.beta1) * g - (after - self.beta1 * d) * w
        return -z / after, after, v, z
