"""Errors are for the reader: which line of the program, and what to do."""

# ruff: noqa: PLW0108 - the lambdas give the lines that errors must name

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import numpy
import pytest

import baryon as mx
from baryon import autograd, gluon
from baryon.array import GradientError, TraceError
from baryon.gluon import nn
from baryon.ir import BaryonError, IRTypeError, UnsupportedError

np: Any = mx.np
npx: Any = mx.npx

Failing = Callable[[], Any]
Z = np.ones((2, 3))
I = np.array([1, 0], dtype="int32")  # noqa: E741


def net(*layers: nn.HybridBlock, hybridize: bool = True) -> Any:
    made = nn.HybridSequential()
    made.add(*layers)
    made.initialize()
    if hybridize:
        made.hybridize()
    return made


class Of(gluon.HybridBlock):
    """A block that is one function."""

    def __init__(self, f: Callable[..., Any]) -> None:
        super().__init__()
        self.f = f

    def forward(self, *args: Any) -> Any:
        return self.f(*args)


def compiled(f: Callable[..., Any], x: Any = Z) -> Any:
    block = Of(f)
    block.hybridize()
    return block(x)


def recorded(f: Callable[[Any], Any]) -> Any:
    x = np.ones((2, 3))
    x.attach_grad()
    with autograd.record():
        return f(x)


def written_too_late() -> None:
    x = np.ones((2, 3))
    x.attach_grad()
    with autograd.record():
        y = x * x
    x[0] = 2
    y.backward()


def set_wrongly() -> None:
    parameter = gluon.Parameter("w", shape=(2,))
    parameter.initialize()
    parameter.set_data(np.ones(3))


SHAPES: dict[str, Failing] = {
    "np.add: shapes": lambda: Z + np.ones(4),
    "np.matmul: .* do not fit": lambda: Z @ Z,
    "np.dot: .* do not fit": lambda: np.dot(Z, Z),
    "np.concatenate: shapes": lambda: np.concatenate([Z, np.ones(3)]),
    "np.stack: shapes": lambda: np.stack([Z, np.ones(3)]),
    "np.reshape: 6 elements": lambda: Z.reshape(4),
    "np.broadcast_to: shapes": lambda: np.broadcast_to(Z, (5,)),
    "np.split: .* 4 equal parts": lambda: np.split(Z, 4),
    "np.einsum: the label j": lambda: np.einsum("ij,jk", Z, Z),
    "matrices must be square": lambda: np.linalg.inv(Z),
    "npx.convolution: layout": lambda: net(nn.Conv2D(4, 3))(Z),
    "npx.fully_connected: weight": lambda: npx.fully_connected(
        Z, np.ones((4, 5)), num_hidden=4, no_bias=True),
    "npx.layer_norm: gamma": lambda: npx.layer_norm(Z, np.ones(5), np.ones(5)),
    "npx.topk: k is 9": lambda: npx.topk(Z, k=9),
    "could not broadcast": lambda: Z.__setitem__(0, [1, 2]),
    "truth value of an array": lambda: bool(Z),
    "size 1 to a Python scalar": lambda: float(Z),
    "has no elements along": lambda: np.max(np.ones((0,))),
    "are not TNC": lambda: gluon.rnn.LSTM(3)(Z),
    "equal slices": lambda: gluon.utils.split_data(Z, 7),
    "the same length": lambda: gluon.data.ArrayDataset(Z, np.ones(5)),
}  # fmt: skip
TYPES: dict[str, Failing] = {
    "np.bitwise_and: the operands": lambda: np.bitwise_and(Z, Z),
    "npx.fully_connected: operands must have one dtype": lambda: net(nn.Dense(4))(I),
    "element type complex64|dtype must be": lambda: np.ones(3, dtype="complex64"),
    "element type foo|dtype must be": lambda: Z.astype("foo"),
    "element type foo": lambda: net(nn.Dense(4)).cast("foo"),
    "could not convert string": lambda: np.array(["a"]),
    "inhomogeneous": lambda: np.array([[1], [1, 2]]),
    "the result is f32": lambda: np.exp(Z, out=np.ones(3)),
    "int32 has no gradient": lambda: I.attach_grad(),
}
PLACES: dict[str, Failing] = {
    "axis 5 is outside": lambda: np.sum(Z, axis=5),
    "axis 7 is outside": lambda: np.swapaxes(Z, 0, 7),
    "axis 3 is outside": lambda: Z.transpose(0, 3),
    "axis 4 is outside": lambda: np.roll(Z, 1, axis=4),
    "not all of size 1": lambda: np.squeeze(Z, axis=0),
    "axis 7 is out of bounds": lambda: np.apply_along_axis(lambda v: v, 7, Z),
    "index 5 is out of bounds": lambda: Z[5],
    "index 9 is out of bounds": lambda: npx.index_update(Z, [[9]], np.ones((1, 3))),
    "too many indices": lambda: Z[0, 0, 0],
    "boolean index did not match": lambda: Z[np.ones(3) > 0],
    "index 7 is out": lambda: np.take(Z, np.array([7])),
    "valid indices": lambda: Z["a"],
}
ARGUMENTS: dict[str, Failing] = {
    "has no attribute foo": lambda: np.exp(Z, foo=1),
    "unexpected keyword argument 'foo'": lambda: np.cov(Z, foo=1),
    "takes x; got 0": lambda: np.exp(),
    "act_type 'foo'": lambda: npx.activation(Z, act_type="foo"),
    "pool_type must be": lambda: npx.pooling(np.ones((1, 1, 4, 4)), (2, 2), pool_type="foo"),
    "mode must be one of": lambda: np.pad(Z, ((1, 1), (1, 1)), mode="wrap"),
    "step must not be 0": lambda: np.arange(0, 1, 0),
    "quantiles must be in": lambda: np.quantile(Z, 2.0),
    "drawn without replacement": lambda: np.random.choice(3, size=5, replace=False),
    "ord is 'foo'": lambda: np.linalg.norm(Z, ord="foo"),
    "Singular matrix": lambda: np.linalg.inv(np.zeros((2, 2))),
    "not positive definite": lambda: np.linalg.cholesky(-np.eye(2)),
    "grad_req is 'foo'": lambda: Z.attach_grad("foo"),
    "grad_req is 'bar'": lambda: gluon.Parameter("w", shape=(2,), grad_req="bar"),
    "there is no optimizer": lambda: gluon.Trainer(net().collect_params(), "foo"),
    "is not a Parameter": lambda: gluon.Trainer([Z], "sgd"),
    "has no parameter 'foo'": lambda: mx.optimizer.create("sgd", foo=1),
    "there is no metric": lambda: gluon.metric.create("foo"),
    "there is no initializer": lambda: mx.init.create("foo"),
    "there is no network": lambda: gluon.model_zoo.vision.get_model("foo"),
    "layout='NHWC' is not": lambda: nn.Conv2D(3, 3, layout="NHWC"),
    "several machines": lambda: mx.kv.create("dist_sync"),
    "batch_size or batch_sampler": lambda: gluon.data.DataLoader(gluon.data.ArrayDataset(Z)),
}
DEVICES: dict[str, Failing] = {
    "the device gpu": lambda: np.ones(3, device="gpu"),
    r"gpu\(3\) is asked": lambda: mx.gpu(3),
    r"gpu\(0\) is asked": lambda: Z.to_device(mx.gpu()),
}
BLOCKS: dict[str, Failing] = {
    "'weight' is not initialized": lambda: nn.Dense(4, in_units=3).weight.data(),
    "'bias' is not initialized|'weight' is not initialized": lambda: nn.Dense(4)(Z),
    "'weight' has no value yet": lambda: net(nn.Dense(4))[0].weight.data(),
    r"weight' has the shape \(4, 7\)": lambda: net(nn.Dense(4, in_units=7))(Z),
    r"gamma' has the shape \(5,\)": lambda: net(nn.BatchNorm(in_channels=5))(Z),
    "keyword arguments x": lambda: net(nn.Dense(4))(x=Z),
    "3 were given": lambda: net(nn.Dense(4))(Z, Z),
    "missing 1 required": lambda: net(nn.Dense(4), hybridize=False)(),
    "cannot be a child": lambda: nn.HybridSequential().add(nn.Sequential()),
    "has no graph yet": lambda: net(nn.Dense(4)).export("x"),
    "cannot be initialized": lambda: gluon.Parameter("w", shape=(-1,)).initialize(),
    r"'w' has the shape \(2,\)": set_wrongly,
    "does not have 0.weight": lambda: net(nn.Dense(4, in_units=3)).load_dict({}),
    "that the net does not": lambda: net().load_dict({"a": Z}),
    "the saved one": lambda: net(nn.Dense(4, in_units=3)).load_dict(
        {"0.weight": np.ones((5, 3)), "0.bias": np.ones(5)}),
}  # fmt: skip
GRADIENTS: dict[str, Failing] = {
    "np.cov computes on the host": lambda: recorded(lambda x: np.cov(x)),
    "np.unique computes on the host": lambda: recorded(lambda x: np.unique(x)),
    "assignment to elements while": lambda: recorded(lambda x: x.__setitem__(0, 1)),
    "in-place np.add while": lambda: recorded(lambda x: x.__iadd__(1)),
    "out= while": lambda: recorded(lambda x: np.exp(x, out=x)),
    "no op with a gradient": lambda: recorded(lambda x: np.argmax(x)).backward(),
    "no op with a gradient ": lambda: Z.backward(),
    "do not depend on variable": lambda: autograd.grad(recorded(lambda x: x * x), np.ones(3)),
    "the head gradient has the shape": lambda: recorded(lambda x: x * x).backward(np.ones(7)),
    "used and freed": lambda: [y.backward() for y in [recorded(lambda x: x * x)] * 2],
    "assigned in place after": written_too_late,
}  # fmt: skip
TRACES: dict[str, Failing] = {
    "a truth value": lambda: compiled(lambda x: x if x.sum() > 0 else -x),
    r"asnumpy\(\)": lambda: compiled(lambda x: x.asnumpy()),
    r"int\(\)": lambda: compiled(lambda x: int(x[0, 0])),
    r"np.cov\(\)": lambda: compiled(lambda x: np.cov(x)),
    r"numpy.fft\(\)": lambda: compiled(lambda x: numpy.fft.fft(x)),
    "assignment to elements": lambda: compiled(lambda x: x.__setitem__(0, 1)),
    "a traced array into one from": lambda: compiled(lambda x: Z.__setitem__(0, x[0])),
    "returned None": lambda: mx.trace(lambda x: None, Z),
    "shape must be a tuple": lambda: compiled(lambda x: np.ones(x)),
    "np.add: shapes ": lambda: compiled(lambda x: x + np.ones(5)),
    "attach_grad": lambda: compiled(lambda x: x.attach_grad()),
    "an index needs the elements": lambda: compiled(lambda x: [1, 2][x]),
    "conversion to a NumPy array": lambda: compiled(lambda x: np.array([x, x])),
}

TABLES: dict[str, tuple[dict[str, Failing], type[BaryonError]]] = {
    "shapes": (SHAPES, BaryonError), "types": (TYPES, BaryonError),
    "places": (PLACES, BaryonError), "arguments": (ARGUMENTS, BaryonError),
    "devices": (DEVICES, UnsupportedError), "blocks": (BLOCKS, BaryonError),
    "gradients": (GRADIENTS, GradientError), "traces": (TRACES, BaryonError),
}  # fmt: skip


def lines(code: CodeType) -> Iterator[int]:
    """The lines of a function, with those of the functions inside it."""
    yield from (line for _, _, line in code.co_lines() if line is not None)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from lines(inner)


@pytest.mark.parametrize(
    ("table", "text"), [(table, text) for table, (cases, _) in TABLES.items() for text in cases]
)
def test_the_line_and_what_to_do(table: str, text: str) -> None:
    cases, kind = TABLES[table]
    failing: Any = cases[text]
    with autograd.pause(), pytest.raises(kind, match=text.strip()) as caught:
        failing()
    where = {f"{__file__}:{line}" for line in lines(failing.__code__)}
    assert caught.value.where in where
    assert caught.value.hint
    assert f"(at {caught.value.where})\n  {caught.value.hint}" in str(caught.value)


def test_kinds_are_those_of_python_too() -> None:
    with pytest.raises(IndexError):
        Z[5]
    with pytest.raises(numpy.linalg.LinAlgError):
        np.linalg.inv(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="truth value"):
        bool(Z)
    with pytest.raises(TypeError, match="do not broadcast"):
        Z + np.ones(4)
    assert [x.item() for x in np.array([1.0, 2.0])] == [1, 2]  # ends with an IndexError


def test_errors_of_the_users_functions_stay_as_they_are() -> None:
    mine = ValueError("mine")

    def fails(*_: Any) -> Any:
        raise mine

    calls: list[Failing] = [
        lambda: np.apply_along_axis(fails, 0, Z),
        lambda: npx.foreach(fails, Z, Z[0]),
        lambda: Of(fails)(Z),
        lambda: compiled(fails),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="mine") as caught:
            call()
        assert caught.value is mine


def test_memory_that_may_only_be_read() -> None:
    given = numpy.ones(3)
    given.flags.writeable = False
    x = np.from_dlpack(given)
    assert (x + 1).tolist() == [2, 2, 2]
    writes: list[Failing] = [
        lambda: x.__setitem__(0, 2), lambda: x.__iadd__(1), lambda: np.exp(x, out=x)
    ]  # fmt: skip
    for write in writes:
        with pytest.raises(ValueError, match="may only be read") as caught:
            write()
        assert "x.copy()" in str(caught.value)
    assert np.from_dlpack(numpy.ones(())).shape == ()


def test_the_block_is_named_where_shapes_cannot_be_inferred() -> None:
    class Odd(gluon.HybridBlock):
        def __init__(self) -> None:
            super().__init__()
            self.w = gluon.Parameter("w", shape=(3, -1), allow_deferred_init=True)

        def forward(self, x: Any) -> Any:
            return np.dot(x, self.w.data())

    odd = Odd()
    odd.initialize()
    with pytest.raises(BaryonError, match=r"Odd does not know the shape of w \(3, -1\)") as caught:
        odd(Z)
    assert "Odd.infer_shape(self, x)" in str(caught.value)


def test_files_that_do_not_suit(tmp_path: Path) -> None:
    path = str(tmp_path / "a.params")
    net(nn.Dense(4, in_units=3)).save_parameters(path)
    with pytest.raises(BaryonError, match=r"a\.params does not have 1\.weight") as caught:
        net(nn.Dense(4, in_units=3), nn.Dense(4, in_units=4)).load_parameters(path)
    assert "allow_missing=True" in str(caught.value)
    assert __file__ in str(caught.value)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        npx.load(tmp_path / "nowhere")


def test_fallback_is_offered_by_hybrid_blocks_alone() -> None:
    with pytest.raises(TraceError, match="fallback=True"):
        compiled(lambda x: x.item())
    with pytest.raises(TraceError) as caught:
        mx.trace(lambda x: x.item(), Z)
    assert "fallback" not in str(caught.value)


def test_npx_functions_take_a_name() -> None:
    """MXNet's generated functions do, and its migration guide uses it."""
    dense = npx.fully_connected(Z, np.ones((4, 3)), num_hidden=4, no_bias=True, name="fwd")
    assert dense.shape == (2, 4)
    assert npx.relu(Z, name="relu0").tolist() == Z.tolist()
    assert compiled(lambda x: npx.softmax(x, name="p")).shape == (2, 3)
    assert npx.image.flip_left_right(np.ones((2, 3, 3)), name="flip").shape == (2, 3, 3)
    with pytest.raises(IRTypeError, match="has no attribute title"):
        npx.relu(Z, title="relu0")


def test_floats_are_indices_cut_to_whole_numbers() -> None:
    at, rows = np.array([1.7, 0.0]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert npx.one_hot(at, 2).tolist() == [[0, 1], [1, 0]]
    assert npx.pick(rows, at).tolist() == [2, 4]
    assert npx.embedding(at, rows, 2, 3).tolist() == rows[::-1].tolist()
    assert np.take(rows, at, axis=0).tolist() == rows[::-1].tolist()
    assert rows[at].tolist() == rows[::-1].tolist()
    assert npx.gather_nd(rows, at.reshape(1, 2)).tolist() == rows[::-1].tolist()
