"""Weights in the order in which the microkernel reads them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.kernels.pairs import MARGIN
from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div

_CHANNELS = 1024
"""Channels that are transposed at a time, in a cache."""


def pack_weights(weights: NDArray[Any], spec: ImplicitGemm, schedule: Schedule) -> NDArray[Any]:
    """Packed weights [panel, depth, column] of the given (O, I/groups, R, S) or (N, K) weights.

    For words of several depths the result is [panel, word, column, depth]; for `pairs` these are
    the bits of bfloat16, behind a margin.
    """
    columns = Columns(spec, schedule)
    dense = weights.reshape(spec.out_channels, spec.group_channels, *spec.kernel)
    panels = np.empty((columns.count, columns.depth, columns.packed_width), weights.dtype)
    window = (*spec.kernel, columns.depth_channels, columns.packed_width)
    targets = iter(panels.reshape(columns.count, *window))  # r, s, c, column: the order of the sum
    for group in range(columns.groups):
        merged = _merged(dense, spec, schedule, group)
        for picks in _picks(columns):
            _transpose(_taken(merged, picks), next(targets))
    if spec.depths == 1:
        return panels
    words = interleave(panels, columns.run, spec.depths)
    if not spec.pairs:
        return words
    return np.concatenate([np.zeros(MARGIN, np.uint16), words.view(np.uint16).reshape(-1)])


def _taken(merged: NDArray[Any], picks: NDArray[np.intp]) -> NDArray[Any]:
    """The columns of a panel; a view of them where they follow each other."""
    first, count = picks[0], len(picks)
    follow = picks[-1] - first == count - 1
    return merged[first : first + count] if follow else merged.take(picks, axis=0)


def _transpose(panel: NDArray[Any], target: NDArray[Any]) -> None:
    """Write a panel (column, c, r, s) as (r, s, c, column)."""
    for start in range(0, panel.shape[1], _CHANNELS):
        part = slice(start, start + _CHANNELS)
        target[:, :, part] = panel[:, part].transpose(2, 3, 1, 0)


def packed_size(columns: Columns) -> int:
    """Elements of what `pack_weights` gives."""
    size = prod(columns.packed_shape) * columns.spec.depths
    return size + MARGIN if columns.spec.pairs else size


def interleave(rows: NDArray[Any], run: int, depths: int) -> NDArray[Any]:
    """Weights [panel, depth, column] as [panel, word, column, depth], where inner loops have `run`
    depths; what is left of a run's last word is 0."""
    panels, depth, width = rows.shape
    words = ceil_div(run, depths)
    runs = np.zeros((panels, depth // run, words * depths, width), rows.dtype)
    runs[:, :, :run] = rows.reshape(panels, depth // run, run, width)
    by_word = runs.reshape(panels, depth // run * words, depths, width)
    return np.ascontiguousarray(by_word.transpose(0, 1, 3, 2))


def _merged(
    weights: NDArray[Any], spec: ImplicitGemm, schedule: Schedule, index: int
) -> NDArray[Any]:
    """Columns by channels of one merged group, with zeros between the groups that it merges."""
    first = min(index * schedule.merge, spec.groups - schedule.merge)
    c, n = spec.group_channels, spec.group_outputs
    start = first * n
    if schedule.merge == 1:
        return weights[start : start + n]
    merge = schedule.merge
    result = np.zeros((merge * n, merge * c, *spec.kernel), weights.dtype)
    for g in range(merge):
        block = weights[start + g * n : start + (g + 1) * n]
        result[g * n : (g + 1) * n, g * c : (g + 1) * c] = block
    return result


def _picks(columns: Columns) -> NDArray[np.intp]:
    """Columns of a merged group that each panel holds: [panel, packed column]."""
    width = columns.width
    starts = np.minimum(np.arange(columns.panels_per_group) * width, columns.group_width - width)
    lanes = np.arange(columns.schedule.lanes)
    within = (np.array(columns.vector_starts)[:, None] + lanes).reshape(-1)
    return starts[:, None] + within
