"""Ops that read images at computed places: GridSample, DeformConv, RoiAlign, MaxRoiPool."""

from __future__ import annotations

from collections.abc import Callable

from baryon import np, npx
from baryon.array import ndarray, op
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp
from baryon.importers.onnx.windows import read_window, spatial_sizes
from baryon.npx.sampling import Image, Tap, cubic, linear, nearest
from baryon.ops.shapes import write_shape

_TAPS: dict[str, Callable[[ndarray], list[Tap]]] = {
    "nearest": nearest, "linear": linear, "bilinear": linear, "cubic": cubic, "bicubic": cubic,
}  # fmt: skip
"""By `mode`; opset 16 names those of images."""


def _grid_sample(node: Node, x: ndarray, grid: ndarray) -> ndarray:
    mode, padding = node.attr("mode", "linear"), node.attr("padding_mode", "zeros")
    corners = bool(node.attr("align_corners", 0))
    if mode not in _TAPS or padding not in ("zeros", "border", "reflection"):
        raise node.unsupported(f"mode={mode!r} with padding_mode={padding!r}")
    sizes = spatial_sizes(node, x)
    places = np.reshape(grid.astype("float32"), (*write_shape(grid.shape[:1]), 1, -1, len(sizes)))
    taps = []
    for axis, size in enumerate(sizes):
        at = _place(places[..., len(sizes) - 1 - axis], size, corners)
        if padding == "reflection":
            at = _reflected(np.rint(at) if mode == "nearest" else at, size, corners)
            found = [(_reflected(x, size, corners), weight) for x, weight in _TAPS[mode](at)]
        else:
            found = _TAPS[mode](at)
        taps.append(found)
    pixels = np.reshape(x, (*write_shape(x.shape[:2]), -1))
    exact = pixels if pixels.dtype == np.float64 else pixels.astype("float32")
    y = Image(exact, sizes, "zeros" if padding == "zeros" else "nearest").weighted(taps)
    return np.reshape(y, write_shape((*x.shape[:2], *grid.shape[1:-1]))).astype(x.dtype)


def _place(unit: ndarray, size: int, corners: bool) -> ndarray:
    """Coordinates from -1 to 1 as places of pixels; with `corners` those are of the pixels."""
    return (unit + 1.0) * ((size - 1) / 2) if corners else ((unit + 1.0) * size - 1.0) * 0.5


def _reflected(at: ndarray, size: int, corners: bool) -> ndarray:
    """Places mirrored at both borders of the image until they are on it."""
    low, span = (0.0, size - 1.0) if corners else (-0.5, float(size))
    if not span:
        return np.zeros_like(at)
    turn = np.mod(at - low, 2 * span)
    return np.add(np.subtract(span, np.abs(turn - span)), low)


def _deform_conv(
    node: Node, x: ndarray, w: ndarray, offset: ndarray, b: ndarray | None = None,
    mask: ndarray | None = None,
) -> ndarray:  # fmt: skip
    window = read_window(node, x, spatial_sizes(node, w))
    if len(window.kernel) != 2:
        raise node.unsupported(f"data with {len(window.kernel)} spatial axes", "it may have 2")
    shared, groups = node.attr("offset_group", 1), node.attr("group", 1)
    if mask is None:
        taps = shared * window.kernel[0] * window.kernel[1]
        mask = np.ones(write_shape((offset.shape[0], taps, *offset.shape[2:])), dtype=x.dtype)
    pad = window.begin
    if window.begin != window.end:  # around the data there are zeros anyway
        x = np.pad(x, [(0, 0), (0, 0), *zip(window.begin, window.end, strict=True)])
        pad = (0,) * len(pad)
    return npx.modulated_deformable_convolution(
        x, offset, mask, w, b, kernel=window.kernel, stride=window.stride, dilate=window.dilate,
        pad=pad, num_group=groups, num_deformable_group=shared,
        no_bias=b is None,
    )  # fmt: skip


def _roi_align(default: str) -> Callable[..., ndarray]:
    """A mapping for opsets with this `coordinate_transformation_mode` where nothing is said."""

    def build(node: Node, x: ndarray, rois: ndarray, images: ndarray) -> ndarray:
        way = node.attr("coordinate_transformation_mode", default)
        return op("ir.roi_align")(
            x, rois, images, mode=node.attr("mode", "avg"), aligned=way == "half_pixel",
            pooled_size=(node.attr("output_height", 1), node.attr("output_width", 1)),
            sampling_ratio=node.attr("sampling_ratio", 0),
            spatial_scale=node.attr("spatial_scale", 1.0),
        )  # fmt: skip

    return build


def _max_roi_pool(node: Node, x: ndarray, rois: ndarray) -> ndarray:
    bins, scale = node.ints("pooled_shape"), node.attr("spatial_scale", 1.0)
    return npx.roi_pooling(x, rois, pooled_size=bins, spatial_scale=scale)


OPS = (
    OnnxOp("DeformConv", by_arrays(_deform_conv), since=19),
    OnnxOp("GridSample", by_arrays(_grid_sample), since=16),
    OnnxOp("MaxRoiPool", by_arrays(_max_roi_pool)),
    OnnxOp("RoiAlign", by_arrays(_roi_align("output_half_pixel")), since=10),
    OnnxOp("RoiAlign", by_arrays(_roi_align("half_pixel")), since=16),
)
