"""Sequences as one array or as a list of steps."""

from __future__ import annotations

from collections.abc import Sequence

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.errors import CallError, here

Steps = ndarray | Sequence[ndarray]
"""A sequence: an array with an axis of time, or an array for each step."""


def time_axis(layout: str) -> int:
    """The axis of time (T) of a layout such as "NTC"; CallError if there is none."""
    if "T" not in layout or "N" not in layout:
        raise CallError(f"layout={layout!r} has no axes N and T", where=here(), hint="give 'NTC'")
    return layout.index("T")


def steps_of(length: int | None, inputs: Steps, layout: str) -> list[ndarray]:
    """The steps of a sequence; CallError if there are not `length` of them."""
    if isinstance(inputs, ndarray):
        axis = time_axis(layout)
        count = inputs.shape[axis] if length is None else length
        if inputs.shape[axis] != count:
            raise CallError(
                f"{count} steps of inputs of shape {inputs.shape} ({layout})", where=here()
            )
        before = (slice(None),) * axis
        return [inputs[(*before, t)] for t in range(int(count))]  # type: ignore[arg-type]
    if length is not None and len(inputs) != length:
        raise CallError(f"length={length}, but there are {len(inputs)} inputs", where=here())
    return list(inputs)


def merged(inputs: Steps, layout: str) -> ndarray:
    """A sequence as one array."""
    if isinstance(inputs, ndarray):
        return inputs
    array: ndarray = np.stack(list(inputs), axis=time_axis(layout))
    return array


def formatted(length: int | None, outputs: Steps, layout: str, merge: bool | None) -> Steps:
    """A sequence as an array (merge), as steps (merge=False), or as it is (None)."""
    if merge is None:
        return outputs
    return merged(outputs, layout) if merge else steps_of(length, outputs, layout)


def masked(outputs: Steps, layout: str, valid_length: ndarray) -> ndarray:
    """A sequence as one array, zero after the valid length of each sample."""
    return npx.sequence_mask(
        merged(outputs, layout), sequence_length=valid_length, use_sequence_length=True,
        axis=time_axis(layout),
    )  # fmt: skip


def last_states(all_states: Sequence[Sequence[ndarray]], valid_length: ndarray) -> list[ndarray]:
    """The states at the valid length of each sample, from those after each step."""
    return [
        npx.sequence_last(
            np.stack(list(states), axis=0), sequence_length=valid_length, use_sequence_length=True
        )
        for states in zip(*all_states, strict=True)
    ]


def backwards(steps: Sequence[ndarray], valid_length: ndarray | None) -> list[ndarray]:
    """The steps in reverse order; of each sample only the valid ones."""
    if valid_length is None:
        return list(reversed(steps))
    turned = npx.sequence_reverse(
        np.stack(list(steps), axis=0), sequence_length=valid_length, use_sequence_length=True
    )
    return steps_of(len(steps), turned, "TN")
