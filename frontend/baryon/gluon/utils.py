"""`gluon.utils`: splitting batches, clipping gradients, checked downloads."""

from __future__ import annotations

import hashlib
import math
import os
import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from baryon import np
from baryon.array import mode_of, ndarray
from baryon.atomic import replace_file as _written
from baryon.gluon.errors import ParameterError, here
from baryon.gluon.hooks import HookHandle
from baryon.gluon.values import shape_is_known

__all__ = [
    "HookHandle", "check_sha1", "clip_global_norm", "download", "replace_file", "shape_is_known",
    "split_and_load", "split_data", "split_rnn_params",
]  # fmt: skip

_GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}
_CHUNK = 1 << 20


def split_data(
    data: ndarray, num_slice: int, batch_axis: int = 0, even_split: bool = True
) -> list[ndarray]:
    """The data in `num_slice` slices along an axis; the first ones are longer by one if it must be.

    Raises ParameterError if they cannot be equal and `even_split` asks for that.
    """
    size = data.shape[batch_axis]
    assert isinstance(size, int)
    each, extra = divmod(size, num_slice)
    if extra and even_split:
        raise ParameterError(
            f"{size} samples cannot be split into {num_slice} equal slices",
            where=here(),
            hint=f"use a multiple of {num_slice}, or even_split=False",
        )
    ends = [each * i + min(i, extra) for i in range(1, num_slice)]
    return list(np.split(data, ends, axis=batch_axis))


def split_and_load(
    data: Any, ctx_list: Sequence[Any], batch_axis: int = 0, even_split: bool = True
) -> list[ndarray]:
    """The data as an array, in a slice for each device of a list; all devices are the CPU."""
    array = data if isinstance(data, ndarray) else np.array(data)
    return split_data(array, len(ctx_list), batch_axis, even_split)


def clip_global_norm(
    arrays: Sequence[ndarray], max_norm: float, check_isfinite: bool = True
) -> float | ndarray:
    """Scale arrays in place so that the norm of all their elements is at most `max_norm`.

    Returns the norm before: a float; an array of shape (1,) without `check_isfinite`, which warns
    of infinity and NaN.
    """
    if not arrays:
        raise ValueError("there are no arrays to clip")
    with mode_of(recording=False):
        total = math.sqrt(sum(float(np.square(a.astype("float64")).sum()) for a in arrays))
        if check_isfinite and not math.isfinite(total):
            warnings.warn("the norm is not finite: clipping is undefined", stacklevel=2)
        scale = max_norm / (total + 1e-8)
        if not scale >= 1:
            for array in arrays:
                array *= scale  # noqa: PLW2901 - writes into the array
    return total if check_isfinite else np.array([total])


def check_sha1(filename: str | os.PathLike[str], sha1_hash: str) -> bool:
    """Whether a file has this SHA-1 hash (hexadecimal, or a beginning of at least 8 digits)."""
    if len(sha1_hash) < 8:
        raise ValueError(f"{sha1_hash!r} is too short for a hash")
    with Path(filename).open("rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    return found.startswith(sha1_hash.lower())


def replace_file(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> None:
    """Give a file another name at once, replacing what had it."""
    Path(src).replace(dst)


def download(
    url: str, path: str | None = None, overwrite: bool = False, sha1_hash: str | None = None,
    retries: int = 5, verify_ssl: bool = True,
) -> str:  # fmt: skip
    """Download a file unless it is there (with the right hash); returns its name.

    path: a file or a directory; the last part of the URL in the current directory if it is None.
    verify_ssl: must stay True: what is not verified is not downloaded.
    Raises ParameterError if the hash is wrong, OSError if all tries fail.
    """
    if not verify_ssl:
        raise ValueError("verify_ssl=False is not supported: use a URL with a valid certificate")
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is neither http nor https")
    target = _target(url, path)
    if target.exists() and not overwrite and (not sha1_hash or check_sha1(target, sha1_hash)):
        return str(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _with_retries(url, target, sha1_hash, retries)
    return str(target)


def _target(url: str, path: str | None) -> Path:
    name = Path(unquote(urlsplit(url).path)).name
    target = Path(name) if path is None else Path(path).expanduser()
    if target.is_dir():
        target /= name
    if not target.name:
        raise ValueError(f"{url!r} ends without a file name: pass path")
    return target


def _with_retries(url: str, target: Path, sha1_hash: str | None, retries: int) -> None:
    for left in range(max(retries, 0), -1, -1):
        try:
            _written(target, lambda file: _fetch(url, file, sha1_hash))
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if not left:
                raise
            warnings.warn(f"{url}: {error}; {left} more tries", stacklevel=3)
        else:
            return


def _fetch(url: str, file: BinaryIO, sha1_hash: str | None) -> None:
    digest = hashlib.sha1(usedforsecurity=False)
    context = ssl.create_default_context()
    with urllib.request.urlopen(url, timeout=60, context=context) as response:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if sha1_hash and not digest.hexdigest().startswith(sha1_hash.lower()):
        raise ParameterError(
            f"{url} has the SHA-1 {digest.hexdigest()}, expected {sha1_hash}",
            hint="the file at this address has changed, or the transfer was damaged",
        )


def split_rnn_params(
    param: Any, mode: str, num_layers: int, input_size: int, hidden_size: int,
    bidirectional: bool = False, projection_size: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The flat parameters of a recurrent network by name: `l0_i2h_weight`, `r0_h2h_bias`, ...

    All weights come first, layer by layer and direction by direction, then all biases.
    """
    if mode not in _GATES:
        raise ValueError(f"mode is {mode!r}, expected one of {', '.join(_GATES)}")
    rows = _GATES[mode] * hidden_size
    found, start = {}, 0
    for name, shape in _rnn_shapes(num_layers, input_size, hidden_size, rows, bidirectional,
                                   projection_size):  # fmt: skip
        found[name] = param[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    if start != param.size:
        raise ParameterError(f"a {mode} of this size has {start} parameters, not {param.size}",
                             where=here())  # fmt: skip
    return found


def _rnn_shapes(
    layers: int, inputs: int, hidden: int, rows: int, bidirectional: bool, projection: int | None
) -> list[tuple[str, tuple[int, ...]]]:
    directions = ("l", "r") if bidirectional else ("l",)
    state = projection or hidden
    weights: list[tuple[str, tuple[int, ...]]] = []
    for layer in range(layers):
        size = state * len(directions) if layer else inputs
        for d in directions:
            weights += [(f"{d}{layer}_i2h_weight", (rows, size)),
                        (f"{d}{layer}_h2h_weight", (rows, state))]  # fmt: skip
            weights += [(f"{d}{layer}_h2r_weight", (projection, hidden))] if projection else []
    biases = [
        (f"{d}{layer}_{kind}_bias", (rows,))
        for layer in range(layers)
        for d in directions
        for kind in ("i2h", "h2h")
    ]
    return weights + biases
