"""Blocks whose forward has losses beside its output, such as the divergence of a latent code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from baryon.gluon.block import HybridBlock
from baryon.ir import BaryonError

Forward = Callable[..., Any]


class StochasticBlock(HybridBlock):
    """A block that adds losses while it computes:

    class Encoder(StochasticBlock):
        @StochasticBlock.collectLoss
        def forward(self, x):
            ...
            self.add_loss(kl_divergence(posterior, prior))
            return code

    After a call, `losses` has them; also when the block is hybridized.
    """

    def __init__(self) -> None:
        super().__init__()
        self._losses: list[Any] = []
        self._losscache: list[Any] = []

    def add_loss(self, loss: Any) -> None:
        """Add a loss; only inside a forward that `collectLoss` decorates."""
        self._losscache.append(loss)

    @staticmethod
    def collectLoss(func: Forward) -> Forward:  # noqa: N802
        """Decorate `forward`: what it adds becomes `losses`."""

        @functools.wraps(func)
        def collecting(self: StochasticBlock, *args: Any) -> Any:
            self._losscache = []
            out = func(self, *args)
            losses, self._losscache = self._losscache, []
            return out, losses

        collecting.collects_loss = True  # type: ignore[attr-defined]
        return collecting

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute, and keep the losses."""
        if not hasattr(type(self).forward, "collects_loss"):
            raise BaryonError(
                f"forward of {type(self).__name__} does not collect losses",
                hint="decorate it with @StochasticBlock.collectLoss",
            )
        out, self._losses = super().__call__(*args, **kwargs)
        return out

    @property
    def losses(self) -> list[Any]:
        """What the last call added."""
        return self._losses


class StochasticSequential(StochasticBlock):
    """Blocks one after the other; `losses` has a list for each stochastic one."""

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[HybridBlock] = []

    def add(self, *blocks: HybridBlock) -> None:
        """Append blocks."""
        for block in blocks:
            self._layers.append(block)
            self.register_child(block)

    @StochasticBlock.collectLoss
    def forward(self, x: Any, *args: Any) -> Any:
        """The blocks' outputs, one after the other."""
        for block in self._layers:
            x = block(x, *args)
            args = ()
            if isinstance(x, tuple | list):
                x, *args = x  # type: ignore[assignment]
            if hasattr(block, "losses"):
                self.add_loss(block.losses)
        return (x, *args) if args else x

    def __getitem__(self, key: Any) -> Any:
        layers = self._layers[key]
        if not isinstance(layers, list):
            return layers
        part = type(self)()
        part.add(*layers)
        return part

    def __len__(self) -> int:
        return len(self._layers)
