"""Cropping, resizing, mirroring and turning of images."""

from __future__ import annotations

from typing import Any

from baryon import image, np, npx
from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.gluon.block import Block, HybridBlock

Size = int | tuple[int, int]
_ANYWHERE, _MIDDLE = (0.0, 1.0), (0.5, 0.5)


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


class Resize(HybridBlock):
    """Images (H, W, C) or (N, H, W, C) in another size.

    size: of both sides, or (width, height). keep_ratio: with one number, it is the shorter side's.
    interpolation: 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos.
    """

    def __init__(self, size: Size, keep_ratio: bool = False, interpolation: int = 1) -> None:
        super().__init__()
        self._size, self._keep, self._interp = size, keep_ratio, interpolation

    def forward(self, x: ndarray) -> Any:
        """The resized image."""
        return npx.image.resize(x, self._size, self._keep, self._interp)


class CropResize(HybridBlock):
    """The part `width` x `height` from column x and row y on, resized to `size` if it is given."""

    def __init__(self, x: int, y: int, width: int, height: int, size: Size | None = None,
                 interpolation: int | None = None) -> None:  # fmt: skip
        super().__init__()
        self._box, self._size = (x, y, width, height), size
        self._interp = 1 if interpolation is None else interpolation

    def forward(self, x: ndarray) -> Any:
        """The part of the image."""
        part: ndarray = npx.image.crop(x, *self._box)
        return part if self._size is None else npx.image.resize(
            part, self._size, False, self._interp)  # fmt: skip


class CenterCrop(HybridBlock):
    """The middle of an image in `size`; enlarged if the image is smaller."""

    def __init__(self, size: Size, interpolation: int = 1) -> None:
        super().__init__()
        self._size, self._interp = _pair(size), interpolation

    def forward(self, x: ndarray) -> Any:
        """The part of the image."""
        return npx.image.random_crop(x, _MIDDLE, _MIDDLE, *self._size, self._interp)


class RandomCrop(HybridBlock):
    """A random part of an image in `size`; enlarged if the image is smaller.

    pad: a border of `pad_value` put around the image first; a number, or pairs for each axis as
    `np.pad` takes them.
    """

    def __init__(self, size: Size, pad: Any = None, pad_value: float = 0,
                 interpolation: int = 1) -> None:  # fmt: skip
        super().__init__()
        self._size, self._interp, self._value = _pair(size), interpolation, pad_value
        self._pad = ((pad, pad), (pad, pad), (0, 0)) if isinstance(pad, int) else pad

    def forward(self, x: ndarray) -> Any:
        """The part of the image."""
        if self._pad:
            x = np.pad(x, self._pad, mode="constant", constant_values=self._value)
        return npx.image.random_crop(x, _ANYWHERE, _ANYWHERE, *self._size, self._interp)


class RandomResizedCrop(HybridBlock):
    """A part of random area and proportions, resized to `size`.

    scale: (least, greatest) part of the area. ratio: (least, greatest) width / height.
    """

    def __init__(self, size: Size, scale: tuple[float, float] = (0.08, 1.0),
                 ratio: tuple[float, float] = (3 / 4, 4 / 3),
                 interpolation: int = 1) -> None:  # fmt: skip
        super().__init__()
        self._size, self._scale, self._ratio = _pair(size), scale, ratio
        self._interp = interpolation

    def forward(self, x: ndarray) -> Any:
        """The part of the image."""
        return npx.image.random_resized_crop(
            x, _ANYWHERE, _ANYWHERE, *self._size, self._scale, self._ratio, self._interp
        )


class RandomFlipLeftRight(HybridBlock):
    """With probability `p`, left and right change places."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self._p = p

    def forward(self, x: ndarray) -> Any:
        """The image, mirrored or not."""
        return npx.image.random_flip_left_right(x, p=self._p)


class RandomFlipTopBottom(HybridBlock):
    """With probability `p`, top and bottom change places."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self._p = p

    def forward(self, x: ndarray) -> Any:
        """The image, mirrored or not."""
        return npx.image.random_flip_top_bottom(x, p=self._p)


class Rotate(Block):
    """Images (C, H, W) or (N, C, H, W), float32, turned counterclockwise: after `ToTensor`.

    zoom_in: enlarge until no black is seen. zoom_out: shrink until all is seen.
    """

    def __init__(
        self, rotation_degrees: float, zoom_in: bool = False, zoom_out: bool = False
    ) -> None:
        super().__init__()
        self._args = rotation_degrees, zoom_in, zoom_out

    def forward(self, x: ndarray) -> ndarray:
        """The turned image."""
        return image.imrotate(x, *self._args)


class RandomRotation(Block):
    """With probability `rotate_with_proba`, `Rotate` by an angle between the limits (degrees)."""

    def __init__(self, angle_limits: tuple[float, float], zoom_in: bool = False,
                 zoom_out: bool = False, rotate_with_proba: float = 1.0) -> None:  # fmt: skip
        super().__init__()
        if angle_limits[0] >= angle_limits[1]:
            raise ValueError(f"angle_limits {angle_limits}: the first is not below the second")
        if not 0 <= rotate_with_proba <= 1:
            raise ValueError(f"rotate_with_proba={rotate_with_proba} is not a probability")
        self._args, self._p = (angle_limits, zoom_in, zoom_out), rotate_with_proba

    def forward(self, x: ndarray) -> ndarray:
        """The image, turned or not."""
        return image.random_rotate(x, *self._args) if host_generator().random() < self._p else x
