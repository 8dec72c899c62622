"""Factors for channels: SmoothQuant by what was seen of activations, equalization by weights.

A value has one scale for all its channels, so one large channel takes the codes of the others. A
power of the ranges is moved into the weights, which have scales to spare: x / s, w * s.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from baryon.ir import Module
from baryon.quantization.collect import Channels
from baryon.quantization.links import FloatArray, Link, links, powers, scaled

STRENGTH = 0.5
"""SmoothQuant's share of the ranges that weights take over."""

_UNLIKE = 16.0
"""A channel this much larger than most costs the others four bits of eight."""

_ROUNDS = 4
"""Equalization of one pair of layers changes the next; it settles quickly."""


def smoothed(
    module: Module, seen: Mapping[str, Channels], strength: float, *, only_unlike: bool = False
) -> tuple[Module, list[str]]:
    """The module with s = max|x|^strength / max|w|^(1 - strength), and which values it changed.

    only_unlike: leave alone values whose channels have like ranges. (Xiao et al., SmoothQuant:
    Accurate and Efficient Post-Training Quantization for Large Language Models, 2022.)
    """
    factors = {}
    for link in links(module):
        reach = seen[link.value].reach if link.value in seen else None
        if reach is None or (only_unlike and not _is_unlike(reach.astype(np.float64))):
            continue
        own = reach.astype(np.float64)
        factors[link.value] = _factors(own**strength, link.weight_reach ** (1 - strength))
    return _changed(module, factors)


def equalized(module: Module) -> tuple[Module, list[str]]:
    """The module with s = sqrt(max|w1| / max|w2|) between layers, and which values it changed.

    (Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction, 2019.)
    """
    changed: dict[str, None] = {}
    for _ in range(_ROUNDS):
        pairs = {
            link.value: _balance(link) for link in links(module) if link.maker_reach is not None
        }
        module, names = _changed(module, pairs)
        changed |= dict.fromkeys(names)
    return module, [*changed]


def _balance(link: Link) -> FloatArray:
    assert link.maker_reach is not None
    return _factors(np.sqrt(link.maker_reach), np.sqrt(link.weight_reach))


def _factors(above: FloatArray, below: FloatArray) -> FloatArray:
    """above / below, 1 where either is zero; their geometric mean is 1."""
    usable = (above > 0) & (below > 0)
    found = np.divide(above, below, out=np.ones_like(above), where=usable)
    if usable.any():
        found[usable] /= np.exp(np.log(found[usable]).mean())
    return powers(found)


def _is_unlike(reach: FloatArray) -> bool:
    alive = reach[reach > 0]
    return bool(alive.size and alive.max() > _UNLIKE * np.median(alive))


def _changed(module: Module, factors: Mapping[str, FloatArray]) -> tuple[Module, list[str]]:
    """Apply factors that are not all one."""
    some = {name: f for name, f in factors.items() if (f != 1).any()}
    return (scaled(module, some), [*some]) if some else (module, [])
