"""Trainer, key-value stores and the scaling of losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import autograd, gluon, kvstore, optimizer
from baryon.array import ndarray
from baryon.gluon import Parameter, Trainer
from baryon.gluon.errors import ParameterError
from baryon.gluon.trainer import StaleGradientError, TrainerError
from baryon.ir import UnsupportedError
from baryon.kvstore import KVStoreError


def array(*values: float) -> ndarray:
    return ndarray(np.array(values, np.float32))


def parameter(*values: float, **kwargs: Any) -> Parameter:
    made = Parameter("weight", shape=(len(values),), **kwargs)
    made.initialize(mx.init.Constant(np.array(values, np.float32)))
    return made


def backward(*parameters: Parameter, scale: float = 1.0) -> None:
    """Make the gradient of each parameter the parameter times the scale."""
    with autograd.record():
        total = sum((p.data() * p.data()).sum() * (scale / 2) for p in parameters)
    total.backward()  # type: ignore[union-attr]


def values(p: Parameter) -> Any:
    return p.data().asnumpy()


def test_step_divides_by_the_batch() -> None:
    p = parameter(2.0, 4.0)
    trainer = Trainer([p], "sgd", {"learning_rate": 0.5})
    data = p.data()
    backward(p)
    trainer.step(2)
    np.testing.assert_allclose(values(p), [1.5, 3.0])
    assert p.data() is data
    assert trainer.learning_rate == 0.5
    assert isinstance(trainer.optimizer, optimizer.SGD)


def test_network_learns() -> None:
    mx.random.seed(0)
    net = gluon.nn.Dense(1)
    net.initialize()
    trainer = Trainer(net.collect_params(), "adam", {"learning_rate": 0.1})
    loss = gluon.loss.L2Loss()
    x = ndarray(np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32))
    y = ndarray(x.asnumpy() @ np.array([[1.0], [-2.0], [0.5]], np.float32) + 3)
    for _ in range(150):
        with autograd.record():
            value = loss(net(x), y)
        value.backward()
        trainer.step(32)
    assert float(value.asnumpy().mean()) < 1e-3


def test_update_after_allreduce() -> None:
    p = parameter(2.0)
    trainer = Trainer([p], "sgd", {"learning_rate": 1.0})
    backward(p)
    trainer.allreduce_grads()
    p.grad()[...] = array(0.5)
    trainer.update(1)
    np.testing.assert_allclose(values(p), [1.5])


def test_stale_gradients() -> None:
    used, unused = parameter(1.0), parameter(1.0)
    trainer = Trainer({"a": used, "b": unused}, "sgd", {"learning_rate": 0.5})
    backward(used)
    with pytest.raises(StaleGradientError, match="'b'"):
        trainer.step(1)
    with pytest.raises(UserWarning):
        trainer.step(1)
    trainer.step(1, ignore_stale_grad=True)
    np.testing.assert_allclose([values(used), values(unused)], [[0.5], [1.0]])
    with pytest.raises(StaleGradientError):
        trainer.step(1)


def test_compiled_gradients_are_fresh() -> None:
    net = gluon.nn.Dense(1, in_units=2)
    net.initialize()
    net.hybridize()
    trainer = Trainer(net.collect_params(), "sgd")
    for _ in range(3):
        with autograd.record():
            value = net(ndarray(np.ones((2, 2), np.float32)))
        value.backward()
        trainer.step(2)


def test_null_and_shared_parameters() -> None:
    fixed, shared = parameter(1.0, grad_req="null"), parameter(2.0)
    trainer = Trainer([fixed, shared, shared], "sgd", {"learning_rate": 1.0, "momentum": 0.9})
    backward(shared)
    trainer.step(1)
    np.testing.assert_allclose([values(fixed), values(shared)], [[1.0], [0.0]])


def test_multipliers() -> None:
    slow, bare = parameter(1.0, lr_mult=0.1), parameter(1.0, wd_mult=0.0)
    trainer = Trainer([slow, bare], "sgd", {"learning_rate": 1.0, "wd": 0.5})
    backward(slow, bare, scale=0.0)
    trainer.step(1)
    np.testing.assert_allclose([values(slow), values(bare)], [[0.95], [1.0]])


def test_gradients_that_add_up() -> None:
    p = parameter(1.0, grad_req="add")
    trainer = Trainer([p], "sgd", {"learning_rate": 0.25})
    backward(p)
    backward(p)
    trainer.step(1)
    np.testing.assert_allclose(values(p), [0.5])


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_states_go_on_where_they_stopped(tmp_path: Path, name: str) -> None:
    arguments = {"learning_rate": 0.1, **({"momentum": 0.9} if name == "sgd" else {})}
    first = parameter(1.0, 2.0)
    trainer = Trainer([first], name, arguments)
    backward(first)
    trainer.step(1)
    trainer.set_learning_rate(0.01)
    trainer.save_states(tmp_path / "states")
    second = parameter(*values(first))
    other = Trainer([second], name, arguments)
    other.load_states(str(tmp_path / "states"))
    assert other.learning_rate == 0.01
    for p, t in ((first, trainer), (second, other)):
        backward(p)
        t.step(1)
    np.testing.assert_array_equal(values(first), values(second))
    assert [f.name for f in tmp_path.iterdir()] == ["states"]


def test_schedule() -> None:
    schedule = mx.lr_scheduler.FactorScheduler(1, 0.5, base_lr=0.4)
    p = parameter(1.0)
    trainer = Trainer([p], "sgd", {"lr_scheduler": schedule, "learning_rate": 0.4})
    seen = []
    for _ in range(3):
        backward(p)
        trainer.step(1)
        seen.append(trainer.learning_rate)
    np.testing.assert_allclose(seen, [0.4, 0.2, 0.1])


@pytest.mark.parametrize("in_store", [False, True])
def test_store(in_store: bool) -> None:
    p = parameter(2.0)
    trainer = Trainer(
        [p], "sgd", {"learning_rate": 0.5}, kvstore=kvstore.KVStore(), update_on_kvstore=in_store
    )
    for wanted in (1.0, 0.5):
        backward(p)
        trainer.step(1)
        np.testing.assert_allclose(values(p), [wanted])
    if in_store:
        with pytest.raises(TrainerError, match="allreduce_grads"):
            trainer.allreduce_grads()


def test_trainer_refuses() -> None:
    p = parameter(1.0)
    with pytest.raises(ParameterError, match="collect_params"):
        Trainer(p, "sgd")
    with pytest.raises(ParameterError, match="not a Parameter"):
        Trainer([p.data()], "sgd")
    with pytest.raises(TrainerError, match="learning_rate"):
        Trainer([p], optimizer.SGD(), {"learning_rate": 1.0})
    with pytest.raises(UnsupportedError, match="several machines"):
        Trainer([p], "sgd", kvstore="dist_sync")
    with pytest.raises(UnsupportedError, match="compressed"):
        Trainer([p], "sgd", compression_params={"type": "2bit"})
    with pytest.raises(TrainerError, match="teststore"):
        Trainer([p], "sgd", kvstore=kvstore.TestStore(), update_on_kvstore=True)


def test_store_by_itself() -> None:
    store = kvstore.create("local")
    assert isinstance(store, kvstore.KVStore)
    assert (store.type, store.rank, store.num_workers) == ("local", 0, 1)
    store.init("a", array(1.0, 2.0))
    out = array(0.0, 0.0)
    store.push("a", [array(1.0, 1.0), array(2.0, 3.0)])
    store.pull("a", out=[out])
    np.testing.assert_array_equal(out.asnumpy(), [3.0, 4.0])
    store.set_optimizer(optimizer.SGD(1.0))
    store.push(["a"], [array(1.0, 1.0)])
    store.pull(["a"], out=[out])
    np.testing.assert_array_equal(out.asnumpy(), [2.0, 3.0])
    for call in (
        lambda: store.init("a", out),
        lambda: store.pull("b", out),
        lambda: store.init(3, out),
        lambda: store.is_capable("speed"),
        lambda: kvstore.create("locale"),
    ):
        with pytest.raises(KVStoreError):
            call()


@pytest.mark.parametrize("name", ["kvstore", "teststore", "device"])
def test_broadcast_and_pushpull(name: str) -> None:
    store, out = kvstore.create(name), array(0.0)
    store.broadcast("0", array(2.0), out=out)
    np.testing.assert_array_equal(out.asnumpy(), [2.0])
    store.pushpull("3", out)
    np.testing.assert_array_equal(out.asnumpy(), [2.0])
    store.pushpull("0", [array(1.0), array(4.0)], out=out)
    np.testing.assert_array_equal(out.asnumpy(), [5.0])


def test_store_of_the_user() -> None:
    @kvstore.KVStoreBase.register
    class Doubling(kvstore.TestStore):
        def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
            for v in value:
                v[...] = v * 2

    p = parameter(2.0)
    trainer = Trainer([p], "sgd", {"learning_rate": 0.25}, kvstore="doubling")
    backward(p)
    trainer.step(1)
    np.testing.assert_allclose(values(p), [1.0])


@pytest.mark.parametrize("name", ["dist_sync", "dist_device_async", "horovod", "byteps", "nccl"])
def test_stores_that_are_not_there(name: str) -> None:
    with pytest.raises(UnsupportedError, match=name):
        kvstore.create(name)


def test_scaled_loss() -> None:
    mx.amp.init("bfloat16")
    p, plain = parameter(2.0), parameter(2.0)
    trainer = Trainer([p], "sgd", {"learning_rate": 0.5})
    with pytest.raises(mx.amp.AMPError, match="init_trainer"), mx.amp.scale_loss(1.0, trainer):
        pass
    mx.amp.init_trainer(trainer)
    for _ in range(2):
        with autograd.record(), mx.amp.scale_loss((p.data() * p.data()).sum(), trainer) as loss:
            pass
        loss.backward()
        assert p.grad().item() == pytest.approx(2 * p.data().item() * 2.0**16)
        mx.amp.unscale(trainer)
        assert p.grad().item() == pytest.approx(2 * p.data().item())
        trainer.step(2)
        plain.data()[...] = plain.data() * 0.5
        np.testing.assert_allclose(values(p), values(plain))


def test_overflow_skips_the_step_and_halves_the_scale() -> None:
    p = parameter(2.0)
    trainer = Trainer([p], "sgd", {"learning_rate": 0.5})
    mx.amp.init()
    mx.amp.init_trainer(trainer)
    backward(p)
    p.grad()[...] = array(np.inf)
    trainer.step(1)
    np.testing.assert_array_equal(values(p), [2.0])
    backward(p)
    trainer.step(1)
    assert trainer.amp_loss_scale == 2.0**15


def test_absent_parts_of_amp_say_why() -> None:
    with pytest.raises(AttributeError, match="convert a block"):
        mx.amp.convert_symbol


def test_a_network_is_converted_to_bfloat16() -> None:
    net = mx.gluon.nn.Dense(8, in_units=64)
    net.initialize()
    x = mx.np.array(np.random.default_rng(0).standard_normal((4, 64)), dtype="float32")
    exact = net(x).asnumpy()
    assert mx.amp.convert_hybrid_block(net, x, "bfloat16") is net
    got = net(x).asnumpy()
    error = np.abs(got - exact).max() / np.abs(exact).max()
    assert got.dtype == np.float32 and 2.0**-14 < error < 2.0**-6
    with pytest.raises(UnsupportedError, match="float16"):
        mx.amp.convert_hybrid_block(net, x, "float16")
