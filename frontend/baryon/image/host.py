"""Reading, cutting and resizing of images on the host.

Images are arrays (H, W, channels), as `mx.np.ndarray` or NumPy's; results are `mx.np.ndarray`.
Sizes are (width, height).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.image.resize import Host, resized
from baryon.imagecodec import ImageError, decode

_ON_HOST = "image functions of the host work on concrete arrays, before the network"


def host(src: Any) -> Host:
    """The pixels as a NumPy array; TraceError for traced arrays."""
    return np.asarray(src.elements("this image function", _ON_HOST)
                      if isinstance(src, ndarray) else src)  # fmt: skip


def _stored(pixels: Host, out: ndarray | None) -> ndarray:
    if out is None:
        return ndarray(pixels)
    out[:] = ndarray(pixels)
    return out


def imread(filename: str | os.PathLike[str], flag: int = 1, to_rgb: bool = True,
           out: ndarray | None = None) -> ndarray:  # fmt: skip
    """The image of a file as uint8 (H, W, 3), or (H, W, 1) for flag=0; see `imdecode`."""
    try:
        data = Path(filename).read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read the image {filename}: {error.strerror}") from error
    try:
        return imdecode(data, flag, to_rgb, out)
    except ImageError as error:
        error.where = error.where or os.fspath(filename)
        raise


def imdecode(
    buf: Any, flag: int = 1, to_rgb: bool = True, out: ndarray | None = None
) -> ndarray:  # fmt: skip
    """The image of a file's bytes as uint8 (H, W, channels).

    flag: 1 for colour, 0 for gray, -1 for what the file has. Colours are RGB, or BGR without
    `to_rgb`. Needs Pillow. ImageError if it is no image.
    """
    data = buf if isinstance(buf, bytes | bytearray) else host(buf).astype(np.uint8).tobytes()
    return _stored(decode(bytes(data), flag, to_rgb), out)


def imresize(src: Any, w: int, h: int, interp: int = 1, out: ndarray | None = None) -> ndarray:
    """The image with `w` x `h` pixels.

    interp: 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos; 9 chooses area to shrink, bicubic
    to enlarge and else bilinear; 10 chooses at random.
    """
    return _stored(resized(host(src), w, h, interp), out)


def resize_short(src: Any, size: int, interp: int = 2) -> ndarray:
    """The image with its shorter side `size` pixels long, in the same proportions."""
    height, width = host(src).shape[:2]
    if height > width:
        return imresize(src, size, size * height // width, interp)
    return imresize(src, size * width // height, size, interp)


def scale_down(src_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest size with the proportions of `size` that fits into `src_size`."""
    (width, height), (w, h) = src_size, size
    if height < h:
        w, h = w * height / h, height  # type: ignore[assignment]
    if width < w:
        w, h = width, h * width / w  # type: ignore[assignment]
    return int(w), int(h)


def fixed_crop(src: Any, x0: int, y0: int, w: int, h: int, size: tuple[int, int] | None = None,
               interp: int = 2) -> ndarray:  # fmt: skip
    """The `w` x `h` pixels from column x0 and row y0 on, resized to `size` if it is given."""
    pixels = host(src)
    height, width = pixels.shape[:2]
    if not (0 <= x0 <= x0 + w <= width and 0 <= y0 <= y0 + h <= height):
        raise ImageError(f"columns {x0}+{w}, rows {y0}+{h} are not in an image {width} x {height}")
    part = pixels[y0 : y0 + h, x0 : x0 + w]
    if size is None or size == (w, h):
        return ndarray(part.copy())
    return imresize(part, *size, interp)


def center_crop(
    src: Any, size: tuple[int, int], interp: int = 2
) -> tuple[ndarray, tuple[int, int, int, int]]:
    """The middle of an image in `size` pixels, and (x0, y0, width, height) of what was cut.

    A part with the same proportions is enlarged if the image is smaller than `size`.
    """
    height, width = host(src).shape[:2]
    w, h = scale_down((width, height), size)
    box = (width - w) // 2, (height - h) // 2, w, h
    return fixed_crop(src, *box, size, interp), box


def random_crop(
    src: Any, size: tuple[int, int], interp: int = 2
) -> tuple[ndarray, tuple[int, int, int, int]]:
    """As `center_crop`, at a random place."""
    height, width = host(src).shape[:2]
    w, h = scale_down((width, height), size)
    draw = host_generator()
    box = int(draw.integers(width - w + 1)), int(draw.integers(height - h + 1)), w, h
    return fixed_crop(src, *box, size, interp), box


def random_size_crop(src: Any, size: tuple[int, int], area: Any, ratio: tuple[float, float],
                     interp: int = 2, max_trial: int = 10,
                     ) -> tuple[ndarray, tuple[int, int, int, int]]:  # fmt: skip
    """A part of random area and proportions, resized to `size`, and (x0, y0, width, height).

    area: the least part of the image, or (least, greatest). ratio: least and greatest width/height.
    After `max_trial` parts that do not fit it is the middle of the image.
    """
    height, width = host(src).shape[:2]
    box = random_box((width, height), area, ratio, max_trial)
    return (center_crop(src, size, interp) if box is None
            else (fixed_crop(src, *box, size, interp), box))  # fmt: skip


def random_box(image: tuple[int, int], area: Any, ratio: tuple[float, float], max_trial: int
               ) -> tuple[int, int, int, int] | None:  # fmt: skip
    """(x0, y0, width, height) inside an image (width, height); None if `max_trial` did not fit."""
    width, height = image
    least, greatest = area if isinstance(area, tuple | list) else (area, 1.0)
    draw = host_generator()
    for _ in range(max_trial):
        wanted = draw.uniform(least, greatest) * width * height
        aspect = math.exp(draw.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(wanted * aspect)), round(math.sqrt(wanted / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(draw.integers(width - w + 1)), int(draw.integers(height - h + 1)), w, h
    return None


def color_normalize(src: Any, mean: Any, std: Any = None) -> ndarray:
    """`(src - mean) / std` for each channel, as float32."""
    pixels = host(src).astype(np.float32)
    shifted = pixels if mean is None else pixels - host(mean).astype(np.float32)
    return ndarray(shifted if std is None else shifted / host(std).astype(np.float32))


_BORDERS = {0: "constant", 1: "edge", 2: "symmetric", 3: "wrap", 4: "reflect"}


def copyMakeBorder(src: Any, top: int, bot: int, left: int, right: int, type: int = 0,  # noqa: N802
                   value: float = 0.0, values: Any = None) -> ndarray:  # fmt: skip
    """The image with a border.

    type: 0 constant, 1 the edge repeated, 2 mirrored with the edge, 3 from the other side,
    4 mirrored without the edge. value, values: the constant, of all or of each channel.
    """
    if type not in _BORDERS:
        raise ImageError(f"border type {type} is not one of {_BORDERS}")
    pixels, border = host(src), ((top, bot), (left, right), (0, 0))
    if type:
        return ndarray(np.pad(pixels, border, _BORDERS[type]))  # type: ignore[call-overload]
    shape = (pixels.shape[0] + top + bot, pixels.shape[1] + left + right, pixels.shape[2])
    out = np.empty(shape, pixels.dtype)
    out[...] = value if values is None else np.asarray(values)
    out[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return ndarray(out)
