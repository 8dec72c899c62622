"""Composing transforms, and converting images to what networks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.gluon import nn
from baryon.gluon.block import Block, HybridBlock


class Compose(nn.Sequential):
    """Transforms one after the other."""

    def __init__(self, transforms: Sequence[Block]) -> None:
        super().__init__()
        self.add(*transforms)


class HybridCompose(nn.HybridSequential):
    """Hybrid transforms one after the other; compiled when hybridized."""

    def __init__(self, transforms: Sequence[HybridBlock]) -> None:
        super().__init__()
        self.add(*transforms)


class RandomApply(Block):
    """With probability `p`, the transforms; else the image as it is."""

    def __init__(self, transforms: Block | Sequence[Block], p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms if isinstance(transforms, Block) else Compose(transforms)
        self.p = p

    def forward(self, x: ndarray) -> Any:
        """The image, transformed or not."""
        return self.transforms(x) if host_generator().random() < self.p else x


class HybridRandomApply(HybridBlock):
    """As `RandomApply`, of transforms that keep shape and dtype: it computes both and chooses."""

    def __init__(self, transforms: HybridBlock | Sequence[HybridBlock], p: float = 0.5) -> None:
        super().__init__()
        single = isinstance(transforms, HybridBlock)
        block = transforms if single else HybridCompose(transforms)  # type: ignore[arg-type]
        self.transforms: Any = block
        self.p = p

    def forward(self, x: ndarray) -> Any:
        """The image, transformed or not."""
        return np.where(np.random.uniform(size=()) < self.p, self.transforms(x), x)


class Cast(HybridBlock):
    """Conversion to another dtype, of one array or of several."""

    def __init__(self, dtype: Any = "float32") -> None:
        super().__init__()
        self._dtype = dtype

    def forward(self, *args: Any) -> Any:
        """The arrays in the dtype; a tuple if they are several."""
        done = tuple(npx.cast(x, dtype=self._dtype) for x in args)
        return done[0] if len(done) == 1 else done


class ToTensor(HybridBlock):
    """(H, W, C) with 0 to 255 as float32 (C, H, W) with 0 to 1; also with a batch axis."""

    def forward(self, x: ndarray) -> Any:
        """The image as a network takes it."""
        return npx.image.to_tensor(x)


class Normalize(HybridBlock):
    """`(x - mean) / std` of (C, H, W) images, for each channel; also with a batch axis."""

    def __init__(self, mean: Any = 0.0, std: Any = 1.0) -> None:
        super().__init__()
        self._mean, self._std = _numbers(mean), _numbers(std)

    def forward(self, x: ndarray) -> Any:
        """The normalized image."""
        return npx.image.normalize(x, mean=self._mean, std=self._std)


def _numbers(x: Any) -> tuple[float, ...]:
    return tuple(map(float, x)) if hasattr(x, "__len__") else (float(x),)
