"""Batches of the images of record files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.gluon.data import DataLoader
from baryon.gluon.data.vision import ImageRecordDataset
from baryon.image import CastAug, CreateAugmenter, SequentialAug
from baryon.io.base import DataBatch, DataDesc, DataIter


class ImageRecordIter(DataIter):
    """Batches (N, C, H, W) of the images of `path_imgrec`, changed by augmenters, and labels.

    data_shape: (channels, height, width). mean_r, std_r, ...: means and deviations that normalize
    each channel. resize, rand_crop, rand_mirror, random_resized_crop, brightness, ...: see
    `image.CreateAugmenter`. round_batch: fill up the last batch with the first samples, else leave
    it out. preprocess_threads, prefetch_buffer: of the loader's threads. The other arguments of
    MXNet, which tune its readers, are accepted and have no effect.
    """

    dtype = "float32"

    def __init__(self, path_imgrec: str | os.PathLike[str], data_shape: tuple[int, int, int],
                 batch_size: int = 1, label_width: int = 1, shuffle: bool = False,
                 mean_r: float = 0, mean_g: float = 0, mean_b: float = 0, std_r: float = 1,
                 std_g: float = 1, std_b: float = 1, scale: float = 1, resize: int = 0,
                 rand_crop: bool = False, rand_mirror: bool = False,
                 random_resized_crop: bool = False, brightness: float = 0, contrast: float = 0,
                 saturation: float = 0, pca_noise: float = 0, inter_method: int = 1,
                 round_batch: bool = True, preprocess_threads: int = 4, prefetch_buffer: int = 4,
                 data_name: str = "data", label_name: str = "softmax_label",
                 **ignored: Any) -> None:  # fmt: skip
        super().__init__(batch_size)
        self._shape, self._label_width, self._round = tuple(data_shape), label_width, round_batch
        self._names = data_name, label_name
        self._scale = scale
        mean, std = np.array([mean_r, mean_g, mean_b]), np.array([std_r, std_g, std_b])
        steps = CreateAugmenter(
            data_shape, resize, rand_crop or random_resized_crop, random_resized_crop, rand_mirror,
            mean if mean.any() else None, std if (std != 1).any() else None, brightness, contrast,
            saturation, 0, pca_noise, 0, inter_method,
        )  # fmt: skip
        self._augment = SequentialAug(self._kept(steps))
        self._dataset = ImageRecordDataset(path_imgrec, int(data_shape[0] == 3), self._sample)
        self._loader = DataLoader(
            self._dataset, batch_size, shuffle, num_workers=preprocess_threads, thread_pool=True,
            prefetch=prefetch_buffer,
        )  # fmt: skip
        self.reset()

    def _kept(self, steps: list[Any]) -> list[Any]:
        return steps

    def _sample(self, image: ndarray, label: Any) -> Any:
        pixels = self._augment(image).asnumpy().astype(self.dtype)
        labels = np.asarray(label, np.float32).reshape(-1)[: self._label_width]
        scaled = pixels if self._scale == 1 else pixels * np.float32(self._scale)
        return scaled.transpose(2, 0, 1), labels[0] if self._label_width == 1 else labels

    @property
    def provide_data(self) -> list[DataDesc]:
        """What the data of a batch is."""
        return [DataDesc(self._names[0], (self.batch_size, *self._shape), self.dtype)]

    @property
    def provide_label(self) -> list[DataDesc]:
        """What the labels of a batch are."""
        width = (self._label_width,) if self._label_width > 1 else ()
        return [DataDesc(self._names[1], (self.batch_size, *width))]

    def reset(self) -> None:
        """Start again."""
        self._batches: Iterator[Any] = iter(self._loader)

    def next(self) -> DataBatch:
        """The next batch."""
        data, labels = next(self._batches)
        pad = self.batch_size - len(data)
        if pad and not self._round:
            raise StopIteration
        if pad:
            data, labels = self._filled(data, labels, pad)
        return DataBatch([data], [labels], pad)

    def _filled(self, data: ndarray, labels: ndarray, pad: int) -> tuple[ndarray, ndarray]:
        first = [self._dataset[i % len(self._dataset)] for i in range(pad)]
        more = np.stack([x for x, _ in first]), np.stack([y for _, y in first])
        return (ndarray(np.concatenate([data.asnumpy(), more[0]])),
                ndarray(np.concatenate([labels.asnumpy(), more[1]])))  # fmt: skip


class ImageRecordUInt8Iter(ImageRecordIter):
    """As `ImageRecordIter`, with uint8 pixels that are cropped and mirrored only."""

    dtype = "uint8"

    def _kept(self, steps: list[Any]) -> list[Any]:
        ends = [i for i, step in enumerate(steps) if isinstance(step, CastAug)]
        return steps[: ends[0]]
