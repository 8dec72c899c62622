"""Image ops on places: flips, crops, resizing.

Images are (H, W, C) or (N, H, W, C), uint8 or floating.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from baryon.array import ndarray, wrap
from baryon.array.random import uniform
from baryon.array.types import ArrayLike
from baryon.image.host import random_box, scale_down
from baryon.image.resize import NEAREST, resized
from baryon.npx.common import array, cast, fail, np

ROWS, COLUMNS = -3, -2

Range = Sequence[float]


def flip_left_right(data: ArrayLike) -> ndarray:
    """The columns in reverse order."""
    return np.flip(_image("flip_left_right", data), axis=(COLUMNS,))


def flip_top_bottom(data: ArrayLike) -> ndarray:
    """The rows in reverse order."""
    return np.flip(_image("flip_top_bottom", data), axis=(ROWS,))


def random_flip_left_right(data: ArrayLike, p: float = 0.5) -> ndarray:
    """With probability p, the columns in reverse order; a batch as a whole."""
    return _maybe(_image("random_flip_left_right", data), p, flip_left_right)


def random_flip_top_bottom(data: ArrayLike, p: float = 0.5) -> ndarray:
    """With probability p, the rows in reverse order; a batch as a whole."""
    return _maybe(_image("random_flip_top_bottom", data), p, flip_top_bottom)


def _maybe(x: ndarray, p: float, change: Callable[[ndarray], ndarray]) -> ndarray:
    """The change, if a random number says so."""
    chosen = np.less(uniform(()), p)
    if chosen.is_traced:
        return np.where(chosen, change(x), x)
    return change(x) if bool(chosen) else x


def crop(data: ArrayLike, x: int, y: int, width: int, height: int) -> ndarray:
    """The part from column x and row y on; IRTypeError if the image does not have all of it."""
    image = _image("crop", data)
    rows, columns = _size("crop", image)
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > columns or y + height > rows:
        fail("image.crop", f"{width} x {height} from column {x}, row {y} of {columns} x {rows}")
    return image[..., y : y + height, x : x + width, :]


def resize(
    data: ArrayLike, size: int | Sequence[int], keep_ratio: bool = False, interp: int = 1
) -> ndarray:
    """The image in another size: one number for both sides, or (width, height).

    keep_ratio: one number is that of the shorter side. interp: 0 nearest, 1 bilinear, 2 bicubic, 3
    area, 4 Lanczos, as OpenCV does them. uint8 results are rounded.
    """
    x = _image("resize", data)
    rows, columns = _size("resize", x)
    if isinstance(size, Sequence):
        width, height = (int(s) for s in (size if len(size) == 2 else (*size, *size)))
    elif keep_ratio:
        shorter = min(rows, columns)
        width, height = columns * size // shorter, rows * size // shorter
    else:
        width = height = int(size)
    return _resized(x, width, height, interp)


def _resized(x: ndarray, width: int, height: int, interp: int) -> ndarray:
    """Each axis times a matrix of weights; integers at once where they are known."""
    rows, columns = _size("resize", x)
    if not x.is_traced and not x.type.dtype.is_float and x.ndim == 3:
        return wrap(resized(x.asnumpy(), width, height, interp))
    values = x if x.type.dtype.is_float else cast(x, "float32")
    for axis, old, new in ((ROWS, rows, height), (COLUMNS, columns, width)):
        values = values if old == new else _weighted(values, axis, old, new, interp)
    if x.type.dtype.is_float:
        return values
    return cast(np.clip(np.floor(np.add(values, 0.5)), 0.0, 255.0), x.dtype)


def _weighted(x: ndarray, axis: int, old: int, new: int, interp: int) -> ndarray:
    """Weighted sums along an axis; the weights are what resizing makes of single pixels."""
    weights = array(resized(numpy.eye(old, dtype=numpy.float32), old, new, interp), x.dtype)
    last = x.ndim - 1
    order = [i for i in range(last + 1) if i != last + 1 + axis]
    moved = np.matmul(np.transpose(x, axes=(*order, last + 1 + axis)), weights.T)
    back = [order.index(i) if i in order else last for i in range(last + 1)]
    return np.transpose(moved, axes=tuple(back))


def random_crop(
    data: ArrayLike, xrange: Range = (0.0, 1.0), yrange: Range = (0.0, 1.0), width: int = 1,
    height: int = 1, interp: int = 1,
) -> ndarray:  # fmt: skip
    """A part of this size from a random place; enlarged if the image is smaller.

    xrange, yrange: the place is chosen evenly in this share of all places.
    """
    x = _image("random_crop", data)
    rows, columns = _size("random_crop", x)
    part_width, part_height = scale_down((columns, rows), (width, height))
    for axis, old, new, share in ((ROWS, rows, part_height, yrange),
                                  (COLUMNS, columns, part_width, xrange)):  # fmt: skip
        x = _part(x, axis, np.multiply(_between(share), old - new), new)
    return _resized(x, width, height, interp)


def _between(share: Range) -> Any:
    low, high = share
    if low == high:
        return array(float(low))
    return np.add(np.multiply(uniform(()), high - low), low)


def _part(x: ndarray, axis: int, start: ndarray, count: int) -> ndarray:
    """`count` places of an axis from a place on, which may be traced."""
    if not start.is_traced:
        first = int(float(start))
        span = (slice(None),) * (x.ndim + axis)
        return x[(*span, slice(first, first + count))]
    places = np.add(cast(start, "int32"), np.arange(0, count, 1, "int32"))
    return np.take(x, places, axis=axis, mode="clip")


def random_resized_crop(
    data: ArrayLike, xrange: Range = (0.0, 1.0), yrange: Range = (0.0, 1.0), width: int = 1,
    height: int = 1, area: Range = (0.08, 1.0), ratio: Range = (3 / 4, 4 / 3), interp: int = 1,
    max_trial: int = 10,
) -> ndarray:  # fmt: skip
    """A part of random area and proportions from a random place, resized to this size.

    area: (least, greatest) share of the image's area; ratio: of width to height. If max_trial draws
    do not fit into the image, its middle is taken. In a trace the part is resized bilinearly, or by
    nearest pixels for interp 0.
    """
    x = _image("random_resized_crop", data)
    rows, columns = _size("random_resized_crop", x)
    if not x.is_traced:
        shorter = min(rows, columns)
        box = random_box((columns, rows), tuple(area), (ratio[0], ratio[1]), max_trial)
        w, h = box[2:] if box is not None else (shorter, shorter)
        x = _part(x, ROWS, np.multiply(_between(yrange), rows - h), h)
        return _resized(_part(x, COLUMNS, np.multiply(_between(xrange), columns - w), w), width,
                        height, interp)  # fmt: skip
    sides = _sides(rows, columns, area, ratio, max_trial)
    values = x if x.type.dtype.is_float else cast(x, "float32")
    for axis, old, size, new, share in ((ROWS, rows, sides[1], height, yrange),
                                        (COLUMNS, columns, sides[0], width, xrange)):  # fmt: skip
        start = np.floor(np.multiply(np.subtract(float(old), size), _between(share)))
        values = _sampled(values, axis, start, size, new, interp)
    if x.type.dtype.is_float:
        return values
    return cast(np.clip(np.floor(np.add(values, 0.5)), 0.0, 255.0), x.dtype)


def _sides(
    rows: int, columns: int, area: Range, ratio: Range, trials: int
) -> tuple[ndarray, ndarray]:
    """Width and height of a part: those of the first draw that fits, else the shorter side."""
    share = np.add(np.multiply(uniform((trials,)), area[1] - area[0]), area[0])
    low, high = numpy.log(ratio[0]), numpy.log(ratio[1])
    shape = np.exp(np.add(np.multiply(uniform((trials,)), float(high - low)), float(low)))
    pixels = np.multiply(share, float(rows * columns))
    w = np.floor(np.add(np.sqrt(np.multiply(pixels, shape)), 0.5))
    h = np.floor(np.add(np.sqrt(np.divide(pixels, shape)), 0.5))
    fits = np.where(np.less_equal(w, float(columns)), np.less_equal(h, float(rows)), False)
    first = np.argmax(cast(fits, "int32"), axis=0)
    some, shorter = np.take(fits, first, axis=0), float(min(rows, columns))
    found = [np.where(some, np.take(side, first, axis=0), shorter) for side in (w, h)]
    return np.maximum(found[0], 1.0), np.maximum(found[1], 1.0)


def _sampled(
    x: ndarray, axis: int, start: ndarray, size: ndarray, new: int, interp: int
) -> ndarray:
    """`new` samples of `size` places of an axis from `start` on."""
    steps = np.add(np.arange(0, new, 1, "float32"), 0.5)
    at = np.subtract(np.multiply(steps, np.divide(size, float(new))), 0.5)
    end = np.subtract(size, 1.0)
    if interp == NEAREST:
        nearest = np.minimum(np.floor(np.add(at, 0.5)), end)
        return np.take(x, cast(np.add(nearest, start), "int32"), axis=axis, mode="clip")
    at = np.minimum(np.maximum(at, 0.0), end)
    low = np.floor(at)
    part = np.reshape(np.subtract(at, low), (-1, *[1] * (-1 - axis)))
    places = (low, np.minimum(np.add(low, 1.0), end))
    a, b = (np.take(x, cast(np.add(p, start), "int32"), axis=axis, mode="clip") for p in places)
    return np.add(a, np.multiply(np.subtract(b, a), part))


def _image(function: str, data: ArrayLike) -> ndarray:
    x = array(data)
    if x.ndim not in (3, 4):
        fail(f"image.{function}", f"data {x.type} is not an image",
             "it is (H, W, C), or (N, H, W, C)")  # fmt: skip
    return x


def _size(function: str, x: ndarray) -> tuple[int, int]:
    """Rows and columns."""
    rows, columns = x.shape[ROWS], x.shape[COLUMNS]
    if not isinstance(rows, int) or not isinstance(columns, int):
        fail(f"image.{function}", f"the size of {x.type} is symbolic")
    return rows, columns


PUBLIC = (
    flip_left_right, flip_top_bottom, random_flip_left_right, random_flip_top_bottom, crop, resize,
    random_crop, random_resized_crop,
)  # fmt: skip
