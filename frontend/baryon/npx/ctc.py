"""Connectionist temporal classification: the loss of a sequence without alignment.

Source: A. Graves et al., Connectionist Temporal Classification, ICML 2006. The forward variables
are logarithms; their gradient is that of the loss, so that no backward variables are needed.
"""

from __future__ import annotations

from baryon.array import ndarray
from baryon.array.types import ArrayLike
from baryon.npx.common import array, cast, fail, np, npx, places
from baryon.npx.control import foreach

NEVER = -1e30
"""The logarithm of the probability of what cannot be; finite, so that gradients are numbers."""


def ctc_loss(
    data: ArrayLike, label: ArrayLike, data_lengths: ArrayLike | None = None,
    label_lengths: ArrayLike | None = None, use_data_lengths: bool = False,
    use_label_lengths: bool = False, blank_label: str = "first",
) -> ndarray:  # fmt: skip
    """Minus the logarithm of the probability of each label sequence, (N,).

    data: (T, N, C) activations before softmax. label: (N, L) classes. blank_label says which class
    is the blank: "first" is 0, and labels are padded by 0; "last" is C - 1, and labels are padded
    by -1. data_lengths, label_lengths, with use_data_lengths and use_label_lengths: (N,); without
    them all steps count, and all labels up to the first padding.
    A label that does not fit into its steps has a loss of about 1e30. IRTypeError for shapes that
    do not fit.
    """
    x, labels = array(data), cast(array(label), "int32")
    _check(x, labels, blank_label)
    blank, padding = (0, 0) if blank_label == "first" else (int(str(x.shape[2])) - 1, -1)
    _need("data_lengths", data_lengths, use_data_lengths)
    _need("label_lengths", label_lengths, use_label_lengths)
    counts = _count(labels, padding) if label_lengths is None else array(label_lengths)
    steps = None if data_lengths is None else np.expand_dims(array(data_lengths), axis=1)
    states = _interleaved(labels, blank)
    scores = npx.log_softmax(x, -1)
    wanted = np.broadcast_to(states, shape=(x.shape[0], *states.shape))
    emitted = np.take_along_axis(scores, wanted, axis=2, mode="clip")
    last = _forward(emitted, _may_skip(states, blank), steps)
    return np.negative(_ends(last, cast(counts, "int32")))


def _check(x: ndarray, labels: ndarray, blank_label: str) -> None:
    if blank_label not in ("first", "last"):
        fail("ctc_loss", f"blank_label={blank_label!r}", "it is 'first' or 'last'")
    if x.ndim != 3 or labels.ndim != 2 or x.shape[1] != labels.shape[0]:
        fail("ctc_loss", f"data {x.type} and label {labels.type}",
             "data is (time, batch, classes), label (batch, length)")  # fmt: skip
    if not all(isinstance(d, int) for d in (x.shape[0], x.shape[2], labels.shape[1])):
        fail("ctc_loss", f"data {x.type} and label {labels.type}: only the batch may be symbolic")


def _need(name: str, lengths: ArrayLike | None, used: bool) -> None:
    if used is not (lengths is not None):
        fail("ctc_loss", f"use_{name}={used}, but {name} is {'None' if used else 'given'}")


def _count(labels: ndarray, padding: int) -> ndarray:
    """How many labels are before the first padding."""
    size = int(str(labels.shape[1]))
    place = np.where(np.equal(labels, padding), places(size, 1, 2), size)
    return np.min(place, axis=(1,)) if size else np.zeros(labels.shape[:1], dtype="int32")


def _interleaved(labels: ndarray, blank: int) -> ndarray:
    """The labels with blanks between and around them: (N, 2 L + 1)."""
    blanks = np.add(np.multiply(labels, 0), blank)
    pairs = np.stack([blanks, labels], axis=2)
    size = 2 * int(str(labels.shape[1]))
    flat = np.reshape(pairs, (-2, size))
    end = np.full((labels.shape[0], 1), blank, dtype="int32")
    return np.concatenate([flat, end], axis=1)


def _may_skip(states: ndarray, blank: int) -> ndarray:
    """Whether a state may be reached from two before: a label that is not the same as the last."""
    before = _shifted(states, 2, blank)
    return np.where(np.equal(states, before), False, np.not_equal(states, blank))


def _shifted(x: ndarray, by: int, fill: float) -> ndarray:
    """The columns moved to the right; `fill` comes in."""
    padded = np.pad(x, (0, 0, by, 0), "constant", fill)
    return npx.slice(padded, begin=(0, 0), end=(2**62, int(str(x.shape[1]))))


def _forward(emitted: ndarray, skip: ndarray, steps: ndarray | None) -> ndarray:
    """The logarithms of the probabilities of being in each state after the last step."""
    times, _, count = emitted.shape
    start = np.where(np.less(places(int(str(count)), 1, 2), 2), emitted[0], NEVER)

    def body(data: tuple[ndarray, ndarray], before: ndarray) -> tuple[list[ndarray], ndarray]:
        scores, time = data
        far = np.where(skip, _shifted(before, 2, NEVER), NEVER)
        new = np.add(_log_sum(before, _shifted(before, 1, NEVER), far), scores)
        return [], new if steps is None else np.where(np.less(time, steps), new, before)

    time = np.arange(1, int(str(times)), 1, "int32")
    last: ndarray = foreach(body, (emitted[1:], time), start)[1]
    return last


def _log_sum(*logarithms: ndarray) -> ndarray:
    """The logarithm of the sum of exponentials, without overflow."""
    most = logarithms[0]
    for x in logarithms[1:]:
        most = np.maximum(most, x)
    most = npx.stop_gradient(most)
    total = np.exp(np.subtract(logarithms[0], most))
    for x in logarithms[1:]:
        total = np.add(total, np.exp(np.subtract(x, most)))
    return np.add(np.log(total), most)


def _ends(last: ndarray, counts: ndarray) -> ndarray:
    """The probability of ending in the last label or in the blank behind it."""
    at = np.multiply(np.expand_dims(counts, axis=1), 2)
    place = places(int(str(last.shape[1])), 1, 2)
    blank = np.sum(np.where(np.equal(place, at), last, 0.0), axis=(1,))
    label = np.sum(np.where(np.equal(place, np.subtract(at, 1)), last, 0.0), axis=(1,))
    return _log_sum(blank, np.where(np.equal(counts, 0), NEVER, label))


PUBLIC = (ctc_loss,)
