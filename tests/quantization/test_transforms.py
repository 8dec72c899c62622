"""Changes of the float network that come before rounding: channels brought together, biases."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import gluon
from baryon.gluon import nn
from baryon.interp import run
from baryon.ir import Array
from baryon.quantization.links import links, scaled
from baryon.quantization.smooth import equalized
from baryon.quantization.source import source_of
from baryon.quantization.work import prepared
from quantization.networks import (
    IMAGES,
    NETWORKS,
    initialized,
    made,
    outputs,
    quantize_net,
    sequential,
)


def _module(net: Any, x: Array) -> Any:
    return prepared(source_of(net, [x[:2]]).module)


def _spread(net: Any, *layers: Any) -> Any:
    """Give the channels between layers unlike ranges; the network computes what it did."""
    for first, second in pairwise(layers):
        factors = mx.np.array(2.0 ** np.arange(-8, 8).astype(np.float32))
        after = (-1, *(1,) * (len(first.weight.shape) - 1))
        first.weight.set_data(first.weight.data() * factors.reshape(after))
        first.bias.set_data(first.bias.data() * factors)
        inputs = (1, -1, *(1,) * (len(second.weight.shape) - 2))
        second.weight.set_data(second.weight.data() / factors.reshape(inputs))
    return net


def _convolutional() -> Any:
    first, second = nn.Conv2D(16, 3, activation="relu"), nn.Conv2D(16, 3, activation="relu")
    net = initialized(sequential(first, second, nn.GlobalMaxPool2D(), nn.Dense(10)))
    outputs(net, IMAGES[:2])
    return _spread(net, first, second)


def _sqnr(expected: Array, found: Array) -> float:
    x, y = expected.astype(np.float64), found.astype(np.float64)
    return float(10 * np.log10((x**2).sum() / ((x - y) ** 2).sum()))


@pytest.mark.parametrize(
    ("name", "count"),
    [("mlp", 1), ("residual v1", 2), ("residual v2", 4), ("depthwise", 2), ("transformer", 4)],
)
def test_links_are_found_and_scaling_them_changes_nothing(name: str, count: int) -> None:
    net, x = made(name)
    outputs(net, x[:2])
    module = _module(net, x)
    found = links(module)
    assert len(found) >= count
    rng = np.random.default_rng(0)
    factors = {
        link.value: np.exp2(rng.integers(-6, 6, link.channels), dtype=np.float64) for link in found
    }
    new = scaled(module, factors)
    np.testing.assert_allclose(
        run(new, [x])[0].astype(np.float64), run(module, [x])[0].astype(np.float64),
        rtol=1e-4, atol=1e-4,
    )  # fmt: skip
    assert str(new) != str(module)


@pytest.mark.parametrize("argument", ["smooth_quant", "equalize"])
def test_unlike_channels_are_brought_together(argument: str) -> None:
    net = _convolutional()
    expected = outputs(net, IMAGES)
    settings: dict[str, Any] = {"calib_data": IMAGES, "calib_mode": "naive"}
    plain = quantize_net(net, **settings)
    better = quantize_net(net, **{**settings, argument: True})
    before = _sqnr(expected, run(plain.module, [IMAGES])[0])
    after = _sqnr(expected, run(better.module, [IMAGES])[0])
    assert before < 20
    assert after > before + 10
    assert better.quantization_report.notes


def test_the_search_brings_channels_together_before_it_keeps_ops() -> None:
    net = _convolutional()
    labels = outputs(net, IMAGES).argmax(1)
    found = quantize_net(
        net, calib_data=iter([IMAGES]), calib_mode="naive", eval_data=(IMAGES, labels),
        max_drop=0.02,
    )  # fmt: skip
    search = found.quantization_report.search
    assert search is not None
    assert (search.met, search.kept) == (True, ())
    assert search.value > search.int8_value
    assert "brought together" in found.quantization_report.notes[0]


def test_equalized_networks_compute_the_same() -> None:
    net, x = _convolutional(), IMAGES
    module = _module(net, x)
    new, names = equalized(module)
    assert names
    np.testing.assert_allclose(
        run(new, [x])[0].astype(np.float64), run(module, [x])[0].astype(np.float64),
        rtol=1e-4, atol=1e-4,
    )  # fmt: skip


class Shifted(gluon.HybridBlock):
    """Its input's mean is far from zero, so that rounded weights shift what it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2D(8, 3, groups=1), nn.Dense(5)

    def forward(self, x: Any) -> Any:
        return self.last(mx.np.mean(self.conv(x), axis=(2, 3)))


@pytest.mark.parametrize("name", [*NETWORKS, "shifted"])
def test_bias_correction_takes_the_mean_error_off(name: str) -> None:
    net, x = (initialized(Shifted()), IMAGES + 5) if name == "shifted" else made(name)
    expected = outputs(net, x)
    settings: Any = {"calib_data": x, "calib_mode": "naive"}
    plain = run(quantize_net(net, **settings).module, [x])[0]
    better = run(quantize_net(net, bias_correction=True, **settings).module, [x])[0]
    assert _sqnr(expected, better) > 20
    if name == "shifted":
        error = [np.abs((expected - y.astype(np.float32)).mean(0)).max() for y in (plain, better)]
        assert error[1] < 0.6 * error[0]
