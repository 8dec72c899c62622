"""MNIST, FashionMNIST, CIFAR-10 and CIFAR-100, from the files of their authors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.array import ndarray
from baryon.gluon.data.dataset import Dataset
from baryon.gluon.data.vision.files import (
    Bytes,
    DatasetError,
    PathLike,
    default_root,
    local_file,
    read_cifar,
    read_idx,
    read_member,
)

Transform = Callable[[Any, Any], Any] | None


class _Images(Dataset):
    """Samples (image uint8 (H, W, C), label int32), or what `transform` makes of the two."""

    namespace: str

    def __init__(self, root: PathLike | None, train: bool, transform: Transform) -> None:
        self._root = (default_root(self.namespace) if root is None else Path(root)).expanduser()
        self._train, self._transform = train, transform
        self._data, self._label = self._read()

    def _read(self) -> tuple[Bytes, npt.NDArray[np.int32]]:
        raise NotImplementedError

    def __getitem__(self, idx: int) -> Any:
        image, label = ndarray(self._data[idx].copy()), self._label[idx]
        return (image, label) if self._transform is None else self._transform(image, label)

    def __len__(self) -> int:
        return len(self._label)


class MNIST(_Images):
    """Handwritten digits: images (28, 28, 1), labels 0 to 9; 60000 for training, 10000 for tests.

    root: the folder of `train-images-idx3-ubyte.gz` and so on, or of the unpacked files.
    transform: a function of image and label.
    """

    namespace = "mnist"
    hashes: Mapping[str, str] = {
        "train-images-idx3-ubyte": "6c95f4b05d2bf285e1bfb0e7960c31bd3b3f8a7d",
        "train-labels-idx1-ubyte": "2a80914081dc54586dbdf242f9805a6b8d2a15fc",
        "t10k-images-idx3-ubyte": "c3a25af1f52dad7f726cce8cacb138654b760d48",
        "t10k-labels-idx1-ubyte": "763e7fa3757d93b0cdec073cef058b2004252c17",
    }

    def __init__(
        self, root: PathLike | None = None, train: bool = True, transform: Transform = None
    ) -> None:
        super().__init__(root, train, transform)

    def _read(self) -> tuple[Bytes, npt.NDArray[np.int32]]:
        part = "train" if self._train else "t10k"
        images = self._idx(f"{part}-images-idx3-ubyte", 3)
        labels = self._idx(f"{part}-labels-idx1-ubyte", 1)
        if len(images) != len(labels):
            raise DatasetError(f"{len(images)} images and {len(labels)} labels in {self._root}")
        return images[..., None], labels.astype(np.int32)

    def _idx(self, name: str, rank: int) -> Bytes:
        path = local_file(self._root, (f"{name}.gz", name), self.namespace, self.hashes[name])
        array = read_idx(path)
        if array.ndim != rank:
            raise DatasetError(f"{path} has {array.ndim} axes, {rank} are expected")
        return array


class FashionMNIST(MNIST):
    """Pictures of clothes in the format of MNIST."""

    namespace = "fashion-mnist"
    hashes: Mapping[str, str] = {
        "train-images-idx3-ubyte": "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
        "train-labels-idx1-ubyte": "236021d52f1e40852b06a4c3008d8de8aef1e40b",
        "t10k-images-idx3-ubyte": "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
        "t10k-labels-idx1-ubyte": "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
    }


class CIFAR10(_Images):
    """Photos of ten kinds: images (32, 32, 3), labels 0 to 9; 50000 for training, 10000 for tests.

    root: the folder of `cifar-10-binary.tar.gz`, or of its `.bin` files.
    """

    namespace = "cifar10"
    archive = "cifar-10-binary.tar.gz"
    sha1 = "fab780a1e191a7eda0f345501ccd62d20f7ed891"
    train_files = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
    test_files: tuple[str, ...] = ("test_batch.bin",)
    labels, label = 1, 0

    def __init__(
        self, root: PathLike | None = None, train: bool = True, transform: Transform = None
    ) -> None:
        super().__init__(root, train, transform)

    def _read(self) -> tuple[Bytes, npt.NDArray[np.int32]]:
        names = self.train_files if self._train else self.test_files
        parts = [read_cifar(self._member(name), self.labels, name) for name in names]
        images = np.concatenate([images for images, _ in parts])
        labels = np.concatenate([labels[:, self.label] for _, labels in parts])
        return images, labels.astype(np.int32)

    def _member(self, name: str) -> bytes:
        return read_member(self._root, name, self.archive, self.namespace, self.sha1)


class CIFAR100(CIFAR10):
    """Photos of 20 coarse kinds or, with `fine_label`, of 100 fine ones; else as CIFAR10."""

    namespace = "cifar100"
    archive = "cifar-100-binary.tar.gz"
    sha1 = "a0bb982c76b83111308126cc779a992fa506b90b"
    train_files: tuple[str, ...] = ("train.bin",)
    test_files: tuple[str, ...] = ("test.bin",)
    labels = 2

    def __init__(
        self,
        root: PathLike | None = None,
        fine_label: bool = False,
        train: bool = True,
        transform: Transform = None,
    ) -> None:
        self.label = int(fine_label)
        super().__init__(root, train, transform)
