"""Datasets of image files: a folder for each class, a list, or a record file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.array import ndarray
from baryon.gluon.data.dataset import Dataset, RecordFileDataset
from baryon.gluon.data.vision.files import DatasetError, PathLike
from baryon.image import imdecode, imread
from baryon.recordio import unpack

EXTENSIONS = (".jpg", ".jpeg", ".png", ".npy")


class ImageRecordDataset(RecordFileDataset):
    """The images and labels of a record file (`.rec` with `.idx`), as `pack_img` makes them.

    flag: 1 for colour, 0 for gray. transform: a function of image and label.
    """

    def __init__(self, filename: PathLike, flag: int = 1,
                 transform: Callable[[Any, Any], Any] | None = None) -> None:  # fmt: skip
        super().__init__(filename)
        self._flag, self._transform = flag, transform

    def __getitem__(self, idx: int) -> Any:
        header, data = unpack(super().__getitem__(idx))
        image = imdecode(data, self._flag)
        if self._transform is None:
            return image, header.label
        return self._transform(image, header.label)


class ImageFolderDataset(Dataset):
    """Images in one folder for each class: `root/dog/1.jpg`, `root/cat/2.png`.

    Labels number the folders in alphabetical order (`synsets`); `items` lists (path, label). Files
    that are no images are left out with a warning.
    """

    def __init__(self, root: PathLike, flag: int = 1,
                 transform: Callable[[Any, Any], Any] | None = None) -> None:  # fmt: skip
        self._root, self._flag, self._transform = Path(root).expanduser(), flag, transform
        if not self._root.is_dir():
            raise DatasetError(f"there is no folder {self._root}")
        folders = [p for p in sorted(self._root.iterdir()) if _is(p.is_dir(), p, "not a folder")]
        self.synsets = [p.name for p in folders]
        self.items = [
            (str(path), label) for label, folder in enumerate(folders) for path in _images(folder)
        ]

    def __getitem__(self, idx: int) -> Any:
        path, label = self.items[idx]
        image = _read(path, self._flag)
        return (image, label) if self._transform is None else self._transform(image, label)

    def __len__(self) -> int:
        return len(self.items)


def _images(folder: Path) -> list[Path]:
    reason = f"not one of {', '.join(EXTENSIONS)}"
    return [p for p in sorted(folder.iterdir()) if _is(p.suffix.lower() in EXTENSIONS, p, reason)]


def _is(expected: bool, path: Path, reason: str) -> bool:
    if not expected:
        warnings.warn(f"{path} is ignored: {reason}", stacklevel=4)
    return expected


def _read(path: PathLike, flag: int) -> ndarray:
    if Path(path).suffix.lower() == ".npy":
        return ndarray(np.load(path, allow_pickle=False))
    return imread(path, flag)


class ImageListDataset(Dataset):
    """Images that a list names; samples are (image, labels as a float32 array).

    imglist: the name of a `.lst` file in `root`, with lines `number<TAB>label...<TAB>path`; or a
    list of [label, ..., path] or [[labels], path]. Paths are relative to `root`.
    """

    def __init__(
        self,
        root: PathLike = ".",
        imglist: str | Sequence[Sequence[Any]] | None = None,
        flag: int = 1,
    ) -> None:
        self._root, self._flag = Path(root).expanduser(), flag
        if imglist is None:
            raise ValueError("ImageListDataset needs imglist: a file name or a list")
        rows = self._lines(imglist) if isinstance(imglist, str | os.PathLike) else imglist
        self.items = [self._item(row) for row in rows]

    def _lines(self, name: str) -> list[list[str]]:
        try:
            text = (self._root / name).read_text(encoding="utf-8")
        except OSError as error:
            raise DatasetError(f"cannot read {self._root / name}: {error.strerror}") from error
        return [line.split("\t")[1:] for line in text.splitlines() if line.strip()]

    def _item(self, row: Sequence[Any]) -> tuple[str, npt.NDArray[np.float32]]:
        *labels, path = row
        try:
            return str(path).strip(), np.array(labels, np.float32).reshape(-1)
        except ValueError as error:
            raise DatasetError(f"the entry of {path} has labels that are no numbers") from error

    def __getitem__(self, idx: int) -> Any:
        path, labels = self.items[idx]
        return _read(self._root / path, self._flag), ndarray(labels.copy())

    def __len__(self) -> int:
        return len(self.items)
