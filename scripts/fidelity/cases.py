"""What is trained on what: one row per network and task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from baryon import gluon
from fidelity import networks
from fidelity.data import Data, digits, shapes
from fidelity.fragile import bridged, spread

Make = Callable[[int], gluon.HybridBlock]


@dataclass(frozen=True)
class Case:
    """A network on a task, how it is trained, and the accuracy that it must reach in float32.

    rate: the first learning rate. batch: images of a step. finish: what is done to the trained
    network, None for nothing.
    """

    name: str
    make: Make
    data: Callable[[], Data]
    epochs: int
    least: float
    rate: float = 5e-3
    batch: int = 64
    finish: Callable[[gluon.HybridBlock], None] | None = None


DIGITS8, DIGITS16, DIGITS32 = (partial(digits, size) for size in (8, 16, 32))

CASES = (
    Case("mlp-digits8", networks.mlp, DIGITS8, 20, 0.93),
    Case("lenet-digits32", networks.lenet, DIGITS32, 4, 0.96),
    Case("resnet_v1-digits16", partial(networks.resnet_v1, width=8), DIGITS16, 4, 0.96),
    Case("resnet_v2-digits16", partial(networks.resnet_v2, width=8), DIGITS16, 4, 0.96),
    Case("mobilenet_v2-digits16", networks.mobilenet_v2, DIGITS16, 5, 0.96),
    Case("transformer-digits16", partial(networks.transformer, size=16), DIGITS16, 10, 0.93, 2e-3),
    Case("lstm-digits8", networks.lstm, DIGITS8, 12, 0.93, 1e-2),
    Case("lstm-digits16", networks.lstm, DIGITS16, 12, 0.93, 1e-2),
    Case("fragile-digits16", bridged, DIGITS16, 4, 0.96, finish=spread),
    Case("lenet-shapes", networks.lenet, shapes, 6, 0.6),
    Case("resnet_v1-shapes", networks.resnet_v1, shapes, 6, 0.87),
    Case("resnet_v2-shapes", networks.resnet_v2, shapes, 5, 0.87),
    Case("mobilenet_v2-shapes", networks.mobilenet_v2, shapes, 8, 0.87),
    Case("transformer-shapes", partial(networks.transformer, size=24), shapes, 8, 0.75, 2e-3),
)


def case(name: str) -> Case:
    """The case with a name; KeyError for another."""
    return {c.name: c for c in CASES}[name]
