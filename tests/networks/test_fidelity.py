"""The accuracy suite: its data, its networks, and that the small ones learn."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from fidelity.cases import CASES, Case, case
from fidelity.data import digits, shapes
from fidelity.fragile import OUTLIERS, STAGES_BEFORE, bridged, parts, spread
from fidelity.measure import ALLOWED, ALLOWED_BY_SEARCH, measured
from fidelity.networks import resnet_v1
from fidelity.training import accuracy, load, trained


def test_digits_are_the_same_in_every_run_and_at_every_size() -> None:
    small, again, large = digits(8, 1), digits(8, 1), digits(16, 1)
    assert np.array_equal(small.x, again.x)
    assert large.x_test.shape == (450, 1, 16, 16)
    assert np.array_equal(small.y_test, large.y_test)
    halves = large.x.reshape(-1, 1, 8, 2, 8, 2).mean(axis=(3, 5))
    assert np.abs(halves - small.x).mean() < 0.05


def test_no_test_image_is_a_training_image() -> None:
    data = digits(8, 1)
    train = {image.tobytes() for image in data.x}
    assert not [image for image in data.x_test if image.tobytes() in train]


def test_shapes_are_balanced_and_repeat() -> None:
    data = shapes(300, 200)
    assert np.array_equal(data.x, shapes(300, 200).x)
    assert np.unique(np.bincount(data.y)).tolist() == [30]
    assert np.unique(np.bincount(data.y_test)).tolist() == [20]
    assert data.classes == 10
    assert abs(float(data.x.mean()) - 0.5) < 0.1


@pytest.mark.parametrize("each", CASES, ids=lambda c: c.name)
def test_every_network_takes_its_images(each: Case) -> None:
    on_shapes = each.name.endswith("shapes")
    data = shapes(20, 20) if on_shapes else digits(int(each.name.rpartition("digits")[2]), 1)
    net = each.make(data.classes)
    net.initialize()
    assert net(mx.np.array(data.x[:2])).shape == (2, 10)


SMALL = (
    replace(case("mlp-digits8"), data=partial(digits, 8, 1), least=0.85),
    replace(case("lenet-digits32"), data=partial(digits, 32, 1), epochs=6, least=0.85),
    replace(
        case("resnet_v1-digits16"), make=partial(resnet_v1, width=8, blocks=(1, 1)),
        data=partial(digits, 16, 1), epochs=10, least=0.85,
    ),
)  # fmt: skip
"""What takes some seconds each: on one version of every digit, and a shorter residual net."""
FRAGILE = replace(
    case("fragile-digits16"), make=partial(bridged, width=8, blocks=(1, 1)),
    data=partial(digits, 16, 1), epochs=10, least=0.85,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.mark.parametrize("small", SMALL, ids=lambda c: c.name)
def test_small_networks_learn_and_lose_little_in_int8(small: Case, folder: Path) -> None:
    row = measured(small, folder)
    assert row.fp32 >= small.least
    assert row.drop <= ALLOWED
    assert row.fp32 - row.searched <= ALLOWED_BY_SEARCH
    data = small.data()
    assert accuracy(load(folder, small.name), data.x_test, data.y_test) == row.fp32
    assert trained(small, folder)["fp32"] == row.fp32, "it was trained again"


def test_the_search_recovers_a_network_that_falls_apart(folder: Path) -> None:
    """By one op at most: the convolution that reads the activation with outliers."""
    row = measured(FRAGILE, folder, max_drop=ALLOWED)
    assert row.fp32 >= FRAGILE.least
    assert all(value < row.fp32 - 0.2 for value in row.by_method.values())
    assert row.fp32 - row.searched <= ALLOWED
    assert len(row.kept) <= 1


def test_outliers_change_no_output() -> None:
    mx.random.seed(0)
    net = bridged(10, width=4)
    net.initialize(mx.init.Xavier())
    images = mx.np.array(digits(16, 1).x[:8])
    before = net(images).asnumpy()
    spread(net)
    np.testing.assert_allclose(net(images).asnumpy(), before, rtol=1e-5, atol=1e-6)
    for block in parts(net)[: STAGES_BEFORE + 2]:
        images = block(images)
    ranges = images.asnumpy().max(axis=(0, 2, 3))
    assert ranges.max() / ranges[ranges > 0].min() > OUTLIERS / 100
