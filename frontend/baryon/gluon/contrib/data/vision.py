"""Images with boxes: transforms of both, and ready-made data loaders.

Boxes are arrays (N, 4 or more) whose first columns are left, top, right, bottom in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.gluon import data
from baryon.gluon.block import Block
from baryon.gluon.contrib.data.boxes import Boxes, cropped, mirrored, overlaps
from baryon.gluon.data.vision import ImageListDataset, ImageRecordDataset, transforms
from baryon.image import CreateAugmenter, copyMakeBorder, imresize
from baryon.image.host import host

Pair = tuple[ndarray, ndarray]
Constraint = tuple[float | None, float | None]


def _pair(image: Any, boxes: Boxes) -> Pair:
    return ndarray(np.ascontiguousarray(host(image))), ndarray(boxes)


class ImageBboxRandomFlipLeftRight(Block):
    """With probability `p`, left and right of image and boxes change places."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any, bbox: Any) -> Pair:
        """Image and boxes, mirrored or not."""
        pixels, boxes = host(img), host(bbox)
        if host_generator().random() >= self.p:
            return _pair(pixels, boxes)
        return _pair(pixels[:, ::-1], mirrored(boxes, pixels.shape[1]))


class ImageBboxCrop(Block):
    """The part `crop` (left, top, width, height) of image and boxes.

    Boxes whose centre is outside are left out unless `allow_outside_center`.
    """

    def __init__(self, crop: tuple[int, int, int, int], allow_outside_center: bool = False) -> None:
        super().__init__()
        if len(crop) != 4 or crop[2] <= 0 or crop[3] <= 0:
            raise ValueError(f"crop={crop} is not (left, top, width, height)")
        self._crop, self._outside = crop, allow_outside_center

    def forward(self, img: Any, bbox: Any) -> Pair:
        """The part of the image, and the boxes in it."""
        left, top, width, height = self._crop
        pixels = host(img)
        if left + width > pixels.shape[1] or top + height > pixels.shape[0]:
            return _pair(pixels, host(bbox))
        part = pixels[top : top + height, left : left + width]
        return _pair(part, cropped(host(bbox), self._crop, self._outside))


class ImageBboxRandomCropWithConstraints(Block):
    """With probability `p`, a random part that overlaps with some box as a constraint says (SSD).

    min_scale, max_scale: of the part's sides. max_aspect_ratio: width / height or its inverse.
    constraints: (least, greatest) overlaps, one of which is met; None is no limit.
    """

    def __init__(self, p: float = 0.5, min_scale: float = 0.3, max_scale: float = 1,
                 max_aspect_ratio: float = 2, constraints: Sequence[Constraint] | None = None,
                 max_trial: int = 50) -> None:  # fmt: skip
        super().__init__()
        defaults = ((0.1, None), (0.3, None), (0.5, None), (0.7, None), (0.9, None), (None, 1))
        self.p, self._scales, self._ratio = p, (min_scale, max_scale), max_aspect_ratio
        self._constraints, self._trials = constraints or defaults, max_trial

    def forward(self, img: Any, bbox: Any) -> Pair:
        """The part of the image, and the boxes in it; the whole if none was found."""
        draw, pixels, boxes = host_generator(), host(img), host(bbox)
        if draw.random() >= self.p:
            return _pair(pixels, boxes)
        found = [
            c for limits in self._constraints if (c := self._find(draw, pixels, boxes, limits))
        ]
        if not found:
            return _pair(pixels, boxes)
        left, top, width, height = crop = found[int(draw.integers(len(found)))]
        kept = cropped(boxes, crop, False)
        return _pair(pixels[top : top + height, left : left + width], kept)

    def _find(self, draw: np.random.Generator, pixels: Any, boxes: Boxes, limits: Constraint
              ) -> tuple[int, int, int, int] | None:  # fmt: skip
        low = -math.inf if limits[0] is None else limits[0]
        high = math.inf if limits[1] is None else limits[1]
        for _ in range(self._trials):
            crop = self._random_crop(draw, *pixels.shape[:2])
            edges = np.array([*crop[:2], crop[0] + crop[2], crop[1] + crop[3]])
            shares = overlaps(boxes, edges)
            if len(boxes) == 0 or (
                low <= shares.min() and shares.max() <= high and len(cropped(boxes, crop, False))
            ):
                return crop
        return None

    def _random_crop(
        self, draw: np.random.Generator, rows: int, columns: int
    ) -> tuple[int, int, int, int]:
        scale = draw.uniform(*self._scales)
        limit = min(self._ratio, 1 / scale**2)
        ratio = math.sqrt(draw.uniform(max(1 / self._ratio, scale**2), limit))
        width = max(min(int(columns * scale * ratio), columns), 1)
        height = max(min(int(rows * scale / ratio), rows), 1)
        left, top = draw.integers(columns - width + 1), draw.integers(rows - height + 1)
        return int(left), int(top), width, height


class ImageBboxRandomExpand(Block):
    """With probability `p`, the image at a random place of a larger one filled with `fill`."""

    def __init__(self, p: float = 0.5, max_ratio: float = 4, fill: Any = 0,
                 keep_ratio: bool = True) -> None:  # fmt: skip
        super().__init__()
        self.p, self._max, self._fill, self._keep = p, max_ratio, fill, keep_ratio

    def forward(self, img: Any, bbox: Any) -> Pair:
        """Image and boxes, in the larger image or not."""
        draw, pixels, boxes = host_generator(), host(img), host(bbox).copy()
        if self._max <= 1 or draw.random() >= self.p:
            return _pair(pixels, boxes)
        rows, columns = pixels.shape[:2]
        across = draw.uniform(1, self._max)
        down = across if self._keep else draw.uniform(1, self._max)
        height, width = int(rows * down), int(columns * across)
        top, left = int(draw.integers(height - rows + 1)), int(draw.integers(width - columns + 1))
        boxes[:, :4] += np.array([left, top, left, top], boxes.dtype)
        border = (top, height - rows - top, left, width - columns - left)
        values = np.broadcast_to(self._fill, pixels.shape[2:])
        return _pair(copyMakeBorder(pixels, *border, values=values), boxes)


class ImageBboxResize(Block):
    """Image and boxes resized to `width` x `height`; interp as in `image.imresize`."""

    def __init__(self, width: int, height: int, interp: int = 1) -> None:
        super().__init__()
        self._size, self._interp = (width, height), interp

    def forward(self, img: Any, bbox: Any) -> Pair:
        """The resized image, and its boxes."""
        pixels, boxes = host(img), host(bbox).astype(np.float32)
        scale = np.array(self._size) / (pixels.shape[1], pixels.shape[0])
        boxes[:, :4] *= np.tile(scale, 2).astype(np.float32)
        return _pair(imresize(pixels, *self._size, self._interp), boxes)


class BboxLabelTransform(Block):
    """Labels of a record file (header, then rows of class and box) as rows of box and class.

    coord_normalized: the file has coordinates from 0 to 1; the rows get pixels.
    """

    def __init__(self, coord_normalized: bool = True) -> None:
        super().__init__()
        self._normalized = coord_normalized

    def forward(self, img: Any, label: Any) -> Pair:
        """The image, and rows (left, top, right, bottom, class, ...)."""
        values = host(label).ravel()
        header, width = int(values[0]), int(values[1])
        rows = values[header:].reshape(-1, width).astype(np.float32)
        boxes = np.concatenate([rows[:, 1:5], rows[:, :1], rows[:, 5:]], 1)
        if self._normalized:
            height, across = host(img).shape[:2]
            boxes[:, :4] *= np.array([across, height, across, height], np.float32)
        return _pair(img, boxes)


class _Augmented(Block):
    def __init__(self, steps: Sequence[Any], dtype: str) -> None:
        super().__init__()
        self._steps, self._dtype = steps, dtype

    def forward(self, x: ndarray) -> ndarray:
        """The image after all steps, (C, H, W)."""
        for step in self._steps:
            x = step(x)
        return ndarray(host(x).transpose(2, 0, 1).astype(self._dtype))


def create_image_augment(data_shape: tuple[int, int, int], resize: int = 0,
                         rand_crop: bool = False, rand_resize: bool = False,
                         rand_mirror: bool = False, mean: Any = None, std: Any = None,
                         brightness: float = 0, contrast: float = 0, saturation: float = 0,
                         hue: float = 0, pca_noise: float = 0, rand_gray: float = 0,
                         inter_method: int = 2, dtype: str = "float32") -> Block:  # fmt: skip
    """A block that makes images (H, W, C) to (C, H, W) of `data_shape`: `image.CreateAugmenter`."""
    steps = CreateAugmenter(
        data_shape, resize, rand_crop, rand_resize, rand_mirror, mean, std, brightness, contrast,
        saturation, hue, pca_noise, rand_gray, inter_method,
    )  # fmt: skip
    return _Augmented(steps, dtype)


def _dataset(path_imgrec: Any, path_imglist: Any, path_root: Any, imglist: Any) -> Any:
    if path_imgrec is not None:
        return ImageRecordDataset(path_imgrec)
    listed = path_imglist if path_imglist is not None else imglist
    return ImageListDataset(path_root, listed)


def ImageDataLoader(batch_size: int, data_shape: tuple[int, int, int],  # noqa: N802
                    path_imgrec: Any = None, path_imglist: Any = None, path_root: Any = ".",
                    part_index: int = 0, num_parts: int = 1, aug_list: Any = None,
                    imglist: Any = None, dtype: str = "float32", shuffle: bool = False,
                    sampler: Any = None, last_batch: str | None = None, batch_sampler: Any = None,
                    batchify_fn: Any = None, num_workers: int = 0, pin_memory: bool = False,
                    pin_device_id: int = 0, prefetch: int | None = None, thread_pool: bool = False,
                    timeout: float = 120, try_nopython: bool | None = None,
                    **kwargs: Any) -> data.DataLoader:  # fmt: skip
    """A data loader of part `part_index` of the images of a record file or list.

    aug_list: a block or function for each image; `create_image_augment(data_shape, **kwargs)` if
    None. The rest is as for `DataLoader`.
    """
    augment = aug_list or create_image_augment(data_shape, dtype=dtype, **kwargs)
    images = _dataset(path_imgrec, path_imglist, path_root, imglist).shard(num_parts, part_index)
    return data.DataLoader(
        images.transform_first(augment), batch_size, shuffle, sampler, last_batch, batch_sampler,
        batchify_fn, num_workers, pin_memory, pin_device_id, prefetch, thread_pool, timeout,
    )  # fmt: skip


def ImageBboxDataLoader(batch_size: int, data_shape: tuple[int, int, int],  # noqa: N802
                        path_imgrec: Any = None, path_imglist: Any = None, path_root: Any = ".",
                        part_index: int = 0, num_parts: int = 1, aug_list: Any = None,
                        imglist: Any = None, coord_normalized: bool = True,
                        dtype: str = "float32", shuffle: bool = False,
                        **kwargs: Any) -> data.DataLoader:  # fmt: skip
    """A data loader of images and their boxes; shorter lists of boxes are padded with -1.

    aug_list: functions of (image, boxes); resizing to `data_shape` if None. The rest is as for
    `DataLoader`.
    """
    boxes = _dataset(path_imgrec, path_imglist, path_root, imglist).shard(num_parts, part_index)
    steps = [BboxLabelTransform(coord_normalized),
             *(aug_list or [ImageBboxResize(data_shape[2], data_shape[1])])]  # fmt: skip

    def changed(image: Any, label: Any) -> tuple[Any, Any]:
        for step in steps:
            image, label = step(image, label)
        return ndarray(host(image).transpose(2, 0, 1).astype(dtype)), label

    batchify = kwargs.pop("batchify_fn", None) or data.batchify.Group(
        data.batchify.Stack(), data.batchify.Pad(val=-1)
    )
    loaded = boxes.transform(changed)
    return data.DataLoader(loaded, batch_size, shuffle, batchify_fn=batchify, **kwargs)


__all__ = [
    "BboxLabelTransform", "ImageBboxCrop", "ImageBboxDataLoader",
    "ImageBboxRandomCropWithConstraints", "ImageBboxRandomExpand", "ImageBboxRandomFlipLeftRight",
    "ImageBboxResize", "ImageDataLoader", "create_image_augment", "transforms",
]  # fmt: skip
