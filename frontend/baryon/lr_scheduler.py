"""Learning-rate schedules: functions from the number of updates to the learning rate.

A schedule keeps no count of its own, so it may be asked for any update in any order, and a run that
was interrupted goes on where it stopped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import cos, pi

from baryon.ir import BaryonError


class ScheduleError(BaryonError, ValueError):
    """Arguments from which no schedule can be made."""


class LRScheduler:
    """The learning rate at an update: `base_lr` after `warmup_steps` updates of warm-up.

    The warm-up goes from `warmup_begin_lr` to `base_lr` in equal steps ("linear"), or stays at
    `warmup_begin_lr` ("constant"). Subclasses override `decayed`.
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        if warmup_begin_lr > base_lr:
            raise ScheduleError(f"warmup_begin_lr={warmup_begin_lr} is above base_lr={base_lr}")
        if warmup_steps < 0 or warmup_steps != int(warmup_steps):
            raise ScheduleError(f"warmup_steps={warmup_steps} is not a number of updates")
        if warmup_mode not in {"linear", "constant"}:
            raise ScheduleError(f"warmup_mode={warmup_mode!r} is neither 'linear' nor 'constant'")
        self.base_lr = base_lr
        self.warmup_steps = int(warmup_steps)
        self.warmup_begin_lr = warmup_begin_lr
        self.warmup_mode = warmup_mode

    @property
    def warmup_final_lr(self) -> float:
        """Where the warm-up ends: `base_lr`."""
        return self.base_lr

    def get_warmup_lr(self, num_update: int) -> float:
        """The learning rate at an update before `warmup_steps`."""
        if num_update >= self.warmup_steps:
            raise ScheduleError(f"update {num_update} is after the warm-up of {self.warmup_steps}")
        if self.warmup_mode == "constant":
            return self.warmup_begin_lr
        done = num_update / self.warmup_steps
        return self.warmup_begin_lr + (self.base_lr - self.warmup_begin_lr) * done

    def decayed(self, num_update: int) -> float:
        """The learning rate at an update after the warm-up."""
        return self.base_lr

    def __call__(self, num_update: int) -> float:
        """The learning rate when the most-updated parameter has had `num_update` updates."""
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        return self.decayed(num_update)


class FactorScheduler(LRScheduler):
    """Multiplies by `factor` after every `step` updates, down to `stop_factor_lr`."""

    def __init__(
        self,
        step: int,
        factor: float = 1,
        stop_factor_lr: float = 1e-8,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if step < 1:
            raise ScheduleError(f"step={step} is not a positive number of updates")
        self.step, self.factor, self.stop_factor_lr = step, _decay(factor), stop_factor_lr

    def decayed(self, num_update: int) -> float:
        """`base_lr` times `factor` for every full `step` before this update."""
        times = max(num_update - 1, 0) // self.step
        lr = self.base_lr * self.factor**times
        return max(lr, self.stop_factor_lr) if times else lr


class MultiFactorScheduler(LRScheduler):
    """Multiplies by `factor` after each of the updates listed in `step`, which increase."""

    def __init__(
        self,
        step: Sequence[int],
        factor: float = 1,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self.step, self.factor = list(step), _decay(factor)
        if not self.step or self.step[0] < 1 or sorted(set(self.step)) != self.step:
            raise ScheduleError(f"step={step} is not a list of increasing positive updates")

    def decayed(self, num_update: int) -> float:
        """`base_lr` times `factor` for every listed update before this one."""
        return self.base_lr * self.factor ** bisect_left(self.step, num_update)


class _Course(LRScheduler):
    """Falls from `base_lr` after the warm-up to `final_lr` at update `max_update`."""

    def __init__(
        self, max_update: int, base_lr: float, final_lr: float, warmup_steps: int,
        warmup_begin_lr: float, warmup_mode: str,
    ) -> None:  # fmt: skip
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if max_update < 1 or max_update != int(max_update):
            raise ScheduleError(f"max_update={max_update} is not a positive number of updates")
        if max_update <= warmup_steps:
            raise ScheduleError(f"max_update={max_update} is within the warm-up of {warmup_steps}")
        self.max_update, self.final_lr = int(max_update), final_lr

    @property
    def max_steps(self) -> int:
        """The number of updates from the warm-up to `max_update`."""
        return self.max_update - self.warmup_steps

    def decayed(self, num_update: int) -> float:
        """`final_lr`, and above it the share of the way that is left at this update."""
        done = min((num_update - self.warmup_steps) / self.max_steps, 1.0)
        return self.final_lr + (self.base_lr - self.final_lr) * self.left(done)

    def left(self, done: float) -> float:
        """The share of the fall that is left when the share `done` of the updates is over."""
        raise NotImplementedError


class PolyScheduler(_Course):
    """Falls as `(1 - t) ** pwr` from `base_lr` to `final_lr` at update `max_update`."""

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        pwr: float = 2,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self.power = pwr

    def left(self, done: float) -> float:
        """`(1 - done) ** pwr`."""
        return float((1 - done) ** self.power)


class CosineScheduler(_Course):
    """Falls as half a cosine wave from `base_lr` to `final_lr` at update `max_update`."""

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)

    def left(self, done: float) -> float:
        """`(1 + cos(pi * done)) / 2`."""
        return (1 + cos(pi * done)) / 2


def _decay(factor: float) -> float:
    if factor > 1:
        raise ScheduleError(f"factor={factor} would make the learning rate grow")
    return factor
