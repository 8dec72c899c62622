"""`mx.autograd`: gradients of what is computed inside `record()`.

    x.attach_grad()
    with autograd.record():
        y = (x * x).sum()
    y.backward()                     # x.grad is 2 * x

Eager ops go on a tape, hybridized blocks as one entry of it; both use the ops' own gradient rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from baryon.array import (
    ArrayBase,
    GradientError,
    is_recording,
    is_training,
    mode_of,
    ndarray,
    set_mode,
)
from baryon.array import autograd as _engine
from baryon.array.function import Function
from baryon.ir import caller_loc

__all__ = [
    "Function", "GradientError", "backward", "get_symbol", "grad", "is_recording", "is_training",
    "mark_variables", "pause", "predict_mode", "record", "set_recording", "set_training",
    "train_mode",
]  # fmt: skip

Arrays = ndarray | Sequence[ndarray]
Gradients = ndarray | Sequence[ndarray | None]


def record(train_mode: bool = True) -> AbstractContextManager[None]:
    """Put ops on the gradient tape inside the block; `train_mode` as in `train_mode()`."""
    return mode_of(recording=True, training=train_mode)


def pause(train_mode: bool = False) -> AbstractContextManager[None]:
    """Keep ops off the gradient tape inside the block."""
    return mode_of(recording=False, training=train_mode)


def train_mode() -> AbstractContextManager[None]:
    """Let ops behave as in training inside the block: dropout drops, batch_norm uses the batch."""
    return mode_of(training=True)


def predict_mode() -> AbstractContextManager[None]:
    """Let ops behave as in prediction inside the block."""
    return mode_of(training=False)


def set_recording(is_recording: bool) -> bool:
    """Turn the tape on or off; returns what it was."""
    return set_mode(recording=is_recording).recording


def set_training(train_mode: bool) -> bool:
    """Turn training behaviour on or off; returns what it was."""
    return set_mode(training=train_mode).training


def mark_variables(
    variables: Arrays, gradients: Arrays, grad_reqs: str | Sequence[str] = "write"
) -> None:
    """Attach gradient buffers to arrays.

    gradients: one buffer for each variable, of its shape and dtype. grad_reqs: `write`, `add` or
    `null`, for each variable or for all.
    """
    xs, buffers = _many(variables), _many(gradients)
    reqs = [grad_reqs] * len(xs) if isinstance(grad_reqs, str) else list(grad_reqs)
    for x, buffer, req in zip(xs, buffers, reqs, strict=True):
        if x.type != buffer.type:
            raise GradientError(f"a gradient of {buffer.type} for a variable of {x.type}")
        _engine.attach(x, buffer, req)


def backward(
    heads: Arrays,
    head_grads: Gradients | None = None,
    retain_graph: bool = False,
    train_mode: bool = True,
) -> None:
    """Gradients of the heads for every array with an attached gradient.

    head_grads: the gradients that come in, of the heads' shapes; None stands for ones.
    retain_graph: keep the tape, for another backward.
    """
    many = _many(heads)
    given = _head_grads(many, head_grads)
    _engine.backward(many, given, retain=retain_graph, training=train_mode)


def grad(
    heads: Arrays,
    variables: Arrays,
    head_grads: Gradients | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    train_mode: bool = True,
) -> Any:
    """The gradients of the heads for `variables`, as new arrays; `.grad` is not touched.

    One array for one variable, a list for a list. create_graph: put the computation of the
    gradients on the tape too, so that they can be differentiated again. retain_graph: keep the
    tape; by default what `create_graph` is.
    Raises GradientError for a variable that the heads do not depend on.
    """
    many, wanted = _many(heads), _many(variables)
    found, _ = _engine.run(
        many, _head_grads(many, head_grads), wanted,
        retain=create_graph if retain_graph is None else retain_graph,
        create=create_graph, training=train_mode,
    )  # fmt: skip
    for i, gradient in enumerate(found):
        if gradient is None:
            raise GradientError(
                f"the heads do not depend on variable {i} ({wanted[i].type})",
                where=str(caller_loc("baryon")),
                hint="call attach_grad() on it before it is used inside record()",
            )
    return found[0] if isinstance(variables, ArrayBase) else found


def get_symbol(x: ndarray) -> Any:
    """Not there: the recorded history is a tape. `mx.trace(f, x)` gives a function's graph."""
    raise NotImplementedError("use mx.trace(f, x) for the graph of a function")


def _many(arrays: Arrays) -> list[ndarray]:
    return [arrays] if isinstance(arrays, ndarray) else list(arrays)


def _head_grads(heads: Sequence[ndarray], given: Any) -> list[Any]:
    if given is None:
        return [None] * len(heads)
    grads = [given] if isinstance(given, ArrayBase) else list(given)
    if len(grads) != len(heads):
        raise GradientError(f"{len(grads)} head gradients for {len(heads)} heads")
    return grads
