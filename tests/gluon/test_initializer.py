"""Initializers that draw, and errors."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from baryon import initializer as init
from baryon.array import ndarray, random
from baryon.registry import UnknownNameError


def filled(initializer: Any, *shape: int, name: str = "weight") -> np.ndarray[Any, Any]:
    array = ndarray(np.zeros(shape, np.float32))
    initializer(init.InitDesc(name), array)
    return array.asnumpy()


@pytest.mark.parametrize(
    ("initializer", "deviation"),
    [
        (init.Uniform(0.3), 0.3 / 3**0.5),
        (init.Normal(0.2), 0.2),
        (init.Xavier(), (1 / 75) ** 0.5),
        (init.Xavier("gaussian", "in", 2), (2 / 50) ** 0.5),
        (init.Xavier("uniform", "out", 6), (2 / 100) ** 0.5),
        (init.MSRAPrelu(slope=0), (2 / 75) ** 0.5),
    ],
    ids=repr,
)
def test_deviation(initializer: init.Initializer, deviation: float) -> None:
    random.seed(3)
    array = filled(initializer, 100, 50)
    assert abs(array.mean()) < 4 * deviation / 5000**0.5
    assert array.std() == pytest.approx(deviation, rel=0.05)


def test_uniform_stays_within_its_scale() -> None:
    array = filled(init.Uniform(0.3), 10000)
    assert -0.3 <= array.min() < -0.29
    assert 0.29 < array.max() < 0.3


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (4, 2, 3, 3)])
@pytest.mark.parametrize("rand_type", ["uniform", "normal"])
def test_orthogonal(shape: tuple[int, ...], rand_type: str) -> None:
    matrix = filled(init.Orthogonal(2.0, rand_type), *shape).reshape(shape[0], -1)
    gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-4)


def test_a_seed_makes_draws_repeat() -> None:
    random.seed(5)
    first, second = filled(init.Normal(), 8), filled(init.Normal(), 8)
    random.seed(5)
    np.testing.assert_array_equal(filled(init.Normal(), 8), first)
    assert (first != second).any()


def test_dumps_are_read_by_create() -> None:
    for initializer in (
        init.Xavier("gaussian", magnitude=2),
        init.Constant(np.ones(2)),
        init.One(),
    ):
        again = init.create(initializer.dumps())
        assert again == initializer
    assert init.Uniform(1) != init.Uniform(2)


def test_own_initializer() -> None:
    @init.alias("sevens")
    @init.register
    class Seven(init.Initializer):
        def _init_weight(self, desc: Any, arr: Any) -> None:
            arr[:] = 7

    for name in ("seven", "sevens", "Seven"):
        assert (filled(init.create(name), 2) == 7).all()


def test_parts_of_a_fused_layer_take_the_initializer_of_the_net() -> None:
    part = init.RNNFused("lstm", 1, 2, i2h_bias_initializer="ones")
    desc = init.InitDesc("rnn_param", {"__init__": part})
    array = ndarray(np.zeros(8 * (3 + 2 + 2), np.float32))
    init.Constant(4.0)(desc, array)
    np.testing.assert_array_equal(array.asnumpy(), [4.0] * 40 + [1.0] * 8 + [0.0] * 8)


def test_verbosity(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "baryon.initializer"):
        filled(init.Constant(2.0).set_verbosity(True), 3)
    assert "initialized weight by Constant(value=2.0): 2.0" in caplog.text


def test_errors() -> None:
    with pytest.raises(init.InitError, match="two axes"):
        filled(init.Xavier(), 3)
    with pytest.raises(init.InitError, match="'thing' does not say"):
        filled(init.One(), 3, name="thing")
    with pytest.raises(UnknownNameError, match=r"'xavie'[\s\S]*xavier"):
        init.create("xavie")
    with pytest.raises(init.InitError, match="no pattern"):
        filled(init.Mixed(["a"], ["ones"]), 3)
    with pytest.raises(init.InitError, match="not saved"):
        filled(init.Load({}), 3)
    with pytest.raises(init.InitError, match="rnd_type"):
        init.Xavier("normal")
    with pytest.raises(init.InitError, match="4 axes"):
        filled(init.Bilinear(), 3)
