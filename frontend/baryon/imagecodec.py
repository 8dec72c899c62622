"""Compressed images to arrays and back, by Pillow, which is an optional dependency."""

from __future__ import annotations

import importlib
import io
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.ir import BaryonError

Pixels = npt.NDArray[np.uint8]


class ImageError(BaryonError, ValueError):
    """Bytes that are not an image, an image that cannot be stored, or a wrong size."""


def pillow(module: str) -> Any:
    """A module of Pillow, such as "Image"; an error that names the extra if it is missing."""
    try:
        return importlib.import_module(f"PIL.{module}")
    except ModuleNotFoundError as error:
        raise ImageError(
            "reading and writing image files needs Pillow, which is not installed",
            hint="pip install 'baryon[image]'",
        ) from error


def decode(data: bytes, flag: int = 1, to_rgb: bool = True) -> Pixels:
    """The pixels (H, W, channels) of a JPEG, PNG, ... file.

    flag: 1 for three colour channels, 0 for one gray channel, -1 for what the file has. Colour is
    RGB, or BGR without `to_rgb`. Images are turned upright (EXIF) unless flag is -1.
    """
    if flag not in {-1, 0, 1}:
        raise ImageError(f"flag={flag} is not 1 (colour), 0 (gray) or -1 (unchanged)")
    image_module = pillow("Image")
    try:
        image = image_module.open(io.BytesIO(data))
        image.load()
    except image_module.UnidentifiedImageError as error:  # whose text is about an object
        raise ImageError(f"these {len(data)} bytes are not an image") from error
    except (OSError, SyntaxError) as error:
        raise ImageError(f"these {len(data)} bytes are not an image: {error}") from error
    pixels = _channels_last(_converted(image, flag))
    return pixels if to_rgb else swap_red_blue(pixels)


def _converted(image: Any, flag: int) -> Any:
    if flag == -1:
        return image if image.mode in {"L", "RGB", "RGBA"} else image.convert("RGB")
    return pillow("ImageOps").exif_transpose(image).convert("RGB" if flag else "L")


def _channels_last(image: Any) -> Pixels:
    pixels = np.array(image, np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def swap_red_blue(pixels: Pixels) -> Pixels:
    """RGB pixels as BGR, RGBA as BGRA, and back; gray ones stay."""
    if pixels.ndim < 3 or pixels.shape[2] < 3:
        return pixels
    return np.ascontiguousarray(pixels[:, :, [2, 1, 0, *range(3, pixels.shape[2])]])


def encode(pixels: Pixels, file_format: str = ".jpg", quality: int = 95) -> bytes:
    """RGB or gray pixels (H, W[, channels]) as a file.

    quality: 1 to 100 for JPEG, 0 (fast) to 9 (small) for PNG.
    """
    formats = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
    name = formats.get(file_format.lower())
    if name is None:
        raise ImageError(f"images cannot be stored as {file_format!r}; use .jpg or .png")
    array = np.asarray(pixels)
    if array.dtype != np.uint8 or array.ndim not in {2, 3}:
        raise ImageError(f"an image is uint8 (H, W[, channels]), not {array.dtype} {array.shape}")
    array = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    options = {"quality": quality} if name == "JPEG" else {"compress_level": min(quality, 9)}
    out = io.BytesIO()
    pillow("Image").fromarray(array).save(out, name, **options)
    return out.getvalue()
