"""Batches of sequences of different lengths: masks, last elements, reversal; and checks."""

from __future__ import annotations

from baryon.array import ndarray
from baryon.array.types import ArrayLike
from baryon.npx.common import array, cast, expanded, fail, np, places


def sequence_mask(
    data: ArrayLike, sequence_length: ArrayLike | None = None, use_sequence_length: bool = False,
    value: float = 0, axis: int = 0,
) -> ndarray:  # fmt: skip
    """The data with `value` behind the end of each sequence.

    data: time at `axis`, 0 or 1, the batch at the other of these two; any rank from 2, any dtype.
    sequence_length: (batch,). Without use_sequence_length all sequences are whole.
    """
    x = array(data)
    length = _length("sequence_mask", x, sequence_length, use_sequence_length, axis)
    if length is None:
        return x
    return np.where(_before(x, length, axis), x, cast(array(value), x.dtype))


def sequence_last(
    data: ArrayLike, sequence_length: ArrayLike | None = None, use_sequence_length: bool = False,
    axis: int = 0,
) -> ndarray:  # fmt: skip
    """The last element of each sequence: data without its time axis; zeros for length 0.

    The arguments are those of `sequence_mask`.
    """
    x = array(data)
    length = _length("sequence_last", x, sequence_length, use_sequence_length, axis)
    if length is None:
        return x[-1] if axis == 0 else x[:, -1]
    here = np.equal(_steps(x, axis), np.subtract(length, 1))
    return np.sum(np.where(here, x, cast(array(0), x.dtype)), axis=(axis,))


def sequence_reverse(
    data: ArrayLike, sequence_length: ArrayLike | None = None, use_sequence_length: bool = False,
    axis: int = 0,
) -> ndarray:  # fmt: skip
    """Each sequence in reverse order; what is behind its end stays where it is.

    The arguments are those of `sequence_mask`.
    """
    x = array(data)
    length = _length("sequence_reverse", x, sequence_length, use_sequence_length, axis)
    if length is None:
        return np.flip(x, axis=(axis,))
    steps, whole = _steps(x, axis), cast(length, "int32")
    mirrored = np.subtract(np.subtract(whole, 1), steps)
    source = np.where(np.less(steps, whole), mirrored, steps)
    return np.take_along_axis(x, np.broadcast_to(source, shape=x.shape), axis=axis, mode="clip")


def _length(
    function: str, x: ndarray, length: ArrayLike | None, used: bool, axis: int
) -> ndarray | None:
    """The lengths beside the data's axes; None where they are not used."""
    if axis not in (0, 1) or x.ndim < 2:
        fail(function, f"axis={axis} of data {x.type}", "time and batch are the first two axes")
    if used is not (length is not None):
        fail(function, f"use_sequence_length={used}, but sequence_length is "
                       f"{'None' if used else 'given'}")  # fmt: skip
    if length is None:
        return None
    lengths = array(length)
    if lengths.shape != (x.shape[1 - axis],):
        fail(function, f"sequence_length {lengths.type} for {x.shape[1 - axis]} sequences")
    return expanded(np.expand_dims(lengths, axis=axis), x.ndim)


def _steps(x: ndarray, axis: int) -> ndarray:
    """The number of each step, along the time axis."""
    size = x.shape[axis]
    if not isinstance(size, int):
        fail("sequence", f"time is the symbolic axis {size}", "trace with a fixed length")
    return places(size, axis, x.ndim)


def _before(x: ndarray, length: ndarray, axis: int) -> ndarray:
    return np.less(_steps(x, axis), length)


PUBLIC = (sequence_mask, sequence_last, sequence_reverse)
