"""Graphs with their gradients, and gradients by differences in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from baryon.interp import run
from baryon.ir import RETURN, Array, Builder, Func, Op, UnsupportedError, Value
from baryon.ops import TABLE, lookup
from baryon.ops.numerics import Arr
from baryon.ops.vjp import append_gradients
from graphs.generate import Drawn, draw
from graphs.growth import widened
from graphs.judge import Mismatch, copy

STEP = 1e-6
"""Of differences: in float64 what is cut off and what is rounded are about 1e-9."""


@dataclass(frozen=True)
class Trained(Drawn):
    """A graph with gradients.

    gradient_of: by the number of an argument that of its gradient among the outputs.
    seeded: by the number of an argument that is an incoming gradient that of its output.
    """

    gradient_of: dict[int, int]
    seeded: dict[int, int]


def draw_trained(seed: int) -> Trained | None:
    """The graph of a seed with the gradients of all its floating arguments as more outputs.

    None where an op of it has no gradient.
    """
    try:
        return with_gradients(draw(seed, most_steps=5, trained=1.0), seed)
    except UnsupportedError:
        return None


def with_gradients(drawn: Drawn, seed: int) -> Trained:
    """Append the gradients; what comes in for each floating output are more arguments."""
    module = copy(drawn.module)
    body = module.main.body
    returned, wrt = list(body.outputs), [v for v in body.args if v.type.dtype.is_float]
    body.terminator.erase()
    seeds = {v: Value(v.type, body, f"g{n}") for n, v in enumerate(dict.fromkeys(returned))
             if v.type.dtype.is_float}  # fmt: skip
    body.args += seeds.values()
    found = append_gradients(TABLE, Builder(module, body, lookup), seeds, wrt)
    gradients = {v: g for v, g in zip(wrt, found, strict=True) if g is not None}
    results = [*returned, *gradients.values()]
    body.append(Op(RETURN, results, ()))
    module.funcs["main"] = Func("main", body, [f"y{n}" for n in range(len(results))])
    inputs = [*drawn.inputs, *incoming(drawn, [returned.index(v) for v in seeds], seed)]
    return Trained(
        module,
        inputs,
        run(module, inputs, precise=True),
        {body.args.index(v): len(returned) + n for n, v in enumerate(gradients)},
        {body.args.index(g): returned.index(v) for v, g in seeds.items()},
    )


def incoming(drawn: Drawn, outputs: list[int], seed: int) -> list[Array]:
    """Random gradients of some outputs."""
    rng = np.random.default_rng(seed)
    made = [rng.uniform(-1, 1, drawn.expected[n].shape) for n in outputs]
    return [g.astype(drawn.module.main.outputs[n].type.dtype.numpy)
            for g, n in zip(made, outputs, strict=True)]  # fmt: skip


def check_differences(drawn: Trained) -> Mismatch | None:
    """Along a random direction the gradients say how the outputs change."""
    rng = np.random.default_rng(1)
    direction: dict[int, Arr] = {
        n: rng.uniform(-1, 1, drawn.inputs[n].shape) for n in drawn.gradient_of
    }
    expected: list[Arr] = drawn.expected
    terms = [expected[drawn.gradient_of[n]] * d for n, d in direction.items()]
    said = sum(float(t.sum()) for t in terms)
    size = sum(float(np.abs(t).sum()) for t in terms)
    seen = [slope(drawn, direction, h) for h in (STEP, STEP / 4)]
    if abs(seen[0] - seen[1]) > 1e-5 * max(size, 1e-3):
        return None  # a kink lies between
    if abs(said - seen[1]) > 1e-4 * max(size, 1e-3):
        return Mismatch("gradient", f"the slope is {seen[1]:.6g}, the gradients say {said:.6g}")
    return None


def slope(drawn: Trained, direction: Mapping[int, Arr], h: float) -> float:
    """The change of sum(incoming * output) along a direction, by a central difference."""
    ends = []
    for sign in (h, -h):
        moved = [
            widened(x) + sign * direction[n] if n in direction else widened(x)
            for n, x in enumerate(drawn.inputs)
        ]
        outputs: list[Arr] = run(drawn.module, moved, precise=True)
        pairs = [(outputs[y], moved[g]) for g, y in drawn.seeded.items()]
        ends.append(sum(float((y * g).sum()) for y, g in pairs))
    return (ends[0] - ends[1]) / (2 * h)
