"""Folders of images as what a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from baryon.cli.files import FileError
from baryon.image import fixed_crop, imread, scale_down
from baryon.ir import Array

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"))
_SHRINK_OR_ENLARGE = 9
"""The interpolation: area to shrink, bicubic to enlarge."""


@dataclass(frozen=True)
class Preprocessing:
    """From a file to an input: (pixels / 255 - mean) / std of the middle of the image.

    size: (height, width) to which the largest middle part with these proportions is resized; None
    for the image as it is. mean, std: one number, or one for each channel. layout: NCHW or NHWC.
    gray: one channel, of the image's brightness, in place of red, green and blue.
    """

    size: tuple[int, int] | None = None
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)
    layout: str = "NCHW"
    gray: bool = False

    def __post_init__(self) -> None:
        channels = 1 if self.gray else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels):
                raise FileError(f"--{name} has {len(values)} numbers for {channels} channels")
        if not all(value > 0 for value in self.std):
            raise FileError("--std has a number that is not above 0")

    def __call__(self, path: Path) -> Array:
        """One image as float32, (C, H, W) or (H, W, C). Raises ImageError."""
        pixels = self._sized(imread(path, flag=0 if self.gray else 1).asnumpy())
        mean, std = (np.asarray(x, np.float32) for x in (self.mean, self.std))
        normal = (pixels.astype(np.float32) / 255 - mean) / std
        return np.ascontiguousarray(normal.transpose(2, 0, 1) if self.layout == "NCHW" else normal)

    def _sized(self, image: Array) -> Array:
        """The largest middle part with the wanted proportions, resized."""
        if self.size is None:
            return image
        height, width = self.size
        rows, columns = image.shape[:2]
        many = max(rows, columns)
        w, h = scale_down((columns, rows), (width * many, height * many))
        left, top = (columns - w) // 2, (rows - h) // 2
        size = (width, height)
        return fixed_crop(image, left, top, w, h, size, _SHRINK_OR_ENLARGE).asnumpy()


def labelled_images(folder: Path) -> list[tuple[Path, int | None]]:
    """The images of a folder in the order of their names, each with its class.

    Classes are sub-folders, numbered in the order of their names; images that lie in the folder
    itself have none.
    """
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    found: list[tuple[Path, int | None]] = [(path, None) for path in _images(folder)]
    for number, each in enumerate(classes):
        found += [(path, number) for path in _images(each)]
    return found


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)
