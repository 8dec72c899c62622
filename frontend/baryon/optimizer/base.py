"""What optimizers have in common: learning rates, weight decay, counts of updates, precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from baryon.array import ArrayBase, ndarray
from baryon.ir import BaryonError, UnsupportedError, caller_loc
from baryon.optimizer.fused import Update, update_all
from baryon.optimizer.kernel import writable
from baryon.registry import Registry

State = ndarray | None | tuple[Any, ...]
"""What an optimizer keeps of a parameter: arrays, None, or tuples of these."""

OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")

_RENAMED: Mapping[str, str] = {"eps": "epsilon", "gamma1": "rho", "gamma2": "momentum"}


class OptimizerError(BaryonError, ValueError):
    """Arguments from which no optimizer can be made, or a call that it cannot do."""


class Pace(NamedTuple):
    """The numbers of one update: learning rate and weight decay of the parameter, its count."""

    index: Any
    lr: float
    wd: float
    t: int


class Optimizer:
    """Updates parameters from their gradients, in place.

    Subclasses give a `rule`, or override `step` to compute with arrays of their own. Gradients are
    multiplied by `rescale_grad`, then limited to [-clip_gradient, clip_gradient]; weight decay
    `wd` is an L2 penalty. `param_dict` (index to Parameter), or `param_idx2name` (index to name)
    with `set_lr_mult` and `set_wd_mult`, give parameters factors of their own. With
    `multi_precision`, parameters of 16 bits are updated through a float32 copy. `aggregate_num` and
    `use_fused_step` are accepted: parameters that are updated together are updated in one launch.
    """

    elementwise: ClassVar[bool] = True
    """Whether `rule` may be applied to parts of the parameter, and compiled."""

    def __init__(
        self,
        rescale_grad: float = 1.0,
        param_idx2name: Mapping[Any, str] | None = None,
        wd: float = 0.0,
        clip_gradient: float | None = None,
        learning_rate: float | None = None,
        lr_scheduler: Any = None,
        sym: None = None,
        begin_num_update: int = 0,
        multi_precision: bool = False,
        param_dict: Mapping[Any, Any] | None = None,
        aggregate_num: float | None = None,
        use_fused_step: bool | None = None,
        **unknown: Any,
    ) -> None:
        _refuse(type(self).__name__, unknown, sym)
        self.rescale_grad, self.clip_gradient, self.wd = rescale_grad, clip_gradient, wd
        self.lr_scheduler = lr_scheduler
        self.lr = 0.01 if learning_rate is None else learning_rate
        if lr_scheduler is not None and learning_rate is not None:
            lr_scheduler.base_lr = learning_rate
        self.begin_num_update = self.num_update = begin_num_update
        self.multi_precision = multi_precision
        self.idx2name = dict(param_idx2name or {})
        self.param_dict = dict(param_dict or {})
        self.aggregate_num = 1 if aggregate_num is None else aggregate_num
        self.use_fused_step = bool(use_fused_step)
        self.lr_mult: dict[Any, float] = {}
        self.wd_mult: dict[Any, float] = {}
        self._index_update_count: dict[Any, int] = {}

    @staticmethod
    def register(klass: Any) -> Any:
        """Make `create` find a class by its name: a decorator."""
        return OPTIMIZERS.register(klass)

    @staticmethod
    def create_optimizer(name: str, **kwargs: Any) -> Optimizer:
        """An optimizer by name, in upper or lower case."""
        return OPTIMIZERS.create(name, **kwargs)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update, before the factors of the parameters."""
        lr = self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)
        return float(lr)

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate; UserWarning is raised where a schedule decides it."""
        if self.lr_scheduler is not None:
            raise UserWarning("the lr_scheduler decides the learning rate: set its base_lr instead")
        self.lr = lr

    def set_lr_mult(self, args_lr_mult: Mapping[Any, float]) -> None:
        """Factors of the learning rate, by the parameter's index or name."""
        self.lr_mult = dict(args_lr_mult)

    def set_wd_mult(self, args_wd_mult: Mapping[Any, float]) -> None:
        """Factors of the weight decay, by the parameter's index or name."""
        self.wd_mult = dict(args_wd_mult)

    def zeros(self, weight: ndarray) -> ndarray:
        """A state of zeros: the weight's shape and dtype, but at least float32."""
        return ndarray(np.zeros_like(weight.elements("a state", ""), _computed_in(weight)))

    def create_state(self, index: Any, weight: ndarray) -> State:
        """What to keep of a parameter between updates."""
        return None

    def create_state_multi_precision(self, index: Any, weight: ndarray) -> State:
        """`create_state`; with a float32 copy before it where the parameter needs one."""
        if not _is_low(weight):
            return self.create_state(index, weight)
        if not self.multi_precision:
            warnings.warn(
                f"parameter {index!r} is {weight.dtype}: small updates are lost in it; "
                "multi_precision=True keeps a float32 copy",
                stacklevel=2,
            )
            return self.create_state(index, weight)
        master = weight.astype("float32")
        return (master, self.create_state(index, master))

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """The new weight and the new states, from NumPy ufuncs alone."""
        raise NotImplementedError(f"{type(self).__name__} has neither a rule nor a step")

    def step(
        self,
        indices: Sequence[Any],
        weights: Sequence[ndarray],
        grads: Sequence[ndarray],
        states: Sequence[State],
    ) -> None:
        """Update the weights in place."""
        updates = []
        for index, weight, grad, state in zip(indices, weights, grads, states, strict=True):
            self._update_count(index)
            pace = self._pace(index)
            updates.append(Update(self.rule, pace, weight, grad, arrays_of(state)))
        update_all(updates, elementwise=self.elementwise)

    def fused_step(
        self,
        indices: Sequence[Any],
        weights: Sequence[ndarray],
        grads: Sequence[ndarray],
        states: Sequence[State],
    ) -> None:
        """The same as `step`, which is fused already."""
        self.step(indices, weights, grads, states)

    def update(
        self,
        indices: Sequence[Any],
        weights: Sequence[ndarray],
        grads: Sequence[ndarray],
        states: Sequence[State],
    ) -> None:
        """Update the weights in place, in their own precision."""
        chosen = self.fused_step if self.use_fused_step else self.step
        chosen(indices, weights, grads, states)

    def update_multi_precision(
        self,
        indices: Sequence[Any],
        weights: Sequence[ndarray],
        grads: Sequence[ndarray],
        states: Sequence[Any],
    ) -> None:
        """`update`, through the float32 copies where there are some."""
        copied = [self.multi_precision and _is_low(w) for w in weights]
        self.update(
            indices,
            [s[0] if c else w for c, w, s in zip(copied, weights, states, strict=True)],
            [g.astype("float32") if c else g for c, g in zip(copied, grads, strict=True)],
            [s[1] if c else s for c, s in zip(copied, states, strict=True)],
        )
        for c, weight, state in zip(copied, weights, states, strict=True):
            if c:
                writable(weight, "the update of a parameter")[...] = state[0].asnumpy()

    def prepared(self, g: Any, penalty: Any = 0.0) -> Any:
        """The gradient as rules use it: rescaled, clipped, then with a penalty (`wd * w`)."""
        if self.rescale_grad != 1.0:
            g = g * self.rescale_grad
        g = self.limited(g)
        return g if isinstance(penalty, float) and penalty == 0.0 else g + penalty

    def limited(self, g: Any) -> Any:
        """The gradient clipped, if there is a `clip_gradient`."""
        if not self.clip_gradient:
            return g
        return np.minimum(np.maximum(g, -self.clip_gradient), self.clip_gradient)

    def decayed(self, pace: Pace, w: Any, g: Any) -> Any:
        """The gradient rescaled, clipped, and with the weight decay as an L2 penalty."""
        return self.prepared(g, pace.wd * w if pace.wd else 0.0)

    def _pace(self, index: Any) -> Pace:
        return Pace(
            index, self._get_lr(index), self._get_wd(index), self._index_update_count[index]
        )

    def _update_count(self, index: Any) -> None:
        count = self._index_update_count.get(index, self.begin_num_update) + 1
        self._index_update_count[index] = count
        self.num_update = max(count, self.num_update)

    def _get_lr(self, index: Any) -> float:
        return self.learning_rate * self._factor(index, self.lr_mult, lambda p: p.lr_mult)

    def _get_wd(self, index: Any) -> float:
        return self.wd * self._factor(index, self.wd_mult, lambda p: p.wd_mult)

    def _factor(self, index: Any, by_key: Mapping[Any, float], of: Callable[[Any], float]) -> float:
        if index in self.param_dict:
            return float(of(self.param_dict[index]))
        return float(by_key.get(index, by_key.get(self.idx2name.get(index), 1.0)))


def arrays_of(state: Any) -> list[ArrayBase]:
    """The arrays of a state, in order."""
    if state is None:
        return []
    if isinstance(state, ArrayBase):
        return [state]
    return [x for part in state for x in arrays_of(part)]


def _is_low(weight: ArrayBase) -> bool:
    return weight.type.dtype.is_float and weight.dtype.itemsize < 4


def _computed_in(weight: ArrayBase) -> np.dtype[Any]:
    return np.dtype(np.float32) if _is_low(weight) else weight.dtype


def _refuse(name: str, unknown: Mapping[str, Any], sym: Any) -> None:
    if sym is not None:
        raise UnsupportedError(
            "sym= is not supported", hint="give factors by set_lr_mult and set_wd_mult"
        )
    for key in unknown:
        raise OptimizerError(
            f"{name} has no parameter {key!r}",
            where=str(caller_loc("baryon")),
            hint=f"it is called {_RENAMED[key]!r} now"
            if key in _RENAMED
            else f"help(mx.optimizer.{name}) says what it takes",
        )
