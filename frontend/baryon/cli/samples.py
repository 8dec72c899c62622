"""Samples for calibration and evaluation, from files, one batch at a time.

data.npz            arrays by the names of inputs (or one array, for a network with one input) and
                    labels, called one of LABELS; samples along the first axis
a folder of .npy    each a batch, or a sample without that axis; labels.npy holds those of all
a folder of images  see `pictures`; sub-folders are classes

Files are read while batches are asked for, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from baryon.cli.files import FileError, read_arrays
from baryon.cli.npz import Column, columns
from baryon.cli.pictures import Preprocessing, labelled_images
from baryon.ir import Array

LABELS = ("label", "labels", "y", "target", "targets")
FORMS = "give an .npz file, a folder of .npy files, or a folder of images"

Batch = tuple[Array, ...]
"""The inputs of a network in their order, then labels where there are any."""


@dataclass(frozen=True)
class Samples:
    """Batches that can be read many times.

    batches: how many. labelled: whether they end with labels.
    """

    read: Callable[[], Iterator[Batch]]
    batches: int
    labelled: bool

    def __iter__(self) -> Iterator[Batch]:
        return self.read()


def open_samples(
    path: Path, inputs: Mapping[str, int], size: int, prepare: Preprocessing
) -> Samples:
    """The samples of a file or a folder.

    inputs: names of the network's inputs, with how many axes they have. size: samples of a batch.
    Raises FileError for what is no data, or is not for these inputs.
    """
    if path.is_dir():
        return _of_folder(path, inputs, size, prepare)
    if path.suffix == ".npz":
        return _of_archive(path, [*inputs], size)
    raise FileError(f"{path} is no data that can be read", hint=FORMS)


def _of_archive(path: Path, inputs: Sequence[str], size: int) -> Samples:
    found = columns(path)
    labels = next((name for name in LABELS if name in found and name not in inputs), None)
    wanted = [found[name] for name in _chosen(path, [*found], inputs, labels)]
    wanted += [found[labels]] if labels else []
    counts = {column.shape[:1] for column in wanted}
    if len(counts) != 1 or () in counts:
        shapes = ", ".join(f"{column.name} {column.shape}" for column in wanted)
        raise FileError(f"{path} has not one number of samples for all arrays: {shapes}")
    batches = -(-wanted[0].shape[0] // size)
    return Samples(partial(_columns_together, wanted, size), batches, labels is not None)


def _chosen(
    path: Path, names: Sequence[str], inputs: Sequence[str], labels: str | None
) -> Sequence[str]:
    """The names of the arrays for the inputs."""
    if all(name in names for name in inputs):
        return inputs
    others = [name for name in names if name != labels]
    if len(inputs) == 1 and len(others) == 1:
        return others
    raise FileError(
        f"{path} has the arrays {', '.join(names) or '(none)'}, the network takes "
        f"{', '.join(inputs)}",
        hint="name the arrays as the inputs: np.savez(file, name=array); labels as 'label'",
    )


def _columns_together(wanted: Sequence[Column], size: int) -> Iterator[Batch]:
    with ExitStack() as stack:
        yield from zip(*(column.rows(stack, size) for column in wanted), strict=True)


def _of_folder(path: Path, inputs: Mapping[str, int], size: int, prepare: Preprocessing) -> Samples:
    arrays = sorted(p for p in path.glob("*.npy") if p.stem not in LABELS)
    images = labelled_images(path)
    if not arrays and not images:
        raise FileError(f"{path} has neither .npy files nor images", hint=FORMS)
    if arrays and images:
        raise FileError(f"{path} has both .npy files and images", hint="put them apart")
    if len(inputs) != 1:
        raise FileError(
            f"{path} is a folder, the network takes {len(inputs)} arrays: {', '.join(inputs)}",
            hint="give an .npz file with an array for each",
        )
    if images:
        return _of_images(path, images, size, prepare)
    (rank,) = inputs.values()
    return _of_arrays(path, arrays, rank, size)


def _of_arrays(folder: Path, files: Sequence[Path], rank: int, size: int) -> Samples:
    labels = _labels_beside(folder)
    first = _array(files[0])
    if first.ndim not in (rank, rank - 1):
        raise FileError(
            f"{files[0]} has {first.ndim} axes: neither a batch ({rank}) nor a sample ({rank - 1})"
        )
    is_sample = first.ndim == rank - 1
    batches = -(-len(files) // size) if is_sample else len(files)
    each = partial(_stacked, files, size) if is_sample else partial(map, _array, files)
    if labels is None:
        return Samples(lambda: ((x,) for x in each()), batches, False)
    return Samples(lambda: _with_labels(folder, each(), labels), batches, True)


def _labels_beside(folder: Path) -> Array | None:
    path = next((p for name in LABELS if (p := folder / f"{name}.npy").is_file()), None)
    return None if path is None else _array(path)


def _array(path: Path) -> Array:
    return read_arrays(path)[""]


def _stacked(files: Sequence[Path], size: int) -> Iterator[Array]:
    """Batches of samples that have a file each."""
    for start in range(0, len(files), size):
        some = files[start : start + size]
        arrays = [_array(path) for path in some]
        other = next((i for i, x in enumerate(arrays) if x.shape != arrays[0].shape), 0)
        if other:
            raise FileError(
                f"{some[other]} has the shape {arrays[other].shape}, {some[0]} {arrays[0].shape}"
            )
        yield np.stack(arrays)


def _with_labels(folder: Path, batches: Iterator[Array], labels: Array) -> Iterator[Batch]:
    start = 0
    for batch in batches:
        here = labels[start : start + len(batch)]
        start += len(batch)
        if len(here) != len(batch):
            raise FileError(f"{folder} has more samples than its {len(labels)} labels")
        yield batch, here
    if start != len(labels):
        raise FileError(f"{folder} has {start} samples and {len(labels)} labels")


def _of_images(
    folder: Path, images: Sequence[tuple[Path, int | None]], size: int, prepare: Preprocessing
) -> Samples:
    labelled = images[0][1] is not None
    if any((number is not None) != labelled for _, number in images):
        raise FileError(
            f"{folder} has images in itself and in sub-folders", hint="sub-folders are classes"
        )
    batches = -(-len(images) // size)
    return Samples(partial(_pictures, images, size, prepare, labelled), batches, labelled)


def _pictures(
    images: Sequence[tuple[Path, int | None]], size: int, prepare: Preprocessing, labelled: bool
) -> Iterator[Batch]:
    for start in range(0, len(images), size):
        some = images[start : start + size]
        pixels = [prepare(path) for path, _ in some]
        shapes = sorted({x.shape for x in pixels})
        if len(shapes) > 1:
            raise FileError(
                f"{some[0][0].parent} has images of several sizes: {shapes[0]}, {shapes[1]}",
                hint="resize them with --size",
            )
        numbers = [np.array([n for _, n in some], np.int32)] if labelled else []
        yield (np.stack(pixels), *numbers)
