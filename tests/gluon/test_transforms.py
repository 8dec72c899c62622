"""Transforms of images; what they compute is tested with `npx.image` and `mx.image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.gluon import data
from baryon.gluon.data.vision import transforms as t

PIXELS = np.random.RandomState(0).randint(0, 256, (6, 9, 3)).astype("uint8")


def image(dtype: str = "uint8") -> Any:
    return mx.np.array(PIXELS, dtype=dtype)


SHAPES: list[tuple[Callable[[], Any], tuple[int, ...]]] = [
    (t.ToTensor, (3, 6, 9)),
    (lambda: t.RandomResizedCrop(4), (4, 4, 3)),
    (lambda: t.CropResize(1, 1, 4, 3), (3, 4, 3)),
    (lambda: t.CropResize(1, 1, 4, 3, (2, 5), 1), (5, 2, 3)),
    (lambda: t.RandomCrop(4), (4, 4, 3)),
    (lambda: t.RandomCrop(8, pad=2), (8, 8, 3)),
    (lambda: t.CenterCrop(4), (4, 4, 3)),
    (lambda: t.CenterCrop((20, 4)), (4, 20, 3)),
    (lambda: t.Resize(4), (4, 4, 3)),
    (lambda: t.Resize(4, True), (4, 6, 3)),
    (lambda: t.Resize((3, 5)), (5, 3, 3)),
    (t.RandomFlipLeftRight, (6, 9, 3)),
    (t.RandomFlipTopBottom, (6, 9, 3)),
    (lambda: t.RandomBrightness(0.3), (6, 9, 3)),
    (lambda: t.RandomContrast(0.3), (6, 9, 3)),
    (lambda: t.RandomSaturation(0.3), (6, 9, 3)),
    (lambda: t.RandomHue(0.3), (6, 9, 3)),
    (lambda: t.RandomColorJitter(0.1, 0.1, 0.1, 0.1), (6, 9, 3)),
    (lambda: t.RandomLighting(0.1), (6, 9, 3)),
    (lambda: t.RandomGray(1.0), (6, 9, 3)),
    (lambda: t.Cast("float16"), (6, 9, 3)),
]


@pytest.mark.parametrize(("make", "shape"), SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_shapes_are_those_of_mxnet(
    make: Callable[[], Any], shape: tuple[int, ...], dtype: str
) -> None:
    out = make()(image(dtype))
    assert out.shape == shape
    assert make is not t.ToTensor or out.dtype == "float32"


def test_values() -> None:
    tensor = t.ToTensor()(image())
    np.testing.assert_allclose(tensor.asnumpy(), PIXELS.transpose(2, 0, 1) / np.float32(255))
    normal = t.Normalize([0.1, 0.2, 0.3], (0.5, 0.5, 2.0))(tensor).asnumpy()
    mean, std = np.reshape([0.1, 0.2, 0.3], (3, 1, 1)), np.reshape([0.5, 0.5, 2], (3, 1, 1))
    np.testing.assert_allclose(normal, (tensor.asnumpy() - mean) / std, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        t.Normalize(0.5, 0.2)(tensor).asnumpy(),
        (tensor.asnumpy() - 0.5) / 0.2,
        rtol=1e-4,
        atol=1e-6,
    )
    np.testing.assert_array_equal(t.RandomFlipLeftRight(1.0)(image()).asnumpy(), PIXELS[:, ::-1])
    np.testing.assert_array_equal(t.RandomFlipTopBottom(1.0)(image()).asnumpy(), PIXELS[::-1])
    np.testing.assert_array_equal(t.CropResize(1, 2, 4, 3)(image()).asnumpy(), PIXELS[2:5, 1:5])
    gray = t.RandomGray(1.0)(image()).asnumpy()
    assert gray.dtype == "float32" and (gray == gray[..., :1]).all()
    np.testing.assert_allclose(gray[..., 0], PIXELS @ [0.2989, 0.587, 0.114], rtol=1e-5)


def test_turning() -> None:
    tensor = t.ToTensor()(image())
    turned = t.Rotate(180)(tensor).asnumpy()
    np.testing.assert_allclose(turned, tensor.asnumpy()[:, ::-1, ::-1], atol=1e-5)
    assert t.RandomRotation((-10, 10), zoom_in=True)(tensor).shape == (3, 6, 9)
    assert t.RandomRotation((-10, 10), rotate_with_proba=0.0)(tensor) is tensor
    with pytest.raises(ValueError, match="float32"):
        t.Rotate(30)(image())
    with pytest.raises(ValueError, match="angle_limits"):
        t.RandomRotation((10, -10))
    with pytest.raises(ValueError, match="probability"):
        t.RandomRotation((0, 1), rotate_with_proba=2)


def test_composing() -> None:
    composed = t.Compose([t.Resize(4), t.ToTensor(), t.Normalize(0.5, 0.5)])
    assert composed(image()).shape == (3, 4, 4)
    flip = t.RandomFlipTopBottom(1.0)
    for kind in (t.RandomApply, t.HybridRandomApply):
        np.testing.assert_array_equal(kind(flip, 1.0)(image()).asnumpy(), PIXELS[::-1])
        np.testing.assert_array_equal(kind([flip], 0.0)(image()).asnumpy(), PIXELS)


def test_hybrid_transforms_compile() -> None:
    composed = t.HybridCompose([t.Cast("float32"), t.CenterCrop(4), t.ToTensor()])
    eager = composed(image()).asnumpy()
    composed.hybridize()
    np.testing.assert_allclose(composed(image()).asnumpy(), eager, rtol=1e-6)


@pytest.mark.parametrize("workers", [0, 2])
def test_in_a_data_loader(workers: int) -> None:
    mx.random.seed(4)
    samples = data.SimpleDataset([(PIXELS, i) for i in range(6)]).transform_first(
        t.Compose([t.RandomCrop(4), t.RandomBrightness(0.5), t.ToTensor()])
    )
    for images, labels in data.DataLoader(samples, 3, num_workers=workers):
        assert images.shape == (3, 3, 4, 4) and labels.shape == (3,)
