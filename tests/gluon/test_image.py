"""Images on the host; resizing, cropping and rotation are compared with MXNet's in tests/oracle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import image
from baryon.imagecodec import decode, encode

PIXELS = np.random.RandomState(0).randint(0, 256, (12, 16, 3)).astype("uint8")
SMOOTH = np.add.outer(np.arange(32), 2 * np.arange(48)).astype("uint8")


def rgb(dtype: str = "uint8") -> Any:
    return mx.np.array(PIXELS, dtype=dtype)


def test_files(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    path = tmp_path / "a.png"
    path.write_bytes(encode(PIXELS, ".png"))
    np.testing.assert_array_equal(image.imread(path).asnumpy(), PIXELS)
    np.testing.assert_array_equal(image.imread(path, to_rgb=False).asnumpy(), PIXELS[..., ::-1])
    gray = image.imread(path, flag=0)
    weights = PIXELS @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray.asnumpy()[..., 0], weights, atol=1)  # rounding
    out = mx.np.zeros((12, 16, 3), dtype="uint8")
    assert image.imdecode(path.read_bytes(), out=out) is out
    np.testing.assert_array_equal(out.asnumpy(), PIXELS)
    buffer = mx.np.array(np.frombuffer(path.read_bytes(), "uint8"), dtype="uint8")
    np.testing.assert_array_equal(image.imdecode(buffer).asnumpy(), PIXELS)
    lossy = decode(encode(SMOOTH, ".jpg", 95), 0)[..., 0].astype(int)
    assert np.abs(lossy - SMOOTH).mean() < 2


def test_what_cannot_be_read_or_written(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for use, message in (
        (lambda: image.imread(tmp_path / "none.png"), "cannot read the image"),
        (lambda: image.imdecode(b"nothing"), "are not an image"),
        (lambda: image.imdecode(encode(PIXELS, ".png")[:90]), "are not an image"),
        (lambda: image.imdecode(b"", flag=3), "flag=3"),
        (lambda: encode(PIXELS, ".bmp"), "cannot be stored"),
        (lambda: encode(PIXELS.astype("float32")), "uint8"),
        (lambda: image.imresize(rgb(), 0, 3), "0 x 3"),
        (lambda: image.imresize(rgb(), 2, 3, interp=7), "interp=7"),
        (lambda: image.fixed_crop(rgb(), 10, 0, 9, 3), "not in an image"),
        (lambda: image.imrotate(rgb("float32"), 3, True, True), "exclude"),
    ):
        with pytest.raises(image.ImageError, match=message):
            use()


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(image.ImageError, match="needs Pillow") as error:
        image.imdecode(b"x")
    assert "baryon[image]" in str(error.value)


def test_random_parts() -> None:
    mx.random.seed(1)
    for _ in range(20):
        part, (left, top, width, height) = image.random_crop(rgb(), (5, 4))
        assert (part.shape, width, height) == ((4, 5, 3), 5, 4)
        np.testing.assert_array_equal(part.asnumpy(), PIXELS[top : top + 4, left : left + 5])
        part, box = image.random_size_crop(rgb(), (6, 6), (0.2, 0.8), (0.5, 2))
        assert part.shape == (6, 6, 3) and 0.1 < box[2] * box[3] / (12 * 16) < 0.9
    mx.random.seed(1)
    first = image.random_crop(rgb(), (5, 4))[1]
    mx.random.seed(1)
    assert image.random_crop(rgb(), (5, 4))[1] == first
    assert image.scale_down((5, 9), (10, 4)) == (5, 2)
    turned = image.random_rotate(mx.np.ones((2, 1, 5, 5)), (10, 20))
    assert turned.shape == (2, 1, 5, 5) and not (turned[0] == turned[1]).asnumpy().all()


def test_borders() -> None:
    for kind, mode in ((1, "edge"), (2, "symmetric"), (3, "wrap"), (4, "reflect")):
        expected = np.pad(PIXELS, ((1, 2), (3, 4), (0, 0)), mode)  # type: ignore[call-overload]
        found = image.copyMakeBorder(rgb(), 1, 2, 3, 4, kind)
        np.testing.assert_array_equal(found.asnumpy(), expected)
    filled = image.copyMakeBorder(rgb(), 1, 0, 0, 0, values=[1, 2, 3]).asnumpy()
    assert (filled[0] == [1, 2, 3]).all() and (filled[1:] == PIXELS).all()


AUGMENTERS: list[tuple[Callable[[], image.Augmenter], tuple[int, ...]]] = [
    (lambda: image.ResizeAug(6), (6, 8, 3)),
    (lambda: image.ForceResizeAug((5, 7)), (7, 5, 3)),
    (lambda: image.RandomCropAug((5, 4)), (4, 5, 3)),
    (lambda: image.RandomSizedCropAug((5, 4), 0.3, (0.5, 2)), (4, 5, 3)),
    (lambda: image.CenterCropAug((5, 4)), (4, 5, 3)),
    (lambda: image.BrightnessJitterAug(0.2), (12, 16, 3)),
    (lambda: image.ContrastJitterAug(0.2), (12, 16, 3)),
    (lambda: image.SaturationJitterAug(0.2), (12, 16, 3)),
    (lambda: image.HueJitterAug(0.2), (12, 16, 3)),
    (lambda: image.ColorJitterAug(0.2, 0.2, 0.2), (12, 16, 3)),
    (lambda: image.LightingAug(0.1, np.ones(3), np.eye(3)), (12, 16, 3)),
    (lambda: image.ColorNormalizeAug(mx.np.ones(3), None), (12, 16, 3)),
    (lambda: image.RandomGrayAug(1.0), (12, 16, 3)),
    (lambda: image.HorizontalFlipAug(1.0), (12, 16, 3)),
    (image.CastAug, (12, 16, 3)),
]


@pytest.mark.parametrize(("make", "shape"), AUGMENTERS)
def test_augmenters(make: Callable[[], image.Augmenter], shape: tuple[int, ...]) -> None:
    assert make()(rgb()).shape == shape
    json.dumps(make().dumps())


def test_changes_of_colour() -> None:
    flat = mx.np.ones((2, 2, 3)) * 100
    for make in (image.ContrastJitterAug, image.SaturationJitterAug, image.HueJitterAug):
        np.testing.assert_allclose(make(0.5)(flat).asnumpy(), 100, rtol=1e-2)
    gray = image.RandomGrayAug(1.0)(rgb()).asnumpy()
    np.testing.assert_allclose(gray[..., 0], PIXELS @ [0.299, 0.587, 0.114], rtol=1e-5)
    np.testing.assert_array_equal(image.HorizontalFlipAug(1.0)(rgb()).asnumpy(), PIXELS[:, ::-1])
    assert image.RandomGrayAug(0.0)(rgb()).dtype == "uint8"


def test_the_usual_list() -> None:
    steps = image.CreateAugmenter(
        (3, 6, 8), resize=9, rand_crop=True, rand_resize=True, rand_mirror=True, mean=True,
        std=True, brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1, pca_noise=0.1,
        rand_gray=0.1,
    )  # fmt: skip
    out = image.SequentialAug(steps)(rgb())
    assert out.shape == (6, 8, 3) and out.dtype == "float32"
    assert len(image.CreateAugmenter((3, 6, 8))) == 2
    with pytest.raises(ValueError, match="rand_crop"):
        image.CreateAugmenter((3, 6, 8), rand_resize=True)
    with pytest.raises(ValueError, match="1 or 3"):
        image.CreateAugmenter((3, 6, 8), mean=np.ones(2))
    with pytest.raises(AttributeError, match="DataLoader"):
        image.ImageIter
