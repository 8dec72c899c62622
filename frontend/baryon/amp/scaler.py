"""Scaling of the loss, so that small gradients survive in 16 bits."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np

LOG = logging.getLogger("baryon.amp")


class LossScaler:
    """A factor that is halved when gradients overflow, and doubled after 2000 good steps."""

    def __init__(self) -> None:
        self._scale = self._next = 2.0**16
        self._max, self._window, self._good = 2.0**24, 2000, 0

    @property
    def loss_scale(self) -> float:
        """The factor of the loss."""
        return self._scale

    def has_overflow(self, params: Iterable[Any]) -> bool:
        """Whether a gradient is not finite; sets the factor of the next step."""
        grads = (p.grad().elements("a gradient", "") for p in params if p.grad_req != "null")
        overflow = not all(np.isfinite(g).all() for g in grads)
        self._scale = self._next
        self._good = 0 if overflow else self._good + 1
        if overflow:
            self._next = self._scale / 2
            LOG.info("gradients overflow: loss scale %g", self._next)
        elif self._good == self._window:
            self._good, self._next = 0, min(self._max, self._scale * 2)
            LOG.info("loss scale %g", self._next)
        return overflow
