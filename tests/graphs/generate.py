"""From a seed to a graph: its module, its inputs, and its outputs in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from baryon.ir import Array, BaryonError, Dim, Func, Module, Value
from graphs import dense, elementwise, images, moves
from graphs.growth import Graph, Skip

STEPS = {
    "images": images.STEPS, "dense": dense.STEPS, "elementwise": elementwise.STEPS,
    "moves": moves.STEPS,
}  # fmt: skip
THEMES: Sequence[dict[str, float]] = (
    {"images": 4, "elementwise": 1, "moves": 0.5},
    {"dense": 3, "elementwise": 1, "moves": 1},
    {"images": 1, "dense": 1, "elementwise": 1, "moves": 1},
    {"elementwise": 2, "moves": 2},
)
"""How often steps of each kind occur: networks of images, of sequences, mixtures, loose ops."""

TRIES = 4
"""How many steps are tried until one fits."""


@dataclass(frozen=True)
class Drawn:
    """A random graph. expected: its outputs on `inputs`, computed in float64."""

    module: Module
    inputs: list[Array]
    expected: list[Array]


def draw(seed: int, most_steps: int = 9, trained: float = 0.1) -> Drawn:
    """The graph of a seed. trained: the share of parameters that are arguments."""
    g = Graph(seed, trained)
    theme = g.choice(THEMES)
    arguments(g, images="images" in theme, lines="dense" in theme)
    steps, weights = zip(*weighted(theme), strict=True)
    for _ in range(g.rng.randint(1, most_steps)):
        any(grow(g, g.rng.choices(steps, weights)[0]) for _ in range(TRIES))
    return close(g)


def weighted(theme: dict[str, float]) -> list[tuple[Any, float]]:
    """Steps with their shares."""
    totals = {kind: sum(w for w, _ in STEPS[kind]) for kind in theme}
    return [(s, share * w / totals[k]) for k, share in theme.items() for w, s in STEPS[k]]


def grow(g: Graph, step: Any) -> bool:
    """One step; False where it finds nothing to work on, or an op refuses what it wants."""
    try:
        made = step(g)
    except (Skip, BaryonError):
        return False
    g.keep([made] if isinstance(made, Value) else made)
    return True


def arguments(g: Graph, images: bool, lines: bool) -> None:
    """One to three arguments."""
    batch = g.batch()
    shapes: list[tuple[Dim, ...]] = []
    if images:
        side = g.choice((4, 5, 7, 8, 9, 13))
        shapes.append((batch, g.size(48), side, g.choice((side, side, 6, 15))))
    if lines or not images:
        shapes.append(g.choice(((batch, g.size(17), g.size()), (batch, g.size()))))
    if g.chance(0.3):
        shapes.append(g.choice((shapes[0], shapes[0][1:], (), (g.size(),))))
    g.pool += [g.input(shape) for shape in shapes]


def close(g: Graph) -> Drawn:
    """Return what nothing reads, and at times something else."""
    outputs = [v for v in g.pool if not v.users and v.op is not None][-3:] or [g.pool[-1]]
    if g.chance(0.2):
        outputs.append(g.choice(g.pool))
    if g.chance(0.02):
        outputs.append(outputs[0])
    g.builder.ret(outputs)
    g.module.funcs["main"] = Func("main", g.region, [f"y{n}" for n in range(len(outputs))])
    return Drawn(g.module, g.inputs, [g.known(v) for v in outputs])
