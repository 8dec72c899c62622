"""Optimizers: what the comparison with MXNet does not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from baryon import lr_scheduler
from baryon import optimizer as opt
from baryon.array import ArrayBase, ndarray
from baryon.optimizer.kernel import BLOCK
from baryon.optimizer.states import StatesError
from baryon.registry import UnknownNameError

ALL = [
    "SGD", "NAG", "SGLD", "Signum", "DCASGD", "AdaGrad", "AdaDelta", "RMSProp", "Ftrl", "FTML",
    "Adam", "AdamW", "AdaBelief", "Adamax", "Nadam", "LARS", "LAMB", "LANS", "GroupAdaGrad", "Test",
]  # fmt: skip


def array(*shape: int, seed: int = 0, dtype: Any = "float32") -> ndarray:
    return ndarray(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def test_blocks_give_what_the_whole_gives() -> None:
    n = BLOCK + 17
    w, g = array(n), array(n, seed=1)
    whole, grad = w.asnumpy().astype("float64"), g.asnumpy().astype("float64")
    update = opt.get_updater(opt.SGD(0.1, momentum=0.9, wd=0.01))
    momentum = np.zeros(n)
    for _ in range(3):
        update(0, g, w)
        momentum = 0.9 * momentum - 0.1 * (grad + 0.01 * whole)
        whole += momentum
    np.testing.assert_allclose(w.asnumpy(), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32", "float64"])
def test_update_is_in_place_in_the_dtype_of_the_weight(name: str, dtype: Any) -> None:
    w, g = array(3, 4, dtype=dtype), array(3, 4, seed=1, dtype=dtype)
    memory, before, gradient = w._data, w.asnumpy(), g.asnumpy()
    update = opt.get_updater(opt.create(name, multi_precision=True))
    for _ in range(2):
        update("w", g, w)
    assert w._data is memory
    assert w.dtype == np.dtype(dtype)
    assert (w.asnumpy() != before).any()
    np.testing.assert_array_equal(g.asnumpy(), gradient)


@pytest.mark.parametrize("name", [n for n in ALL if n not in {"Test", "SGLD"}])
def test_descends(name: str) -> None:
    w = array(4, 3)
    kwargs = {"learning_rate": 1.0} if name == "LARS" else {}
    update = opt.get_updater(opt.create(name, **kwargs))
    before = float(np.square(w.asnumpy()).sum())
    for _ in range(20):
        update(0, w.copy(), w)
    assert float(np.square(w.asnumpy()).sum()) < before


def test_low_precision_without_a_copy_warns() -> None:
    update = opt.get_updater(opt.SGD())
    with pytest.warns(UserWarning, match="multi_precision=True"):
        update(0, array(3, dtype="float16"), array(3, dtype="float16"))


def test_lists_of_parameters() -> None:
    one, many = array(3), array(3)
    g = array(3, seed=1)
    opt.get_updater(opt.Adam())(0, g, one)
    opt.get_updater(opt.Adam())([0, 1], [g, array(2)], [many, array(2)])
    np.testing.assert_array_equal(one.asnumpy(), many.asnumpy())


@pytest.mark.parametrize("name", ["SGD", "Adam", "DCASGD", "FTML", "Nadam"])
@pytest.mark.parametrize("dtype", ["float32", ml_dtypes.bfloat16])
def test_states_go_on_where_they_stopped(name: str, dtype: Any) -> None:
    def make() -> opt.Updater:
        schedule = lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.1)
        return opt.get_updater(
            opt.create(name, lr_scheduler=schedule, learning_rate=0.1, multi_precision=True)
        )

    first, weights = make(), [array(3, 2, dtype=dtype), array(4, dtype=dtype)]
    for i, w in enumerate(weights):
        first(i, array(*w.shape, seed=1, dtype=dtype), w)  # type: ignore[arg-type]
    second, copies = make(), [w.copy() for w in weights]
    second.set_states(first.get_states(dump_optimizer=True))
    for i, (w, c) in enumerate(zip(weights, copies, strict=True)):
        for update, target in ((first, w), (second, c)):
            update(i, array(*w.shape, seed=2, dtype=dtype), target)  # type: ignore[arg-type]
        np.testing.assert_array_equal(w.asnumpy(), c.asnumpy())
    assert second.optimizer.num_update == 2


def test_states_alone_leave_the_optimizer() -> None:
    first, second = opt.get_updater(opt.Adam(0.5)), opt.get_updater(opt.Adam(0.1))
    first(0, array(3), array(3))
    second.set_states(first.get_states())
    assert second.optimizer.learning_rate == 0.1
    assert isinstance(second.states[0][0], ArrayBase)


@pytest.mark.parametrize("data", [b"", b"\x80\x04}.", b"PK\x03\x04nonsense"])
def test_states_that_are_none(data: bytes) -> None:
    with pytest.raises(StatesError, match="not states"):
        opt.get_updater(opt.SGD()).set_states(data)


def test_states_of_another_optimizer() -> None:
    data = opt.get_updater(opt.SGD()).get_states(dump_optimizer=True)
    with pytest.raises(StatesError, match="of SGD, the optimizer is Adam"):
        opt.get_updater(opt.Adam()).set_states(data)


def test_own_optimizer() -> None:
    @opt.register
    class Halving(opt.Optimizer):
        def step(self, indices: Any, weights: Any, grads: Any, states: Any) -> None:
            for w in weights:
                w[:] *= 0.5

    w = array(3)
    before = w.asnumpy()
    opt.get_updater(opt.create("halving"))(0, array(3), w)
    np.testing.assert_array_equal(w.asnumpy(), before / 2)


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"no optimizer 'adan'[\s\S]*adam"):
        opt.create("adan")
    with pytest.raises(opt.OptimizerError, match=r"'eps'[\s\S]*'epsilon' now"):
        opt.AdaGrad(eps=1e-3)
    with pytest.raises(opt.OptimizerError, match="'gamma1'"):
        opt.RMSProp(gamma1=0.9)


def test_learning_rate() -> None:
    plain = opt.SGD(0.3)
    plain.set_learning_rate(0.2)
    assert plain.learning_rate == 0.2
    scheduled = opt.SGD(0.3, lr_scheduler=lr_scheduler.LRScheduler(0.1))
    assert scheduled.learning_rate == 0.3
    with pytest.raises(UserWarning, match="lr_scheduler"):
        scheduled.set_learning_rate(0.2)


def test_schedules_refuse_bad_arguments() -> None:
    bad: list[Callable[[], object]] = [
        lambda: lr_scheduler.FactorScheduler(0),
        lambda: lr_scheduler.FactorScheduler(1, factor=2),
        lambda: lr_scheduler.MultiFactorScheduler([3, 2]),
        lambda: lr_scheduler.LRScheduler(0.1, warmup_begin_lr=0.2),
        lambda: lr_scheduler.LRScheduler(0.1, warmup_mode="fast"),
        lambda: lr_scheduler.PolyScheduler(0),
    ]
    for make in bad:
        with pytest.raises(lr_scheduler.ScheduleError):
            make()


def test_gradient_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        opt.get_updater(opt.SGD())(0, array(2), array(3))
