"""Which output pixels look at padding, and what of the input their tiles read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from baryon.codegen.kernels.schedule import Schedule
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div


@dataclass(frozen=True)
class Border:
    """The pixels of a padded problem whose tiles read a strip, while the others read the input.

    A tile reads the input if its pixels are in one line and all have their windows in the image.
    """

    spec: ImplicitGemm
    schedule: Schedule

    @cached_property
    def lines(self) -> range:
        """Lines of output pixels that look at no row of padding."""
        return self._inside(0)

    @cached_property
    def pixels(self) -> range:
        """Pixels of a line that look at no column of padding."""
        return self._inside(1)

    def _inside(self, axis: int) -> range:
        pad, step = self.spec.pad[axis], self.spec.stride[axis]
        last = (self.spec.size[axis] + pad - self.spec.window[axis]) // step
        return range(ceil_div(pad, step), min(last + 1, self.spec.out_size[axis]))

    @cached_property
    def rows(self) -> range:
        """Rows of the image that only lines inside the border look at."""
        step, top = self.spec.stride[0], self.spec.pad[0]
        above, below = self.lines.start, self.lines.stop
        first = (above - 1) * step - top + self.spec.window[0] if above else 0
        last = below * step - top if below < self.spec.out_size[0] else self.spec.size[0]
        return range(max(first, 0), min(last, self.spec.size[0]))

    @cached_property
    def columns(self) -> list[tuple[int, int]]:
        """Runs of columns of a strip that tiles of any line read from it: from one to before the
        other, padding counted."""
        width, rows = self.spec.out_size[1], self.schedule.tile.rows
        left, right = self.pixels.start, self.pixels.stop
        if left or not self._is_aligned:
            left += rows - 1
        if right < width or not self._is_aligned:
            right -= rows - 1
        step, window = self.spec.stride[1], self.spec.window[1]
        strip = (width - 1) * step + window
        first, last = (left - 1) * step + window if left else 0, right * step
        if first >= last:
            return [(0, strip)]
        return [(0, first)] * bool(left) + [(last, strip)] * (right < width)

    @cached_property
    def share(self) -> float:
        """Part of the strips of all blocks that is filled."""
        if not any(self.spec.pad):
            return 0.0
        width = (self.spec.out_size[1] - 1) * self.spec.stride[1] + self.spec.window[1]
        columns = sum(end - start for start, end in self.columns) / width
        return 1 - (1 - columns) * len(self.rows) / self.spec.size[0]

    @property
    def _is_aligned(self) -> bool:
        """Whether no tile has pixels of two lines."""
        width, block = self.spec.out_size[1], self.schedule.block
        return block % width == 0 == width % self.schedule.tile.rows == self.spec.pixels % block
