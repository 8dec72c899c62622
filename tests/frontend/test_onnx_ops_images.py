"""Ops on images: pooling with dilations, samples between pixels, regions, windows to images."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from baryon.imagecodec import encode
from baryon.importers.onnx import import_onnx
from baryon.interp import run
from baryon.ir import UnsupportedError
from frontend.onnx_cases import Case, compiled, f, i64
from frontend.onnx_models import one_node

RNG = numpy.random.default_rng(11)
X, LINE, VOLUME = f(2, 3, 9, 8), f(2, 3, 11), f(1, 2, 6, 5, 7)
K3 = {"kernel_shape": [3, 3]}


def grid(*shape: int) -> Any:
    """Places some of which are outside."""
    return RNG.uniform(-1.6, 1.6, shape).astype(numpy.float32)


POOLS: list[tuple[Any, dict[str, Any]]] = [
    (LINE, {"kernel_shape": [3], "dilations": [2], "strides": [2]}),
    (X, {**K3, "dilations": [2, 1], "pads": [2, 1, 1, 1]}),
    (X, {**K3, "dilations": [2, 2], "strides": [3, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
    (VOLUME, {"kernel_shape": [2, 2, 3], "dilations": [2, 1, 2], "pads": [1, 0, 1, 0, 1, 1]}),
]  # fmt: skip

BOXES = numpy.array(
    [[0.5, 0.5, 6.2, 5.1], [-2.0, 1.0, 3.0, 9.5], [4.0, 4.0, 4.2, 4.1]], numpy.float32
)
ROIS = numpy.concatenate([numpy.array([[0], [1], [1]], numpy.float32), BOXES], axis=1)
BINS = {"output_height": 2, "output_width": 3}

DEFORMED = (f(2, 4, 6, 7), f(6, 4, 3, 2), 1.5 * f(2, 12, 4, 6))
SHARED = (f(1, 4, 5, 5), f(4, 2, 2, 2), f(1, 16, 4, 4), f(4), f(1, 8, 4, 4))

CASES = [
    *(Case("MaxPool", (x,), attrs, 12, judge="ort") for x, attrs in POOLS),
    *(Case("AveragePool", (x,), {**attrs, "count_include_pad": counted}, 19, judge="ort")
      for x, attrs in POOLS for counted in (0, 1)),
    Case("LpPool", (LINE,), {"kernel_shape": [3]}, judge="ort"),
    Case("LpPool", (X,), {**K3, "p": 3, "strides": [2, 2], "auto_pad": "SAME_UPPER"}, judge="ort"),
    Case("LpPool", (X,), {**K3, "p": 1, "pads": [1, 0, 1, 2], "dilations": [2, 1]}, 18,
         judge="ort"),
    Case("GlobalLpPool", (X,), judge="ort"), Case("GlobalLpPool", (X,), {"p": 1}, judge="ort"),
    *(Case("MaxPool", (X,), {**K3, "strides": [2, 2], "pads": [1, 1, 1, 1], "storage_order": order},
           12, outputs=2, judge="ort") for order in (0, 1)),
    Case("MaxPool", (VOLUME,), {"kernel_shape": [2, 2, 3]}, 12, outputs=2, judge="ort"),
    Case("MaxUnpool", (f(1, 1, 2, 2), i64([[[[5, 7], [13, 15]]]])[0]),
         {"kernel_shape": [2, 2], "strides": [2, 2]}, judge="ort"),
    Case("MaxUnpool", (f(1, 1, 2, 2), i64([[[[5, 7], [13, 15]]]])[0], i64(1, 1, 5, 6)),
         {"kernel_shape": [2, 2], "strides": [2, 2]}, 11, (2,)),
    *(Case("GridSample", (X, grid(2, 4, 5, 2)),
           {"mode": mode, "padding_mode": pad, "align_corners": corners}, 16, judge="ort")
      for mode in ("nearest", "bilinear", "bicubic")
      for pad in ("zeros", "border", "reflection") for corners in (0, 1)),
    *(Case("GridSample", (VOLUME, grid(1, 3, 2, 4, 3)), {"mode": mode, "align_corners": corners},
           20, judge="ort") for mode in ("nearest", "linear") for corners in (0, 1)),
    *(Case("RoiAlign", (X, BOXES, i64(0, 1, 1)), {**BINS, **attrs}, opset, judge="ort")
      for opset in (10, 16) for attrs in ({}, {"sampling_ratio": 2, "spatial_scale": 0.8},
                                          {"mode": "max", "sampling_ratio": 2})
      if opset == 16 or "mode" not in attrs),
    Case("MaxRoiPool", (X, ROIS), {"pooled_shape": [2, 3], "spatial_scale": 0.9}, judge="ort"),
    Case("DeformConv", DEFORMED, {"pads": [0, 0, 0, 0]}, 19),
    Case("DeformConv", (DEFORMED[0], DEFORMED[1], f(2, 12, 3, 7)),
         {"pads": [1, 1, 0, 0], "strides": [2, 1], "dilations": [1, 1]}, 19),
    Case("DeformConv", SHARED, {"group": 2, "offset_group": 2, "kernel_shape": [2, 2]}, 19),
    Case("Col2Im", (f(2, 12, 20), i64(6, 7), i64(3, 2)),
         {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 2]}, 18, (1, 2), judge="ort"),
    Case("Col2Im", (f(1, 8, 20), i64(6, 5), i64(2, 2)),
         {"strides": [2, 1], "pads": [1, 0, 1, 1]}, 18, (1, 2), judge="ort"),
    Case("Det", (f(2, 4, 4),), opset=11), Case("Det", (f(3, 3),), opset=22),
]  # fmt: skip


TESTED = {"ImageDecoder"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled(case: Case) -> None:
    case.check(compiled)


@pytest.mark.parametrize("format", ["RGB", "BGR", "Grayscale"])
def test_images_are_decoded_while_importing(format: str) -> None:
    pixels = RNG.integers(0, 256, (4, 5, 3)).astype(numpy.uint8)
    content = numpy.frombuffer(encode(pixels, ".png", 9), numpy.uint8)
    made, _ = one_node("ImageDecoder", (content,), 20, constants=(0,), pixel_format=format)
    (got,) = run(import_onnx(made), [])
    if format == "Grayscale":
        assert got.shape == (4, 5, 1)
    else:
        numpy.testing.assert_array_equal(got, pixels if format == "RGB" else pixels[..., ::-1])


def test_images_that_are_computed_are_refused() -> None:
    made, _ = one_node("ImageDecoder", (numpy.zeros(3, numpy.uint8),), 20)
    with pytest.raises(UnsupportedError, match="the bytes of the image must be a constant"):
        import_onnx(made)
