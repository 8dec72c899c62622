"""Augmenters: functions of an image that a list of them applies one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.image import colour
from baryon.image.host import (
    center_crop,
    color_normalize,
    host,
    imresize,
    random_crop,
    random_size_crop,
    resize_short,
)
from baryon.image.resize import Host


class Augmenter:
    """Base of augmenters; the keywords say how to make another one like it."""

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = {k: _plain(v) for k, v in kwargs.items()}

    def dumps(self) -> Any:
        """Name and keywords as JSON text."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src: ndarray) -> ndarray:
        """The changed image (H, W, C)."""
        raise NotImplementedError


def _plain(value: Any) -> Any:
    return host(value).tolist() if isinstance(value, ndarray | np.ndarray) else value


class SequentialAug(Augmenter):
    """Several augmenters, one after the other."""

    def __init__(self, ts: Sequence[Augmenter]) -> None:
        super().__init__()
        self.ts = ts

    def dumps(self) -> Any:
        """Name and the augmenters' own dumps."""
        return [type(self).__name__.lower(), [t.dumps() for t in self.ts]]

    def __call__(self, src: ndarray) -> ndarray:
        """Apply all."""
        for t in self.ts:
            src = t(src)
        return src


class RandomOrderAug(SequentialAug):
    """Several augmenters in random order."""

    def __call__(self, src: ndarray) -> ndarray:
        """Apply all, in another order each time."""
        for i in host_generator().permutation(len(self.ts)):
            src = self.ts[i](src)
        return src


class ResizeAug(Augmenter):
    """`resize_short`: the shorter side gets `size` pixels."""

    def __init__(self, size: int, interp: int = 2) -> None:
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src: ndarray) -> ndarray:
        """Resize."""
        return resize_short(src, self.size, self.interp)


class _Cut(Augmenter):
    def __init__(self, size: tuple[int, int], interp: int = 2) -> None:
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp


class ForceResizeAug(_Cut):
    """Resize to `size` (width, height), whatever the proportions."""

    def __call__(self, src: ndarray) -> ndarray:
        """Resize."""
        return imresize(src, *self.size, self.interp)


class RandomCropAug(_Cut):
    """`random_crop` to `size` (width, height)."""

    def __call__(self, src: ndarray) -> ndarray:
        """Crop."""
        return random_crop(src, self.size, self.interp)[0]


class CenterCropAug(_Cut):
    """`center_crop` to `size` (width, height)."""

    def __call__(self, src: ndarray) -> ndarray:
        """Crop."""
        return center_crop(src, self.size, self.interp)[0]


class RandomSizedCropAug(Augmenter):
    """`random_size_crop` to `size` (width, height)."""

    def __init__(
        self, size: tuple[int, int], area: Any, ratio: tuple[float, float], interp: int = 2
    ) -> None:
        super().__init__(size=size, area=area, ratio=ratio, interp=interp)
        self.size, self.area, self.ratio, self.interp = size, area, ratio, interp

    def __call__(self, src: ndarray) -> ndarray:
        """Crop."""
        return random_size_crop(src, self.size, self.area, self.ratio, self.interp)[0]


class _Jitter(Augmenter):
    """A change of colour by a random amount: `centre` plus or minus `amount`."""

    centre = 1.0
    change: Callable[[Host, float], Host]

    def __init__(self, amount: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.amount = amount

    def __call__(self, src: ndarray) -> ndarray:
        """Change the colours."""
        pixels = host(src).astype(np.float32)
        drawn = self.centre + host_generator().uniform(-self.amount, self.amount)
        return ndarray(type(self).change(pixels, drawn))


class BrightnessJitterAug(_Jitter):
    """Brightness times 1 +- `brightness`."""

    change = staticmethod(colour.brightness)

    def __init__(self, brightness: float) -> None:
        super().__init__(brightness, brightness=brightness)


class ContrastJitterAug(_Jitter):
    """Contrast times 1 +- `contrast`."""

    change = staticmethod(colour.contrast)

    def __init__(self, contrast: float) -> None:
        super().__init__(contrast, contrast=contrast)


class SaturationJitterAug(_Jitter):
    """Saturation times 1 +- `saturation`."""

    change = staticmethod(colour.saturation)

    def __init__(self, saturation: float) -> None:
        super().__init__(saturation, saturation=saturation)


class HueJitterAug(_Jitter):
    """Hues turned by +- `hue` half turns."""

    centre = 0.0
    change = staticmethod(colour.hue)

    def __init__(self, hue: float) -> None:
        super().__init__(hue, hue=hue)


class ColorJitterAug(RandomOrderAug):
    """Brightness, contrast and saturation in random order."""

    def __init__(self, brightness: float, contrast: float, saturation: float) -> None:
        parts = [
            (brightness, BrightnessJitterAug), (contrast, ContrastJitterAug),
            (saturation, SaturationJitterAug),
        ]  # fmt: skip
        super().__init__([make(amount) for amount, make in parts if amount > 0])


class LightingAug(Augmenter):
    """Colours moved along the main directions of a data set's colours (AlexNet's noise)."""

    def __init__(self, alphastd: float, eigval: Any, eigvec: Any) -> None:
        super().__init__(alphastd=alphastd, eigval=eigval, eigvec=eigvec)
        self.alphastd, self.eigval, self.eigvec = alphastd, host(eigval), host(eigvec)

    def __call__(self, src: ndarray) -> ndarray:
        """Change the colours."""
        alpha = host_generator().normal(0, self.alphastd, 3)
        pixels = host(src).astype(np.float32)
        return ndarray(colour.lighting(pixels, alpha, self.eigval, self.eigvec))


class ColorNormalizeAug(Augmenter):
    """`color_normalize` with a mean and a standard deviation."""

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__(mean=mean, std=std)
        self.mean, self.std = mean, std

    def __call__(self, src: ndarray) -> ndarray:
        """Normalize."""
        return color_normalize(src, self.mean, self.std)


class RandomGrayAug(Augmenter):
    """With probability `p`, all three channels become the gray one."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: ndarray) -> ndarray:
        """Make gray, or not."""
        if host_generator().random() >= self.p:
            return src
        pixels = host(src).astype(np.float32)
        return ndarray(np.repeat(colour.luma(pixels), 3, 2))


class HorizontalFlipAug(Augmenter):
    """With probability `p`, left and right change places."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: ndarray) -> ndarray:
        """Mirror, or not."""
        if host_generator().random() >= self.p:
            return src
        return ndarray(np.ascontiguousarray(host(src)[:, ::-1]))


class CastAug(Augmenter):
    """Conversion to another dtype."""

    def __init__(self, typ: str = "float32") -> None:
        super().__init__(type=typ)
        self.typ = typ

    def __call__(self, src: ndarray) -> ndarray:
        """Convert."""
        return ndarray(host(src).astype(self.typ))
