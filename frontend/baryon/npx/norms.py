"""Normalizations: by batch, layer, group and instance; and dropout, which training knows too."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from baryon.array import assign_state, is_training, mode_of, ndarray
from baryon.array.random import uniform
from baryon.array.types import ArrayLike
from baryon.ir import Sym
from baryon.npx.common import along, array, cast, fail, ir, np, npx


def batch_norm(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, running_mean: ArrayLike,
    running_var: ArrayLike, eps: float = 1e-3, momentum: float = 0.9, fix_gamma: bool = True,
    use_global_stats: bool = False, output_mean_var: bool = False, axis: int = 1,
    cudnn_off: bool = False, min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> Any:  # fmt: skip
    """(x - mean) / sqrt(variance + eps) * gamma + beta, for each index along an axis.

    In training (`autograd.is_training()`, unless use_global_stats) mean and variance are those of
    the batch, and the running ones become running * momentum + batch * (1 - momentum), the variance
    being that of n, not n - 1; else the running ones are used. gamma counts as 1 with fix_gamma.
    Results have x's dtype; the vectors may be wider than x. The calibration ranges are accepted and
    have no effect.

    Returns the result, or with output_mean_var a list: result, mean, 1 / sqrt(variance + eps).
    """
    data = array(x)
    vectors = [array(v) for v in (gamma, beta, running_mean, running_var)]
    wide = cast(data, vectors[0].dtype)
    if is_training() and not use_global_stats:
        found = _by_batch(wide, vectors, eps, momentum, fix_gamma, axis)
    else:
        y = npx.batch_norm(wide, *vectors, eps, momentum, fix_gamma, use_global_stats, axis)
        found = (y, vectors[2], vectors[3])
    result = cast(found[0], data.dtype)
    return [result, found[1], npx.rsqrt(np.add(found[2], eps))] if output_mean_var else result


def _by_batch(
    x: ndarray, vectors: Sequence[ndarray], eps: float, momentum: float, fix_gamma: bool, axis: int
) -> tuple[ndarray, ndarray, ndarray]:
    """The result, mean and variance of the batch; the running statistics follow."""
    gamma, beta, *running = vectors
    y, mean, variance = ir(
        "batch_norm_train", x, gamma, beta, eps=eps, fix_gamma=fix_gamma, axis=axis
    )
    with mode_of(recording=False):
        for old, new in zip(running, (mean, variance), strict=True):
            moved = np.add(np.multiply(old, momentum), np.multiply(new, 1 - momentum))
            assign_state(old, moved)
    return y, mean, variance


def sync_batch_norm(
    data: ArrayLike, gamma: ArrayLike, beta: ArrayLike, moving_mean: ArrayLike,
    moving_var: ArrayLike, eps: float = 1e-3, momentum: float = 0.9, fix_gamma: bool = True,
    use_global_stats: bool = False, output_mean_var: bool = False, ndev: int = 1, key: str = "",
) -> Any:  # fmt: skip
    """`batch_norm` along axis 1, whose batch is spread over `ndev` devices, of which there is one.

    IRTypeError for more devices than one.
    """
    if ndev != 1:
        fail("sync_batch_norm", f"ndev={ndev}, but there is one device", "the CPU sees all of it")
    return batch_norm(data, gamma, beta, moving_mean, moving_var, eps, momentum, fix_gamma,
                      use_global_stats, output_mean_var)  # fmt: skip


def layer_norm(
    data: ArrayLike, gamma: ArrayLike, beta: ArrayLike, axis: int = -1, eps: float = 1e-5,
    output_mean_var: bool = False,
) -> Any:  # fmt: skip
    """Normalization along one axis, scaled by gamma and shifted by beta, vectors as long as it.

    Returns the result, or with output_mean_var a list: result, mean and sqrt(variance + eps), the
    axis kept with size 1.
    """
    x = array(data)
    y = npx.layer_norm(x, gamma, beta, axis, eps)
    if not output_mean_var:
        return y
    mean = np.mean(x, axis=(axis,), keepdims=True)
    variance = np.mean(np.square(np.subtract(x, mean)), axis=(axis,), keepdims=True)
    return [y, mean, np.sqrt(np.add(variance, eps))]


def group_norm(
    data: ArrayLike, gamma: ArrayLike, beta: ArrayLike, num_groups: int = 1, eps: float = 1e-3,
    output_mean_var: bool = False,
) -> Any:  # fmt: skip
    """Normalization of each sample's groups of channels; gamma and beta are (channels,).

    data: (N, C, ...) with C a multiple of num_groups (IRTypeError otherwise).
    Returns the result, or with output_mean_var a list: result, mean and sqrt(variance + eps), both
    (N, num_groups).
    """
    x = array(data)
    channels = x.shape[1] if x.ndim > 1 else 0
    if not isinstance(channels, int) or num_groups < 1 or channels % num_groups:
        fail("group_norm", f"data {x.type} has no {num_groups} equal groups of channels")
    rest = x.shape[1:]
    known = [d for d in rest if not isinstance(d, Sym)]
    each = prod(known) // num_groups if len(known) == len(rest) else -1
    groups = np.reshape(x, (-2, num_groups, each))
    mean = np.mean(groups, axis=(2,), keepdims=True)
    centred = np.subtract(groups, mean)
    variance = np.add(np.mean(np.square(centred), axis=(2,), keepdims=True), eps)
    normal = np.reshape(np.multiply(centred, npx.rsqrt(variance)), x.shape)
    scaled = np.multiply(normal, along(array(gamma), 1, x.ndim))
    y = np.add(scaled, along(array(beta), 1, x.ndim))
    if not output_mean_var:
        return y
    return [y, np.squeeze(mean, axis=(2,)), np.squeeze(np.sqrt(variance), axis=(2,))]


def instance_norm(data: ArrayLike, gamma: ArrayLike, beta: ArrayLike, eps: float = 1e-3) -> ndarray:
    """Normalization of each channel of each sample of (N, C, ...) data, on its own."""
    x = array(data)
    channels = x.shape[1] if x.ndim > 1 else 0
    if not isinstance(channels, int) or not channels:
        fail("instance_norm", f"data {x.type} must have channels at axis 1")
    result: ndarray = group_norm(x, gamma, beta, channels, eps)
    return result


def dropout(
    data: ArrayLike, p: float = 0.5, mode: str = "training", axes: Sequence[int] | None = None,
    cudnn_off: bool = False,
) -> ndarray:  # fmt: skip
    """Each element set to 0 with probability p, or multiplied by 1 / (1 - p).

    mode: "training" leaves the data as it is unless `autograd.is_training()`; "always" never does.
    axes: those along which all elements share one fate. data: floating (IRTypeError otherwise, and
    for p outside of [0, 1]).
    """
    x = array(data)
    if mode not in ("training", "always") or not 0 <= p <= 1:
        fail("dropout", f"mode={mode!r}, p={p}", "mode is 'training' or 'always', p in [0, 1]")
    if not (mode == "always" or is_training()) or p == 0:
        return npx.dropout(x, min(p, 0.5))
    if not x.type.dtype.is_float:
        fail("dropout", f"data must be floating, not {x.dtype}")
    shared = {a % x.ndim for a in axes or ()}
    shape = tuple(1 if i in shared else d for i, d in enumerate(x.shape))
    kept = np.less(uniform(shape), 1 - p)
    factor = np.where(kept, 1 / (1 - p) if p < 1 else 0.0, 0.0)
    return np.multiply(x, cast(factor, x.dtype))


PUBLIC = (batch_norm, sync_batch_norm, layer_norm, group_norm, instance_norm, dropout)
