"""Backward passes over arrays: `backward`, `grad`, and attaching gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from baryon.array.base import ArrayBase
from baryon.array.calls import calls, wrap
from baryon.array.tape import GradientError, gradients, mode_of
from baryon.ir import caller_loc

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray

GRAD_REQS = ("write", "add", "null")


def attach(x: ArrayBase, gradient: ArrayBase | None, grad_req: str) -> None:
    """Make x an input of the tape whose gradient goes to `gradient` (zeros if None)."""
    if grad_req not in GRAD_REQS:
        raise ValueError(f"grad_req is {grad_req!r}, expected one of {GRAD_REQS}")
    data = x.elements("attach_grad()", "attach gradients outside the trace")
    if not x.type.dtype.is_float and grad_req != "null":
        raise GradientError(
            f"an array of {x.dtype} has no gradient", where=str(caller_loc("baryon")),
            hint="convert it with .astype('float32') first",
        )  # fmt: skip
    x._node = None
    if grad_req == "null":
        x._grad, x._grad_req = None, None
        return
    x._grad = wrap(np.zeros_like(data)) if gradient is None else gradient
    x._grad_req = grad_req


def run(
    heads: Sequence[ArrayBase],
    head_grads: Sequence[ArrayBase | None],
    variables: Sequence[ArrayBase] = (),
    *,
    retain: bool,
    create: bool = False,
    training: bool = True,
) -> tuple[list[ArrayBase | None], list[tuple[ArrayBase, ArrayBase]]]:
    """See `tape.gradients`; a head gradient of None stands for ones."""
    with mode_of(recording=False, training=training):
        first = [_head(h, g) for h, g in zip(heads, head_grads, strict=True)]
    with mode_of(recording=create, training=training):
        return gradients(heads, first, variables, calls.np.add, retain=retain, create=create)


def _head(head: ArrayBase, grad: Any) -> ArrayBase:
    if grad is None:
        ones: ArrayBase = calls.np.ones_like(head)
        return ones
    found = grad if isinstance(grad, ArrayBase) else wrap(np.asarray(grad, head.dtype))
    if found.shape != head.shape:
        raise GradientError(
            f"the head gradient has the shape {found.shape}, its head {head.shape}",
            where=str(caller_loc("baryon")),
            hint="give one number for each element of the head, or none for ones",
        )
    return found


def deliver(found: Sequence[tuple[ArrayBase, ArrayBase]]) -> None:
    """Write or add gradients to the buffers of the arrays that they belong to."""
    for x, gradient in found:
        buffer = x._grad
        assert buffer is not None
        into, value = buffer.elements("grad", ""), gradient.elements("grad", "")
        if buffer._writes is not None:  # a Trainer asks which gradients are new
            buffer._writes[0] += 1
        if value is into:
            continue
        total: Any = np.add(into, value) if x._grad_req == "add" else value
        np.copyto(into, total)


def backward(
    heads: Sequence[ndarray], head_grads: Sequence[Any], *, retain: bool, training: bool
) -> None:
    """Gradients of the heads for every array that has one attached."""
    _, found = run(heads, head_grads, retain=retain, training=training)
    deliver(found)
