"""The usual list of augmenters."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.image import augment as a
from baryon.image import colour
from baryon.image.host import host

_MEAN = np.array([123.68, 116.28, 103.53], np.float32)
_STD = np.array([58.395, 57.12, 57.375], np.float32)


def CreateAugmenter(data_shape: tuple[int, int, int], resize: int = 0,  # noqa: N802
                    rand_crop: bool = False, rand_resize: bool = False, rand_mirror: bool = False,
                    mean: Any = None, std: Any = None, brightness: float = 0, contrast: float = 0,
                    saturation: float = 0, hue: float = 0, pca_noise: float = 0,
                    rand_gray: float = 0, inter_method: int = 2,
                    ) -> list[a.Augmenter]:  # fmt: skip
    """Augmenters that make images of `data_shape` (channels, height, width), as float32.

    resize: length of the shorter side first, 0 to leave it. rand_crop: crop at a random place, with
    rand_resize also in a random size, else in the middle. mean, std: values for each channel, or
    True for ImageNet's. The others are probabilities or amounts; 0 leaves a step out.
    """
    size = data_shape[2], data_shape[1]
    steps: list[a.Augmenter] = [a.ResizeAug(resize, inter_method)] if resize > 0 else []
    steps = [*steps, _crop(size, rand_crop, rand_resize, inter_method)]
    if rand_mirror:
        steps.append(a.HorizontalFlipAug(0.5))
    steps.append(a.CastAug())
    if brightness or contrast or saturation:
        steps.append(a.ColorJitterAug(brightness, contrast, saturation))
    steps += [make(amount) for amount, make in ((hue, a.HueJitterAug), (rand_gray, a.RandomGrayAug))
              if amount]  # fmt: skip
    if pca_noise:
        steps.append(a.LightingAug(pca_noise, colour.EIGEN_VALUES, colour.EIGEN_VECTORS))
    return [*steps, *_normalize(mean, std)]


def _crop(
    size: tuple[int, int], rand_crop: bool, rand_resize: bool, interp: int
) -> a.Augmenter:  # fmt: skip
    if rand_resize:
        if not rand_crop:
            raise ValueError("rand_resize=True needs rand_crop=True")
        return a.RandomSizedCropAug(size, 0.08, (3 / 4, 4 / 3), interp)
    return (a.RandomCropAug if rand_crop else a.CenterCropAug)(size, interp)


def _normalize(mean: Any, std: Any) -> list[a.Augmenter]:
    mean, std = (_MEAN if mean is True else mean), (_STD if std is True else std)
    if mean is None and std is None:
        return []
    for values in (mean, std):
        if values is not None and host(values).shape not in {(1,), (3,)}:
            raise ValueError(f"mean and std have 1 or 3 values, not {host(values).shape}")
    return [a.ColorNormalizeAug(mean, std)]
