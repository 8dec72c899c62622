"""Updates of all parameters in one launch give what NumPy gives parameter by parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from baryon import optimizer as opt
from baryon.array import ndarray
from baryon.build import Options, build, in_process
from baryon.optimizer.base import Optimizer, Pace, arrays_of
from baryon.optimizer.fused import Update, update_all
from baryon.optimizer.traced import PIECE, UntraceableError, module_of, program, trace
from baryon.runtime import InputError

SHAPES = [(40, 257), (70,), (3, 5, 7), (PIECE,), (PIECE + 1,), (0,), ()]
KWARGS: Sequence[tuple[str, dict[str, Any]]] = [
    ("SGD", {}), ("SGD", {"momentum": 0.9, "wd": 0.01}), ("NAG", {}), ("Signum", {}),
    ("DCASGD", {"momentum": 0.9}), ("AdaGrad", {}), ("AdaDelta", {}), ("RMSProp", {}),
    ("RMSProp", {"centered": True, "momentum": 0.9}), ("Ftrl", {}), ("FTML", {}), ("Adam", {}),
    ("Adam", {"wd": 0.01, "clip_gradient": 0.5, "rescale_grad": 0.5}), ("AdamW", {"wd": 0.01}),
    ("AdaBelief", {}), ("Adamax", {}), ("Nadam", {}), ("Test", {}), ("LAMB", {}),
]  # fmt: skip
ONE_PROGRAM = 1 << 20


def arrays(dtype: str, seed: int) -> list[ndarray]:
    rng = np.random.default_rng(seed)
    return [ndarray(np.asarray(rng.standard_normal(s)).astype(dtype)) for s in SHAPES]


def trained(optimizer: Optimizer, dtype: str, least: int, steps: int = 3) -> list[Any]:
    """Weights and states after some steps."""
    weights, grads = arrays(dtype, 0), arrays(dtype, 1)
    states = [optimizer.create_state(n, w) for n, w in enumerate(weights)]
    kept: list[Any] = [*weights, *(s for state in states for s in arrays_of(state))]
    for t in range(1, steps + 1):
        paces = [Pace(n, 0.1 if n else 0.05, optimizer.wd, t) for n in range(len(weights))]
        updates = [
            Update(optimizer.rule, pace, w, g, arrays_of(state))
            for pace, w, g, state in zip(paces, weights, grads, states, strict=True)
        ]
        update_all(updates, elementwise=optimizer.elementwise, least=least)
    return [x.asnumpy() for x in kept]


@pytest.mark.parametrize(("name", "kwargs"), KWARGS)
def test_one_launch_gives_what_numpy_gives(name: str, kwargs: dict[str, Any]) -> None:
    expected = trained(opt.create(name, **kwargs), "float32", ONE_PROGRAM)
    got = trained(opt.create(name, **kwargs), "float32", 0)
    for a, b in zip(got, expected, strict=True):
        # the order of products differs, and exponents are of float32: some ulps of each step
        np.testing.assert_allclose(a, b, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_double_precision(name: str) -> None:
    expected = trained(opt.create(name), "float64", ONE_PROGRAM)
    for a, b in zip(trained(opt.create(name), "float64", 0), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


def test_a_step_writes_into_the_same_memory() -> None:
    w, g = (ndarray(np.full((1 << 16,), x, np.float32)) for x in (1, 2))
    memory = w._data
    update = opt.get_updater(opt.SGD(0.5, momentum=0.9))
    update(0, g, w)
    assert w._data is memory
    np.testing.assert_array_equal(w.asnumpy(), np.zeros(1 << 16))


def test_numbers_that_change_keep_the_program() -> None:
    adam = opt.Adam()
    weights = arrays("float32", 0)
    program.cache_clear()
    update = opt.get_updater(adam)
    big = ndarray(np.ones(1 << 16, np.float32))
    for step in range(4):
        adam.set_learning_rate(0.1 / (step + 1))
        update([0, 1], [big.copy(), weights[0].copy()], [big, weights[0]])
    assert program.cache_info().currsize == 1


def test_one_kernel_and_the_same_bits_for_any_number_of_threads() -> None:
    recipe, numbers = trace(lambda *xs: opt.Adam().rule(Pace(0, 0.1, 0.01, 3), *xs), 4)
    artifact = build(module_of(recipe, arrays("float32", 0)[0].type.dtype), Options(pipeline=""))
    found = []
    for threads in (1, 2, 5):
        executable = in_process(artifact, threads=threads)
        assert executable._native.call_count() == 1
        inputs = [np.abs(x.asnumpy()) for seed in range(4) for x in arrays("float32", seed)[:1]]
        scalars = [np.array(x, np.float32) for x in numbers]
        outputs = [np.empty_like(inputs[0]) for _ in range(3)]
        executable.map(4, [([*inputs, *scalars], outputs)])
        found.append(b"".join(x.tobytes() for x in outputs))
    assert len(set(found)) == 1


class TestRefusals:
    def test_what_no_recipe_holds(self) -> None:
        for rule in (
            lambda w, g: [w - np.mean(g)],
            lambda w, g: [w * g.shape[0]],
            lambda w, g: [w - g if (g > 0) else w],
            lambda w, g: [w - np.ones(3) * g],
        ):
            with pytest.raises(UntraceableError):
                trace(rule, 2)

    def test_a_rule_that_looks_at_the_index_stays_with_numpy(self) -> None:
        class Odd(Optimizer):
            def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
                return [w - g if pace.index == 1 else w]

        got, before = trained(Odd(), "float32", 0, steps=1), arrays("float32", 0)
        np.testing.assert_array_equal(got[0], before[0].asnumpy())
        assert (got[1] != before[1].asnumpy()).all()

    def test_arrays_that_do_not_fit(self) -> None:
        recipe, numbers = trace(lambda w, g: [w - 0.5 * g], 2)
        executable = program(recipe, np.dtype(np.float32))
        w, half = np.ones(9, np.float32), np.array(0.5, np.float32)
        with pytest.raises(InputError, match="must have 9 elements"):
            executable.map(2, [([w, w[:8], half], [w])])
        with pytest.raises(InputError, match="must have 9 elements"):
            executable.map(2, [([w, w.astype(np.float64), half], [w])])
        with pytest.raises(InputError, match="does not take pieces"):
            executable.map(3, [([w, w, half], [w])])
        with pytest.raises(ValueError, match="not as many arrays"):
            executable.map(2, [([w, w], [w])])
        executable.map(2, [])
        assert len(numbers) == 1
