"""Applying an update rule to memory, block by block.

A rule is a pure function `(w, g, *states) -> (new w, *new states)` of NumPy ufuncs. On whole arrays
each of its steps would go through memory once; on blocks that stay in the cache the step is bound
by one read and one write of each array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.array import ArrayBase
from baryon.array.tape import GradientError, is_recording
from baryon.ir import Array, caller_loc

Rule = Callable[..., Sequence[Any]]

BLOCK = 1 << 15
"""Elements: the block of a momentum update and its temporaries fill half of a 1 MiB cache."""


def writable(x: ArrayBase, what: str) -> Array:
    """The memory of an array that will be written in place.

    Raises TraceError for a traced array, GradientError while the tape records and follows it.
    """
    data = x.elements(what, "update parameters outside the traced function")
    if is_recording() and x.needs_gradient:
        raise GradientError(
            f"{what} while the gradient tape records",
            where=str(caller_loc("baryon")),
            hint="call it after the `with autograd.record():` block",
        )
    if x._writes is not None:
        x._writes[0] += 1
    return data


def apply(
    rule: Rule, weight: ArrayBase, grad: ArrayBase, states: Sequence[ArrayBase], *, blocked: bool
) -> None:
    """Write what the rule gives into the weight and the states.

    The rule sees numbers of fewer than 32 bits as float32. blocked: the rule is element-wise.
    """
    targets = [writable(x, "the update of a parameter") for x in (weight, *states)]
    gradient = gradient_of(grad, targets[0])
    with np.errstate(all="ignore"):
        if blocked:
            _in_blocks(rule, [x.reshape(-1) for x in targets], gradient.reshape(-1))
        else:
            _once(rule, targets, gradient)


def gradient_of(grad: ArrayBase, weight: Array) -> Array:
    """The memory of a weight's gradient. Raises ValueError if their shapes differ."""
    gradient = grad.elements("the update of a parameter", "give it concrete gradients")
    if gradient.shape != weight.shape:
        raise ValueError(f"the gradient has the shape {gradient.shape}, its weight {weight.shape}")
    return gradient


def _in_blocks(rule: Rule, targets: Sequence[Array], grad: Array) -> None:
    for start in range(0, grad.size, BLOCK):
        part = slice(start, start + BLOCK)
        _once(rule, [x[part] for x in targets], grad[part])


def _once(rule: Rule, targets: Sequence[Array], grad: Array) -> None:
    weight, *states = map(_computable, targets)
    new_weight, *new_states = rule(weight, _computable(grad), *states)
    for target, value in zip(targets[1:], new_states, strict=True):
        target[...] = value
    targets[0][...] = new_weight  # last: a new state may be the weight as it was


def _computable(x: Array) -> Array:
    return x.astype(np.float32) if x.dtype.itemsize < 4 else x
