"""Labels of points that overlap nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

INCH = 72
"""In points."""
DISTANCES = (4, 16, 30, 46, 64, 84, 106)
"""Points between a bubble's edge and its label: the nearest that is free is taken."""
ANGLES = (90, -90, 45, 135, -45, -135, 0, 180, 67, 113, -67, -113, 22, 158, -22, -158)
MARGIN = 4


@dataclass(frozen=True)
class Point:
    """A point of a scatter plot. area: of its disc, in square points."""

    text: str
    x: float
    y: float
    area: float


@dataclass(frozen=True)
class _Disc:
    """Where a point is drawn, in pixels."""

    x: float
    y: float
    radius: float

    @property
    def box(self) -> Bbox:
        """The square inside: labels may touch the edge."""
        half = self.radius * 0.75
        return Bbox.from_extents(self.x - half, self.y - half, self.x + half, self.y + half)


def place_labels(
    axes: Any, points: Sequence[Point], count: int, taken: Sequence[Any], colour: str
) -> None:
    """Label the first `count` points where no other label, no point and no text of `taken` is.

    One without such a place is left out. Labels that are not beside their point get a line to it.
    """
    axes.figure.draw_without_rendering()  # now the axes have their size
    boxes = [artist.get_window_extent() for artist in (*taken, axes.get_legend()) if artist]
    discs = [_disc(axes, point) for point in points]
    boxes += [disc.box for disc in discs]
    for point, disc in zip(points[:count], discs, strict=False):
        boxes += _place(axes, point, disc, boxes, colour)


def _disc(axes: Any, point: Point) -> _Disc:
    x, y = axes.transData.transform((point.x, point.y))
    return _Disc(x, y, math.sqrt(point.area / math.pi) * axes.figure.dpi / INCH)


def _place(axes: Any, point: Point, disc: _Disc, taken: Sequence[Bbox], colour: str) -> list[Bbox]:
    """Write one label; returns its box, nothing where there is no room."""
    scale = INCH / axes.figure.dpi
    text = axes.annotate(
        point.text, (point.x, point.y), xytext=(0, 0), textcoords="offset points", color=colour,
        fontsize=8.5, zorder=5, path_effects=[withStroke(linewidth=3, foreground="white")],
    )  # fmt: skip
    size, inside = text.get_window_extent(), axes.get_window_extent()
    for x, y, distance in _candidates(disc, size.width, size.height, 1 / scale):
        box = Bbox.from_bounds(x, y, size.width, size.height)
        if _contains(inside, box) and not any(_near(box, other) for other in taken):
            text.set_position(((x - disc.x) * scale, (y - disc.y - size.height * 0.1) * scale))
            if distance > DISTANCES[0]:
                _leader(axes, disc, box, colour)
            return [box]
    text.remove()
    return []


def _candidates(
    disc: _Disc, width: float, height: float, pixels: float
) -> Iterator[tuple[float, float, float]]:
    """Lower left corners of a label around a disc, the nearest first, and their distance.

    pixels: of a point.
    """
    for distance in DISTANCES:
        reach = disc.radius + distance * pixels
        for angle in ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            x = disc.x + across * (reach + width / 2) - width / 2
            y = disc.y + up * (reach + height / 2) - height / 2
            yield x, y, distance


def _contains(outer: Bbox, box: Bbox) -> bool:
    return bool(
        outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1
    )


def _near(box: Bbox, other: Bbox) -> bool:
    return bool(box.padded(MARGIN).overlaps(other))


def _leader(axes: Any, disc: _Disc, box: Bbox, colour: str) -> None:
    """A thin line from the centre of the disc to the nearest point of the label."""
    end = (min(max(disc.x, box.x0), box.x1), min(max(disc.y, box.y0), box.y1))
    (x0, y0), (x1, y1) = axes.transAxes.inverted().transform([(disc.x, disc.y), end])
    axes.plot(
        [x0, x1], [y0, y1], color=colour, lw=0.6, alpha=0.45, transform=axes.transAxes, zorder=4
    )
