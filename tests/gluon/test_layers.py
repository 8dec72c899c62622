"""Layers: compiled against eager, and what the comparison with MXNet leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import autograd
from baryon.gluon import nn
from baryon.ir import UnsupportedError
from oracle.cases.gluon_nn import LAYERS, filled, samples


def run(layer: Any, x: Any, *, train: bool) -> list[np.ndarray[Any, Any]]:
    """Output, gradients of the input and of parameters, and running statistics."""
    parameters = [p for _, p in sorted(layer.collect_params().items())]
    x.attach_grad()
    with autograd.record(train_mode=train):
        y = layer(x)
        (y * y).sum().backward()
    grads = [p.grad().asnumpy() for p in parameters if p.grad_req != "null"]
    state = [p.data().asnumpy() for p in parameters if p.grad_req == "null"]
    return [y.asnumpy(), x.grad.asnumpy(), *grads, *state]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("train", [True, False])
def test_compiled_layers_compute_what_eager_ones_do(name: str, train: bool) -> None:
    make, shape = LAYERS[name]
    x = mx.np.array(samples(shape))
    eager = run(filled(mx, make(nn), x), x, train=train)
    layer = filled(mx, make(nn), x)
    layer.hybridize()
    for got, want in zip(run(layer, x, train=train), eager, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)  # sums in another order


@pytest.mark.parametrize("name", LAYERS)
def test_what_layers_print_names_them(name: str) -> None:
    layer = LAYERS[name][0](nn)
    assert repr(layer).startswith(type(layer).__name__ + ("" if name == "flatten" else "("))


def test_there_are_48_layers_and_the_blocks() -> None:
    names = {n for n in nn.__all__ if not n.endswith("Block") and n != "Block"}
    assert len(names) == 48


def test_dropout_drops_in_training_and_scales_what_it_keeps() -> None:
    x = mx.np.ones((100, 100))
    layer = nn.Dropout(0.25)
    with autograd.train_mode():
        kept = layer(x).asnumpy()
    assert set(np.unique(kept).round(5)) == {0, np.float32(1 / 0.75).round(5)}
    assert abs((kept == 0).mean() - 0.25) < 0.02  # 4 standard deviations of 10000 draws
    np.testing.assert_array_equal(layer(x).asnumpy(), x.asnumpy())


def test_dropout_along_axes_drops_whole_slices() -> None:
    with autograd.train_mode():
        kept = nn.Dropout(0.5, axes=(1,))(mx.np.ones((64, 5))).asnumpy()
    assert (kept == kept[:, :1]).all()


def test_gelu_by_tanh() -> None:
    x = samples((3, 4))
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    got = nn.GELU("tanh")(mx.np.array(x)).asnumpy()
    np.testing.assert_allclose(got, 0.5 * x * (1 + np.tanh(inner)), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="'erf' or 'tanh'"):
        nn.GELU("other")


def test_modulated_deformable_convolution_without_offsets_is_a_convolution() -> None:
    x = mx.np.array(samples((1, 2, 5, 5)))
    layer = nn.ModulatedDeformableConvolution(3, 3, padding=(1, 1), activation="relu")
    layer.initialize()
    got = layer(x).asnumpy()  # offsets are 0 and weights 2 * sigmoid(0) = 1 as initialized
    plain = nn.Conv2D(3, 3, padding=1, activation="relu")
    plain.initialize()
    plain(x)
    plain.weight.set_data(layer.params["deformable_conv_weight"].data())
    np.testing.assert_allclose(got, plain(x).asnumpy(), rtol=1e-4, atol=1e-6)


def test_sequential_passes_tuples_on_as_arguments() -> None:
    net = nn.Sequential()
    net.add(nn.Lambda(lambda x: (x, x * 2)), nn.Lambda(lambda x, y: x + y))
    assert net(mx.np.ones((1,))).item() == 3
    net.add(nn.Lambda(lambda x: (x, x + 1)))
    assert isinstance(net(mx.np.ones((1,))), tuple)


def test_containers_index_slice_and_iterate() -> None:
    net = nn.HybridSequential()
    net.add(nn.Dense(2), nn.Dense(3), nn.Dense(4))
    assert net[1] is [*net][1]
    assert len(net[1:]) == 2
    assert net[1:][0] is net[1]
    assert isinstance(net[:1], nn.HybridSequential)
    with pytest.raises(IndexError):
        net[3]


def test_lambda_takes_functions_and_names() -> None:
    assert repr(nn.HybridLambda("relu")) == "HybridLambda(relu)"
    with pytest.raises(TypeError, match="neither a function nor a name"):
        nn.Lambda("no_such_function")


def test_channels_last_layouts_are_refused_where_they_are_asked_for() -> None:
    with pytest.raises(UnsupportedError, match="use 'NCHW'"):
        nn.Conv2D(3, 3, layout="NHWC")
    with pytest.raises(ValueError, match="expected 'NCW'"):
        nn.MaxPool1D(layout="NCHW")


def test_in_channels_make_deferred_initialization_unnecessary() -> None:
    for layer, shape in (
        (nn.Conv2D(4, 3, in_channels=6, groups=2), (4, 3, 3, 3)),
        (nn.Conv2DTranspose(4, 3, in_channels=6, groups=2), (6, 2, 3, 3)),
        (nn.Dense(4, in_units=6), (4, 6)),
    ):
        layer.initialize()
        assert layer.weight.data().shape == shape


def test_an_embedding_of_bad_options_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="sparse_grad"):
        nn.Embedding(3, 4, sparse_grad=True)


def test_batch_norm_stays_float32_when_cast_to_float16() -> None:
    net = nn.HybridSequential()
    net.add(nn.Dense(2, in_units=2), nn.BatchNorm(in_channels=2))
    net.cast("float16")
    assert net[0].weight.dtype == "float16"
    assert net[1].gamma.dtype == net[1].running_mean.dtype == "float32"
