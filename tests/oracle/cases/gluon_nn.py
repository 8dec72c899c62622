"""All layers of `gluon.nn`: outputs, gradients and running statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from oracle.cases import Case

Make = Callable[[Any], Any]
"""A layer, from the module `gluon.nn`."""

LAYERS: Mapping[str, tuple[Make, tuple[int, ...]]] = {
    "activation_mish": (lambda nn: nn.Activation("mish"), (2, 5)),
    "activation_relu": (lambda nn: nn.Activation("relu"), (2, 5)),
    "activation_softrelu": (lambda nn: nn.Activation("softrelu"), (2, 5)),
    "activation_softsign": (lambda nn: nn.Activation("softsign"), (2, 5)),
    "avg_pool1d": (lambda nn: nn.AvgPool1D(3, 2, 1), (2, 3, 8)),
    "avg_pool2d": (lambda nn: nn.AvgPool2D((3, 2), ceil_mode=True), (2, 3, 7, 5)),
    "avg_pool2d_pads": (
        lambda nn: nn.AvgPool2D(3, 2, 1, count_include_pad=False), (1, 2, 6, 6),
    ),
    "avg_pool3d": (lambda nn: nn.AvgPool3D(2), (1, 2, 4, 4, 4)),
    "batch_norm": (lambda nn: nn.BatchNorm(), (4, 3, 2, 2)),
    "batch_norm_axis": (lambda nn: nn.BatchNorm(axis=-1, momentum=0.5, epsilon=1e-3), (4, 2, 3)),
    "batch_norm_global": (lambda nn: nn.BatchNorm(use_global_stats=True), (4, 3)),
    "batch_norm_plain": (lambda nn: nn.BatchNorm(center=False, scale=False), (4, 3)),
    "concatenate": (lambda nn: _added(nn.Concatenate(1), nn.Dense(2), nn.Dense(3)), (2, 4)),
    "conv1d": (lambda nn: nn.Conv1D(4, 3, 2, 1, activation="tanh"), (2, 3, 9)),
    "conv1d_transpose": (lambda nn: nn.Conv1DTranspose(2, 3, 2, 1, 1), (2, 3, 5)),
    "conv2d": (lambda nn: nn.Conv2D(4, (3, 2), (2, 1), (1, 0)), (2, 3, 6, 5)),
    "conv2d_groups": (
        lambda nn: nn.Conv2D(4, 3, padding=2, dilation=2, groups=2, use_bias=False), (1, 4, 6, 6),
    ),
    "conv2d_transpose": (
        lambda nn: nn.Conv2DTranspose(4, 3, 2, 1, output_padding=1, groups=2), (1, 4, 4, 4),
    ),
    "conv3d": (lambda nn: nn.Conv3D(3, 2, activation="relu"), (1, 2, 4, 3, 3)),
    "conv3d_transpose": (lambda nn: nn.Conv3DTranspose(2, 2, 2), (1, 3, 2, 2, 2)),
    "deformable": (lambda nn: nn.DeformableConvolution(3, 3, padding=(1, 1)), (1, 2, 5, 5)),
    "dense": (lambda nn: nn.Dense(4, activation="sigmoid"), (2, 3, 2)),
    "dense_last": (lambda nn: nn.Dense(4, use_bias=False, flatten=False), (2, 3, 2)),
    "elu": (lambda nn: nn.ELU(0.7), (2, 5)),
    "flatten": (lambda nn: nn.Flatten(), (2, 3, 2)),
    "gelu": (lambda nn: nn.GELU(), (2, 5)),
    "global_avg1d": (lambda nn: nn.GlobalAvgPool1D(), (2, 3, 5)),
    "global_avg2d": (lambda nn: nn.GlobalAvgPool2D(), (2, 3, 5, 4)),
    "global_avg3d": (lambda nn: nn.GlobalAvgPool3D(), (2, 3, 2, 3, 2)),
    "global_max1d": (lambda nn: nn.GlobalMaxPool1D(), (2, 3, 5)),
    "global_max2d": (lambda nn: nn.GlobalMaxPool2D(), (2, 3, 5, 4)),
    "global_max3d": (lambda nn: nn.GlobalMaxPool3D(), (2, 3, 2, 3, 2)),
    "group_norm": (lambda nn: nn.GroupNorm(2), (2, 4, 3)),
    "hybrid_concatenate": (
        lambda nn: _added(nn.HybridConcatenate(), nn.Dense(2), nn.Identity()), (2, 4),
    ),
    "hybrid_lambda": (lambda nn: nn.HybridLambda("tanh"), (2, 5)),
    "hybrid_sequential": (
        lambda nn: _added(nn.HybridSequential(), nn.Dense(3, "relu"), nn.Dense(2)), (2, 4),
    ),
    "instance_norm": (lambda nn: nn.InstanceNorm(scale=True), (2, 3, 4)),
    "layer_norm": (lambda nn: nn.LayerNorm(), (2, 3, 4)),
    "layer_norm_axis": (lambda nn: nn.LayerNorm(axis=1, center=False), (2, 3, 4)),
    "leaky_relu": (lambda nn: nn.LeakyReLU(0.3), (2, 5)),
    "max_pool1d": (lambda nn: nn.MaxPool1D(3, 2, 1), (2, 3, 8)),
    "max_pool2d": (lambda nn: nn.MaxPool2D((3, 2), ceil_mode=True), (2, 3, 7, 5)),
    "max_pool3d": (lambda nn: nn.MaxPool3D(2), (1, 2, 4, 4, 4)),
    "pixel_shuffle1d": (lambda nn: nn.PixelShuffle1D(2), (2, 6, 3)),
    "pixel_shuffle2d": (lambda nn: nn.PixelShuffle2D((2, 3)), (1, 12, 2, 3)),
    "pixel_shuffle3d": (lambda nn: nn.PixelShuffle3D((1, 2, 3)), (1, 12, 2, 2, 2)),
    "prelu": (lambda nn: nn.PReLU(in_channels=3), (2, 3, 2)),
    "reflection_pad2d": (lambda nn: nn.ReflectionPad2D(2), (1, 2, 4, 3)),
    "silu": (lambda nn: nn.SiLU(), (2, 5)),
    "swish": (lambda nn: nn.Swish(1.5), (2, 5)),
    "sync_batch_norm": (lambda nn: nn.SyncBatchNorm(num_devices=1), (4, 3, 2, 2)),
}  # fmt: skip
"""Layers and the shapes of their inputs. ModulatedDeformableConvolution is not
among them: MXNet's fails."""


def _added(container: Any, *blocks: Any) -> Any:
    container.add(*blocks)
    return container


def filled(mx: Any, layer: Any, x: Any) -> Any:
    """The layer with parameters that do not depend on initializers."""
    layer.initialize()
    layer(x)
    random = np.random.RandomState(1)
    for _, parameter in sorted(layer.collect_params().items()):
        low = 0.5 if "var" in parameter.name else -0.5
        values = random.uniform(low, 1, parameter.shape).astype("float32")
        if parameter.name == "gamma" and parameter.grad_req == "null":
            values[:] = 1  # MXNet writes 1 into a gamma that is not learned
        parameter.set_data(mx.np.array(values))
    return layer


def samples(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Input data."""
    return np.random.RandomState(0).randn(*shape).astype("float32")


def _case(make: Make, shape: tuple[int, ...]) -> Case:
    def case(mx: Any) -> Any:
        mx.npx.set_np()
        x = mx.np.array(samples(shape))
        layer = filled(mx, make(mx.gluon.nn), x)
        predicted = layer(x)
        x.attach_grad()
        with mx.autograd.record():
            y = layer(x)
            loss = (y * mx.np.arange(y.size).reshape(y.shape) / y.size).sum()
        loss.backward()
        parameters = [p for _, p in sorted(layer.collect_params().items())]
        grads = [p.grad() for p in parameters if p.grad_req != "null"]
        state = [p.data() for p in parameters if p.grad_req == "null"]
        return [predicted, y, x.grad, *grads, *state]

    return case


def _embedding(mx: Any) -> Any:
    mx.npx.set_np()
    indices = mx.np.array([[0, 2], [1, 2]], dtype="int32")
    layer = filled(mx, mx.gluon.nn.Embedding(3, 2), indices)
    with mx.autograd.record():
        y = layer(indices)
        loss = (y * y).sum()
    loss.backward()
    return [y, layer.weight.grad()]


def _selu(mx: Any) -> Any:
    """Without the gradient, which is wrong in MXNet where x is negative."""
    mx.npx.set_np()
    return [mx.gluon.nn.SELU()(mx.np.array(samples((2, 5))))]


def _dropout(mx: Any) -> Any:
    mx.npx.set_np()
    return [mx.gluon.nn.Dropout(0.5)(mx.np.array(samples((2, 3))))]


CASES: Mapping[str, Case] = {
    **{name: _case(make, shape) for name, (make, shape) in LAYERS.items()},
    "dropout": _dropout,
    "embedding": _embedding,
    "selu": _selu,
}
