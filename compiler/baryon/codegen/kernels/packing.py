"""Weights in the order in which the microkernel reads them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.kernels.pairs import MARGIN, pack_pairs
from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm


def pack_weights(weights: NDArray[Any], spec: ImplicitGemm, schedule: Schedule) -> NDArray[Any]:
    """Packed weights [panel, depth, column] of the given (O, I/groups, R, S) or (N, K) weights.

    For a spec with `pairs` they are bfloat16, and the result halves of words (see pairs.py).
    """
    columns = Columns(spec, schedule)
    dense = weights.reshape(spec.out_channels, spec.group_channels, *spec.kernel)
    by_depth = dense.transpose(2, 3, 1, 0)  # r, s, c, column: the order of the sum
    merged = np.stack([_merged(by_depth, spec, schedule, g) for g in range(columns.groups)])
    picked = merged[:, :, _picks(columns)]  # group, depth, panel, column
    panels = np.ascontiguousarray(picked.transpose(0, 2, 1, 3))
    panels = panels.reshape(columns.count, columns.depth, columns.packed_width)
    return pack_pairs(panels, columns.run) if spec.pairs else panels


def packed_size(columns: Columns) -> int:
    """Elements of what `pack_weights` gives: weights, or halves of words behind a margin."""
    size = prod(columns.packed_shape)
    return 2 * size + MARGIN if columns.spec.pairs else size


def _merged(
    weights: NDArray[Any], spec: ImplicitGemm, schedule: Schedule, index: int
) -> NDArray[Any]:
    """Depth by columns of one merged group, with zeros between the groups that it merges."""
    first = min(index * schedule.merge, spec.groups - schedule.merge)
    c, n = spec.group_channels, spec.group_outputs
    start = first * n
    if schedule.merge == 1:
        return weights[..., start : start + n].reshape(-1, n)
    merge = schedule.merge
    result = np.zeros((*spec.kernel, merge * c, merge * n), weights.dtype)
    for g in range(merge):
        block = weights[..., start + g * n : start + (g + 1) * n]
        result[:, :, g * c : (g + 1) * c, g * n : (g + 1) * n] = block
    return result.reshape(-1, merge * n)


def _picks(columns: Columns) -> NDArray[np.intp]:
    """Columns of a merged group that each panel holds: [panel, packed column]."""
    width = columns.width
    starts = np.minimum(np.arange(columns.panels_per_group) * width, columns.group_width - width)
    lanes = np.arange(columns.schedule.lanes)
    within = (np.array(columns.vector_starts)[:, None] + lanes).reshape(-1)
    return starts[:, None] + within
