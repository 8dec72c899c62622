"""What a network of the panel is declared as."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

Arrays = dict[str, np.ndarray[Any, Any]]
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray[Any, Any]]


def normal(r: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Float32 numbers around 0, multiples of 1/16: files of them pack small."""
    return (np.round(16 * r.standard_normal(shape)) / 16).astype(np.float32)


def below(bound: int) -> Draw:
    """Whole numbers from 0 to bound - 1, such as tokens."""
    return lambda r, shape: r.integers(0, bound, shape)


def tails(r: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Padding masks: true behind the end of each row, which has at least one element."""
    lengths = r.integers(1, shape[-1] + 1, (*shape[:-1], 1))
    return np.arange(shape[-1]) >= lengths


def lengths(most: int) -> Draw:
    """Lengths of rows, the largest first, which is `most`."""

    def draw(r: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        found = np.sort(r.integers(1, most + 1, shape))[::-1].copy()
        found[0] = most
        return found

    return draw


@dataclass(frozen=True)
class Input:
    """An input. shape: of one sample, without the batch that stands before it."""

    name: str
    shape: tuple[int, ...]
    draw: Draw = normal


@dataclass(frozen=True)
class Network:
    """A network and how it is called.

    family: the kind of network that it stands for. inputs: in the order of `forward`. outputs:
    their names. exporters: those that can write it.
    """

    name: str
    family: str
    make: Callable[[], nn.Module]
    inputs: Sequence[Input]
    outputs: Sequence[str] = ("y",)
    exporters: Sequence[str] = ("torchscript", "dynamo")

    def feeds(self, batch: int, seed: int) -> Arrays:
        """Inputs of a batch."""
        r = np.random.default_rng(seed)
        return {i.name: i.draw(r, (batch, *i.shape)) for i in self.inputs}
