"""Blocks: registration, names, sharing, deferred shapes, hooks, summary, hybridization."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import autograd
from baryon.array import TraceError
from baryon.gluon import (
    Block,
    Constant,
    DeferredInitializationError,
    HybridBlock,
    Parameter,
    nn,
)
from baryon.gluon.errors import BlockError, CallError, ParameterError, UninitializedError
from baryon.ir import IRTypeError


class Scale(HybridBlock):
    """x * weight, whose size the first batch gives."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = Parameter("weight", shape=(-1,), allow_deferred_init=True)
        self.shift = Constant(2.0)

    def infer_shape(self, x: Any) -> None:
        self.weight.shape = x.shape[1:]

    def forward(self, x: Any) -> Any:
        return x * self.weight.data() + self.shift.data()


class Branch(HybridBlock):
    """A block whose Python depends on the data."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Dense(2, in_units=2)

    def forward(self, x: Any) -> Any:
        return self.inner(x) if x.sum() > 0 else x


def net() -> nn.HybridSequential:
    made = nn.HybridSequential()
    made.add(nn.Dense(4, activation="relu"), nn.BatchNorm(), nn.Dense(2))
    made.initialize()
    return made


X = mx.np.array(np.random.RandomState(0).randn(5, 3).astype("float32"))


def test_attributes_are_registered_and_named_by_structure() -> None:
    class Model(Block):
        def __init__(self) -> None:
            super().__init__()
            self.features = net()
            self.scale = Scale()
            self.own = Parameter("anything", shape=(1,))

    model = Model()
    assert [*model.params] == ["own"]
    assert [*model.collect_params("features.0.*|own")] == [
        "own", "features.0.weight", "features.0.bias",
    ]  # fmt: skip
    assert "scale.shift" in model.collect_params()
    assert repr(model).splitlines()[1] == "  (features): HybridSequential("


def test_replacing_attributes() -> None:
    block = nn.Dense(2)
    with pytest.raises(TypeError, match="cannot become"):
        block.weight = 3  # type: ignore[assignment]
    block.weight = Parameter("weight", shape=(2, 7))
    assert block.params["weight"].shape == (2, 7)
    del block.bias
    assert [*block.params] == ["weight"]


def test_attributes_before_init_are_an_error() -> None:
    class Early(Block):
        def __init__(self) -> None:
            self.child = nn.Dense(2)

    with pytest.raises(BlockError, match=r"super\(\).__init__\(\)"):
        Early()


def test_blocks_in_lists_are_not_registered_and_that_is_said() -> None:
    class Listed(Block):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Dense(2)]

    with pytest.warns(UserWarning, match=r"Listed\.layers"):
        assert not Listed().collect_params()


def test_children_of_hybrid_blocks_are_hybrid() -> None:
    with pytest.raises(CallError, match="derive it from HybridBlock"):
        nn.HybridSequential().add(nn.Sequential())


def test_shapes_come_with_the_first_batch() -> None:
    block = Scale()
    block.initialize("ones")
    assert block(X).asnumpy() == pytest.approx(X.asnumpy() + 2)
    assert block.weight.shape == (3,)
    with pytest.raises(ParameterError, match="does the input suit"):
        nn.Sequential.forward(_of(nn.Dense(2, in_units=3)), mx.np.ones((2, 4)))


def _of(*blocks: Any) -> nn.Sequential:
    made = nn.Sequential()
    made.add(*blocks)
    made.initialize()
    return made


def test_a_block_without_infer_shape_says_what_is_missing() -> None:
    class Unknown(HybridBlock):
        def __init__(self) -> None:
            super().__init__()
            self.weight = Parameter("weight", shape=(2, -1), allow_deferred_init=True)

        def forward(self, x: Any) -> Any:
            return x * self.weight.data()

    block = Unknown()
    block.initialize()
    with pytest.raises(DeferredInitializationError, match=r"define Unknown.infer_shape") as error:
        block(X)
    assert "test_block.py" in str(error.value)


def test_a_net_without_initialize_says_so() -> None:
    with pytest.raises(UninitializedError, match=r"call initialize\(\)"):
        nn.Dense(2, in_units=3)(X)


def test_hybridized_nets_find_their_shapes_without_running() -> None:
    model = _hybrid(Scale(), nn.Dense(2))
    model.hybridize()
    assert model(X).shape == (5, 2)


def _hybrid(*blocks: Any) -> nn.HybridSequential:
    made = nn.HybridSequential()
    made.add(*blocks)
    made.initialize()
    return made


def test_initialize_again_only_when_forced() -> None:
    model = net()
    model(X)
    before = model[0].weight.data().asnumpy()
    with pytest.warns(UserWarning, match="initialized already"):
        model.initialize()
    model.initialize("zeros", force_reinit=True)
    assert before.any()
    assert not model[0].weight.data().asnumpy().any()


def test_sharing_ties_parameters() -> None:
    first, second = net(), net()
    first(X)
    assert second.share_parameters(first.collect_params()) is second
    assert second[0].weight is first[0].weight
    np.testing.assert_array_equal(second(X).asnumpy(), first(X).asnumpy())
    layer = nn.Dense(4, activation="relu").share_parameters(first[0].params)
    assert layer.weight is first[0].weight
    with pytest.warns(UserWarning, match="'other'"):
        layer.share_parameters({"other": Parameter()})


def test_arguments_are_positional() -> None:
    with pytest.raises(CallError, match="keyword arguments x"):
        net()(x=X)


def test_hooks_run_until_they_are_detached() -> None:
    model, calls = net(), []
    before = model.register_forward_pre_hook(lambda block, args: calls.append(len(args)))
    after = model[0].register_forward_hook(lambda block, args, out: calls.append(out.shape))
    model(X)
    before.detach()
    with after:
        model(X)
    model(X)
    assert calls == [1, (5, 4), (5, 4)]


def test_hooks_of_a_hybridized_block_run_and_those_inside_do_not() -> None:
    model, calls = net(), []
    model.register_forward_hook(lambda *_: calls.append("outer"))
    model[0].register_forward_hook(lambda *_: calls.append("inner"))
    with pytest.warns(UserWarning, match="do not run"):
        model.hybridize()
    model(X)
    model(X)
    assert calls == ["outer", "outer"]


def test_apply_visits_children_first() -> None:
    seen: list[str] = []
    model = net()
    assert model.apply(lambda block: seen.append(type(block).__name__)) is model
    assert seen == ["Activation", "Dense", "BatchNorm", "Dense", "HybridSequential"]


def test_setattr_zero_grad_and_cast() -> None:
    model = net()
    model(X)
    with autograd.record():
        loss = model(X).sum()
    loss.backward()
    model.zero_grad()
    assert not model[2].weight.grad().asnumpy().any()
    model.setattr("grad_req", "null")
    model.setattr("lr_mult", 0.5)
    assert {p.lr_mult for p in model.collect_params().values()} == {0.5}
    model.cast("float64")
    assert model(X.astype("float64")).dtype == "float64"
    model.reset_device(mx.cpu())
    with pytest.warns(DeprecationWarning, match="reset_device"):
        model.reset_ctx(mx.cpu())


def test_the_summary_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    net().summary(X)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ["Input", "(5,", "3)", "0"]
    assert [line.split()[0] for line in lines[4:8]] == [
        "Activation-1", "Dense-2", "BatchNorm-3", "Dense-4",
    ]  # fmt: skip
    assert "   Total params: 42" in lines
    assert "   Non-trainable params: 8" in lines
    model = net()
    model.hybridize()
    with pytest.raises(BlockError, match="before hybridize"):
        model.summary(X)


def test_hybridized_training_is_eager_training() -> None:
    eager, compiled = net(), net()
    eager(X)
    compiled.share_parameters({})
    compiled(X)
    for name, p in compiled.collect_params().items():
        p.set_data(eager.collect_params()[name].data())
    compiled.hybridize()
    for _ in range(2):
        for model in (eager, compiled):
            with autograd.record():
                loss = (model(X) ** 2).sum()
            loss.backward()
    for name, p in eager.collect_params().items():
        other = compiled.collect_params()[name]
        np.testing.assert_allclose(other.data().asnumpy(), p.data().asnumpy(), rtol=1e-5)
        if p.grad_req != "null":
            np.testing.assert_allclose(
                other.grad().asnumpy(), p.grad().asnumpy(), rtol=1e-4, atol=1e-5
            )


def test_changes_are_seen_by_compiled_nets() -> None:
    model = net()
    model.hybridize()
    model(X)
    model[2].weight.set_data(mx.np.zeros((2, 4)))
    assert not model(X).asnumpy().any()
    model[0].act = nn.Activation("tanh")
    model[2].weight.set_data(mx.np.ones((2, 4)))
    expected = model(X).asnumpy()
    model.hybridize(False)
    np.testing.assert_allclose(model(X).asnumpy(), expected, rtol=1e-5, atol=1e-6)
    model.hybridize()
    model.cast("float64")
    assert model(X.astype("float64")).dtype == "float64"
    for parameter in model.collect_params().values():
        parameter.cast("float32")
    with pytest.raises(IRTypeError, match="one dtype"):
        model(X.astype("float64"))


def test_a_block_that_cannot_be_traced_says_where_or_runs_eagerly() -> None:
    block = Branch()
    block.initialize()
    block.hybridize()
    with pytest.raises(TraceError, match=r"test_block.py:\d+") as error:
        block(mx.np.ones((1, 2)))
    assert "fallback=True" in str(error.value)
    block.hybridize(fallback=True)
    with pytest.warns(UserWarning, match="Branch runs eagerly"):
        block(mx.np.ones((1, 2)))
    assert block(-mx.np.ones((1, 2))).asnumpy().tolist() == [[-1, -1]]
    assert block.inner._active


def test_frozen_weights_thaw_when_they_change() -> None:
    model = net()
    model.optimize_for(X, backend="ONEDNN")
    before = model(X).asnumpy()
    model[2].bias.set_data(mx.np.ones((2,)))
    np.testing.assert_allclose(model(X).asnumpy(), before + 1, rtol=1e-4, atol=1e-5)
    with autograd.record():
        loss = model(X).sum()
    loss.backward()
    assert model[2].bias.grad().asnumpy().tolist() == [5, 5]


def test_frozen_weights_stay_when_other_nets_change() -> None:
    model = net()
    model.optimize_for(X)
    frozen = model._graph()
    net()(X)
    assert model._graph() is frozen
    model[0].bias.set_data(mx.np.ones((4,)))
    assert model._graph() is not frozen


def test_op_hooks_see_every_op() -> None:
    model = net()
    seen: list[Any] = []
    model(X)
    expected = model(X).asnumpy()
    model.register_op_hook(lambda name, op, array: seen.append((name, op, array.shape)))
    model.hybridize()
    np.testing.assert_allclose(model(X).asnumpy(), expected, rtol=1e-5, atol=1e-6)
    ops = [op for _, op, _ in seen]
    assert ops[0] == "npx.fully_connected"
    assert "npx.relu" in ops
    assert seen[-1][2] == (5, 2)
    seen.clear()
    model.register_op_hook(lambda name, op, array: seen.append(name), monitor_all=True)
    model(X)
    assert seen[0] == "node_0_input0"


def test_hybrid_forward_is_refused_with_the_way_out() -> None:
    class Old(HybridBlock):
        def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
            return x

    with pytest.raises(BlockError, match=r"define forward\(self, x\)"):
        Old()


def test_infer_type_casts_to_the_type_of_the_input() -> None:
    model = net()
    model.infer_type(X.astype("float64"))
    assert model[0].weight.dtype == "float64"
    assert model.generate_arg_names(1) == ["data"]
    assert model.generate_arg_names(2) == ["data0", "data1"]


def test_blocks_can_be_copied_and_pickled() -> None:
    model = net()
    model.hybridize()
    expected = model(X).asnumpy()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(other(X).asnumpy(), expected, rtol=1e-6)
        other[0].weight.set_data(mx.np.zeros((4, 3)))
        np.testing.assert_array_equal(model(X).asnumpy(), expected)
        other[0].act = nn.Activation("tanh")  # the copy forgets what it compiled


def test_blocks_are_freed() -> None:
    gc.collect()
    model = net()
    model.hybridize()
    model(X)
    data = model[0].weight.data()
    del model
    gc.collect()
    assert not [b for b in gc.get_objects() if isinstance(b, Parameter) and b._data is data]


def test_a_net_compiles_for_deployment() -> None:
    model = net()
    expected = model(X).asnumpy()
    (got,) = mx.compile(model, X)(X.asnumpy())
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


class Scaled(mx.gluon.HybridBlock):
    """x times an array that is no parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = mx.np.ones(2)

    def forward(self, x: Any) -> Any:
        self.positions = mx.np.arange(2)  # set while it is traced
        return x * self.scale + self.positions


def test_arrays_that_are_no_parameters_may_change() -> None:
    net = Scaled()
    net.hybridize()
    assert net(mx.np.ones(2)).tolist() == [1.0, 2.0]
    net.scale[:] = 3
    assert net(mx.np.ones(2)).tolist() == [3.0, 4.0]
    net.scale = mx.np.ones(2) * 5
    assert net(mx.np.ones(2)).tolist() == [5.0, 6.0]
