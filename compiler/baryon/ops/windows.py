"""Geometry of sliding windows: what convolutions and poolings share, here and in codegen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from baryon.ir import Dim
from baryon.ops.numerics import Arr
from baryon.ops.shapes import fail, static_dim, text

LAYOUTS = ("NCW", "NCHW", "NCDHW")


@dataclass(frozen=True)
class Window:
    """A window that slides over the spatial axes, everything resolved: one entry for each axis.

    before, after: rows of padding at the begin and the end of each axis; `after` may be negative,
    where the last rows take part in no window. All sizes are in elements.
    """

    op: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilate: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.kernel)

    @property
    def extent(self) -> tuple[int, ...]:
        """Elements from a window's first to its last tap, both included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilate, strict=True))

    def out(self, dims: Sequence[Dim]) -> tuple[int, ...]:
        """Positions of the window along each axis of data; IRTypeError where it does not fit."""
        sizes = [static_dim(self.op, d, "a spatial axis") for d in dims]
        padded = [d + b + a for d, b, a in zip(sizes, self.before, self.after, strict=True)]
        if any(p < e for p, e in zip(padded, self.extent, strict=True)):
            fail(self.op, f"a window of {text(self.extent)} does not fit data of "
                 f"{text(sizes)} padded to {text(padded)}")  # fmt: skip
        spans = zip(padded, self.extent, self.stride, strict=True)
        return tuple((p - e) // s + 1 for p, e, s in spans)

    def attributes(self) -> dict[str, Any]:
        """kernel, stride, dilate and pad (begins, then ends) as attributes of an op."""
        pad = (*self.before, *self.after)
        return {"kernel": self.kernel, "stride": self.stride, "dilate": self.dilate, "pad": pad}

    def padded(self, data: Arr, fill: Any) -> Arr:
        """data (N, C, *spatial) with its padding filled, surplus rows cut off."""
        widths = zip(self.before, self.after, strict=True)
        pads = [(0, 0), (0, 0), *((b, max(a, 0)) for b, a in widths)]
        keep = (slice(None, a if a < 0 else None) for a in self.after)
        cut = data[(slice(None), slice(None), *keep)]
        return np.pad(cut, pads, constant_values=fill) if any(map(any, pads)) else cut

    def view(self, padded: Arr) -> Arr:
        """The windows of padded data: (N, C, *positions, *kernel), a view."""
        axes = tuple(range(2, 2 + self.rank))
        steps = tuple(slice(None, None, s) for s in self.stride)
        taps = tuple(slice(None, None, d) for d in self.dilate)
        windows = sliding_window_view(padded, self.extent, axes)
        view: Arr = windows[(slice(None), slice(None), *steps, *taps)]
        return view

    def tap(self, padded: Arr, tap: Sequence[int], out: Sequence[int]) -> Arr:
        """What all windows see at one tap: (N, C, *positions), a view that may be written to."""
        spans = zip(tap, self.dilate, self.stride, out, strict=True)
        index = tuple(slice(t * d, t * d + s * (n - 1) + 1, s) for t, d, s, n in spans)
        return padded[(slice(None), slice(None), *index)]

    def crop(self, padded: Arr, dims: Sequence[int]) -> Arr:
        """The part of padded data that is not padding, as a new array of spatial size dims."""
        out = np.zeros((*padded.shape[:2], *dims), padded.dtype)
        kept = [min(d, p - b) for d, p, b in zip(dims, padded.shape[2:], self.before, strict=True)]
        inner = tuple(slice(b, b + k) for b, k in zip(self.before, kept, strict=True))
        target = tuple(slice(0, k) for k in kept)
        out[(slice(None), slice(None), *target)] = padded[(slice(None), slice(None), *inner)]
        return out


def window_of(op: str, rank: int, attrs: Mapping[str, Any]) -> Window:
    """The window that kernel, stride, dilate and pad describe; () means 1s, for pad 0s.

    pad has one entry for each axis (both sides), or all begins followed by all ends.
    """
    kernel = attrs["kernel"]
    if len(kernel) != rank:
        fail(op, f"kernel {kernel} must have {rank} entries for data of rank {rank + 2}")
    lists = {name: attrs.get(name) or (1,) * rank for name in ("stride", "dilate")}
    pad = attrs["pad"] or (0,) * rank
    for name, values in (("kernel", kernel), *lists.items()):
        if len(values) != rank or min(values) < 1:
            fail(op, f"{name} must be {rank} positive numbers, not {values}")
    if len(pad) not in (rank, 2 * rank) or min(pad) < 0:
        fail(op, f"pad must be {rank} or {2 * rank} numbers of at least 0, not {pad}")
    before, after = pad[:rank], pad[-rank:]
    return Window(op, kernel, lists["stride"], lists["dilate"], before, after)
