"""The files of well-known datasets: where they lie, and their formats."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
from numpy import typing as npt

from baryon.gluon.utils import download
from baryon.ir import BaryonError

Bytes = npt.NDArray[np.uint8]
PathLike = str | os.PathLike[str]


class DatasetError(BaryonError, OSError):
    """Files of a dataset that are missing or damaged."""


def default_root(name: str) -> Path:
    """`$MXNET_HOME/datasets/<name>`, or `~/.mxnet/datasets/<name>`."""
    return Path(os.environ.get("MXNET_HOME", "~/.mxnet")) / "datasets" / name


def local_file(root: Path, names: tuple[str, ...], namespace: str, sha1: str) -> Path:
    """The first of `names` that is in `root`; else names[0] downloaded, if that is possible.

    Downloads come from `$MXNET_GLUON_REPO/gluon/dataset/<namespace>`, and must have the SHA-1;
    DatasetError without that variable: the server that MXNet used is gone.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    repository = os.environ.get("MXNET_GLUON_REPO")
    if not repository:
        raise DatasetError(
            f"{names[0]} is not in {root}",
            hint=f"put {' or '.join(names)} of the dataset's authors there, or set "
            f"MXNET_GLUON_REPO to a server that has gluon/dataset/{namespace}/{names[0]}",
        )
    url = f"{repository.rstrip('/')}/gluon/dataset/{namespace}/{names[0]}"
    return Path(download(url, str(root / names[0]), sha1_hash=sha1))


def read_idx(path: Path) -> Bytes:
    """The bytes of an IDX file (MNIST's format), plain or compressed by gzip."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error
    zero, kind, rank = struct.unpack_from(">HBB", data) if len(data) >= 4 else (1, 0, 0)
    start = 4 + 4 * rank
    if zero or kind != 8 or len(data) < start:  # 8: unsigned bytes
        raise DatasetError(f"{path} is not an IDX file of bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    if len(data) - start != np.prod(shape, dtype=object):
        raise DatasetError(f"{path} has {len(data) - start} bytes of data for the shape {shape}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def read_cifar(data: bytes, labels: int, where: str) -> tuple[Bytes, Bytes]:
    """Images (N, 32, 32, 3) and labels (N, labels) of a binary CIFAR file."""
    size = labels + 3 * 32 * 32
    if not data or len(data) % size:
        raise DatasetError(f"{where} has {len(data)} bytes, which is not a multiple of {size}")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    images = records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, records[:, :labels]


def read_member(root: Path, name: str, archive: str, namespace: str, sha1: str) -> bytes:
    """A file in `root`, in one of its folders, or in the archive that is or will be in `root`."""
    for path in (root / name, *sorted(root.glob(f"*/{name}"))):
        if path.exists():
            return path.read_bytes()
    packed = local_file(root, (archive,), namespace, sha1)
    try:
        with tarfile.open(packed) as tar:
            return _member(tar, name, packed)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"cannot read {packed}: {error}") from error


def _member(tar: tarfile.TarFile, name: str, packed: Path) -> bytes:
    for member in tar:
        if Path(member.name).name == name:
            file = tar.extractfile(member)
            if file is not None:
                return file.read()
    raise DatasetError(f"{packed} has no file {name}")
