"""Image ops on values: tensors from images, normalization, colours.

Images are (H, W, C) or (N, H, W, C) in RGB, uint8 or floating, unless a function says otherwise.
uint8 results are cut off at 0 and 255, and truncated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from baryon.array import ndarray
from baryon.array.random import uniform
from baryon.array.types import ArrayLike
from baryon.image.colour import EIGEN_VALUES, EIGEN_VECTORS
from baryon.npx.common import array, cast, fail, np

_LUMA = (0.299, 0.587, 0.114)


def to_tensor(data: ArrayLike) -> ndarray:
    """(H, W, C) with 0 to 255 as float32 (C, H, W) with 0 to 1; also with a batch axis."""
    x = np.divide(cast(_image("to_tensor", data), "float32"), 255.0)
    return np.transpose(x, axes=(2, 0, 1) if x.ndim == 3 else (0, 3, 1, 2))


def normalize(
    data: ArrayLike, mean: float | Sequence[float] = 0.0, std: float | Sequence[float] = 1.0
) -> ndarray:
    """(data - mean) / std of floating (C, H, W) or (N, C, H, W); one number, or one per channel."""
    x = _image("normalize", data)
    if not x.type.dtype.is_float:
        fail("image.normalize", f"data must be floating, not {x.dtype}", "use to_tensor first")
    return np.divide(np.subtract(x, _channels(x, mean)), _channels(x, std))


def _channels(x: ndarray, value: float | Sequence[float]) -> ndarray:
    """Numbers that broadcast along the channels of (..., C, H, W)."""
    numbers = array(value, x.dtype)
    if numbers.size not in (1, x.shape[-3]):
        fail("image.normalize", f"{numbers.size} numbers for {x.shape[-3]} channels")
    return np.reshape(numbers, (-1, 1, 1))


def random_brightness(data: ArrayLike, min_factor: float, max_factor: float) -> ndarray:
    """The image times a number from [min_factor, max_factor)."""
    x = _image("random_brightness", data)
    return _like(np.multiply(_float(x), _between(min_factor, max_factor)), x)


def random_contrast(data: ArrayLike, min_factor: float, max_factor: float) -> ndarray:
    """The distance from the mean gray of each image times a number from [min, max)."""
    x = _image("random_contrast", data)
    gray = np.mean(_gray(_float(x)), axis=(-3, -2), keepdims=True)
    return _like(_blended(_float(x), gray, _between(min_factor, max_factor)), x)


def random_saturation(data: ArrayLike, min_factor: float, max_factor: float) -> ndarray:
    """The distance from the gray of each pixel times a number from [min, max)."""
    x = _image("random_saturation", data)
    return _like(_blended(_float(x), _gray(_float(x)), _between(min_factor, max_factor)), x)


def random_hue(data: ArrayLike, min_factor: float, max_factor: float) -> ndarray:
    """All hues turned by a number from [min_factor, max_factor) of full turns.

    A factor of 1, as one of 0, changes nothing. Images of one channel have no hue.
    """
    x = _image("random_hue", data)
    if x.shape[-1] != 3:
        return x
    return _like(_turned(_float(x), _between(min_factor, max_factor)), x)


def random_color_jitter(
    data: ArrayLike, brightness: float, contrast: float, saturation: float, hue: float
) -> ndarray:
    """Brightness, contrast, saturation and hue changed in this order, each by a factor from
    [1 - amount, 1 + amount).
    """
    x = _image("random_color_jitter", data)
    steps = (
        (random_brightness, brightness), (random_contrast, contrast),
        (random_saturation, saturation), (random_hue, hue),
    )  # fmt: skip
    for step, amount in steps:
        x = step(x, max(1 - amount, 0.0), 1 + amount) if amount else x
    return x


def adjust_lighting(data: ArrayLike, alpha: Any) -> ndarray:
    """Colours moved along the main directions of ImageNet's colours, by three numbers `alpha`."""
    x = _image("adjust_lighting", data)
    if x.shape[-1] != 3:
        return x
    strength = np.multiply(array(alpha, "float32"), EIGEN_VALUES)
    return _like(np.add(_float(x), np.dot(array(EIGEN_VECTORS), strength)), x)


def random_lighting(data: ArrayLike, alpha_std: float = 0.05) -> ndarray:
    """`adjust_lighting` by normal numbers of this standard deviation."""
    radius = np.sqrt(np.multiply(np.log(np.subtract(1.0, uniform((3,)))), -2.0))  # Box and Muller
    angle = np.multiply(uniform((3,)), 2 * math.pi)
    return adjust_lighting(data, np.multiply(np.multiply(radius, np.cos(angle)), alpha_std))


def _image(function: str, data: ArrayLike) -> ndarray:
    x = array(data)
    if x.ndim not in (3, 4):
        fail(
            f"image.{function}", f"data {x.type} is not an image", "it has 3 axes, or 4 in a batch"
        )
    return x


def _float(x: ndarray) -> ndarray:
    return x if x.type.dtype.is_float else cast(x, "float32")


def _like(result: ndarray, x: ndarray) -> ndarray:
    """The result in the dtype of the image."""
    if x.type.dtype.is_float:
        return cast(result, x.dtype)
    return cast(np.clip(result, 0.0, 255.0), x.dtype)


def _between(low: float, high: float) -> Any:
    """One number from [low, high)."""
    return low if low == high else np.add(np.multiply(uniform(()), high - low), low)


def _gray(x: ndarray) -> ndarray:
    """What the eye sees of RGB (..., 1)."""
    if x.shape[-1] != 3:
        return np.mean(x, axis=(-1,), keepdims=True)
    return np.sum(np.multiply(x, array(_LUMA, x.dtype)), axis=(-1,), keepdims=True)


def _blended(x: ndarray, gray: ndarray, factor: Any) -> ndarray:
    return np.add(np.multiply(x, factor), np.multiply(gray, np.subtract(1.0, factor)))


def _turned(x: ndarray, turns: Any) -> ndarray:
    """RGB with hues turned, by way of hue, lightness and saturation (in units of 255)."""
    unit = np.divide(x, 255.0)
    red, green, blue = (unit[..., i : i + 1] for i in range(3))
    most, least = np.max(unit, -1, True), np.min(unit, -1, True)
    spread, total = np.subtract(most, least), np.add(most, least)
    colour = np.greater(spread, 1.1920929e-07)
    safe = np.where(colour, spread, 1.0)
    hue = np.where(
        np.equal(most, red), (green - blue) / safe,
        np.where(np.equal(most, green), (blue - red) / safe + 2.0, (red - green) / safe + 4.0),
    )  # fmt: skip
    light = np.multiply(total, 0.5)
    depth = np.where(np.less(light, 0.5), total, np.subtract(2.0, total))
    rich = np.where(colour, spread / np.where(colour, depth, 1.0), 0.0)
    turned = np.add(np.where(colour, hue, 0.0), np.multiply(turns, 6.0))
    return np.multiply(_from_hue(turned, light, rich), 255.0)


def _from_hue(hue: ndarray, light: ndarray, rich: ndarray) -> ndarray:
    """RGB from hue (a turn is 6), lightness and saturation."""
    bright = light * (rich + 1.0)
    high = np.where(np.less_equal(light, 0.5), bright, light + rich - light * rich)
    low = light * 2.0 - high
    parts = []
    for shift in (2.0, 0.0, -2.0):  # red, green, blue: a third of a turn apart
        t = np.add(hue, shift)
        t = t - np.floor(t / 6.0) * 6.0
        ramp = np.clip(np.minimum(t, np.subtract(4.0, t)), 0.0, 1.0)
        parts.append(low + (high - low) * ramp)
    return np.concatenate(parts, axis=-1)


PUBLIC = (
    to_tensor, normalize, random_brightness, random_contrast, random_saturation, random_hue,
    random_color_jitter, adjust_lighting, random_lighting,
)  # fmt: skip
