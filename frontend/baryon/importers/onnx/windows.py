"""What convolutions and pooling share: kernels, strides and padding over spatial axes."""

from __future__ import annotations

from dataclasses import dataclass

from baryon.array import ArrayBase
from baryon.importers.onnx.node import Node, Operand, shape_of


@dataclass(frozen=True)
class Window:
    """A window that slides over the spatial axes, one entry for each axis."""

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilate: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    @property
    def extents(self) -> tuple[int, ...]:
        """The elements from the first to the last tap."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilate, strict=True))

    @property
    def pad(self) -> tuple[int, ...]:
        """Padding as our ops take it: one number for each axis, or all begins, then all ends."""
        return self.begin if self.begin == self.end else (*self.begin, *self.end)


def read_window(
    node: Node, x: Operand | ArrayBase, kernel: tuple[int, ...] | None = None
) -> Window:
    """The window of a node on `x`; `kernel` is that of the weights where there are some."""
    sizes = spatial_sizes(node, x)
    ones = (1,) * len(sizes)
    kernel = node.ints("kernel_shape", kernel or ())
    stride, dilate = node.ints("strides", ones), node.ints("dilations", ones)
    pads = node.ints("pads", (0,) * 2 * len(sizes))
    auto_pad = node.attr("auto_pad", "NOTSET")
    if any(len(t) != len(sizes) for t in (kernel, stride, dilate)) or len(pads) != 2 * len(sizes):
        raise node.unsupported(f"kernel, strides, dilations or pads do not fit the sizes {sizes}")
    window = Window(sizes, kernel, stride, dilate, pads[: len(sizes)], pads[len(sizes) :])
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        return _same(window, upper=auto_pad == "SAME_UPPER")
    if auto_pad == "VALID":
        zeros = (0,) * len(sizes)
        return Window(sizes, kernel, stride, dilate, zeros, zeros)
    if auto_pad != "NOTSET":
        raise node.unsupported(f"auto_pad={auto_pad!r}")
    return window


def spatial_sizes(node: Node, x: Operand | ArrayBase) -> tuple[int, ...]:
    """The sizes of the axes after batch and channels, which must be numbers."""
    return tuple(node.number(d, "a spatial dimension") for d in shape_of(x)[2:])


def layout_of(x: Operand) -> str:
    """NCW, NCHW or NCDHW by the rank."""
    return {3: "NCW", 4: "NCHW", 5: "NCDHW"}.get(len(shape_of(x)), "NCHW")


def _same(w: Window, *, upper: bool) -> Window:
    total = [
        max(0, (-(-n // s) - 1) * s + x - n)
        for n, s, x in zip(w.sizes, w.stride, w.extents, strict=True)
    ]
    small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    begin, end = (small, large) if upper else (large, small)
    return Window(w.sizes, w.kernel, w.stride, w.dilate, begin, end)
