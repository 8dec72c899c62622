"""Images with boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from baryon import recordio
from baryon.gluon.contrib.data import vision

PIXELS = np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype("uint8")
BOXES = np.array([[2, 3, 10, 12, 7], [15, 5, 28, 18, 8]], "float32")


def both() -> tuple[mx.np.ndarray, mx.np.ndarray]:
    return mx.np.array(PIXELS, dtype="uint8"), mx.np.array(BOXES)


def test_mirroring() -> None:
    image, boxes = vision.ImageBboxRandomFlipLeftRight(1.0)(*both())
    np.testing.assert_array_equal(image.asnumpy(), PIXELS[:, ::-1])
    assert boxes.tolist() == [[20, 3, 28, 12, 7], [2, 5, 15, 18, 8]]
    assert vision.ImageBboxRandomFlipLeftRight(0.0)(*both())[1].tolist() == BOXES.tolist()


def test_cropping() -> None:
    image, boxes = vision.ImageBboxCrop((1, 2, 16, 17))(*both())
    np.testing.assert_array_equal(image.asnumpy(), PIXELS[2:19, 1:17])
    assert boxes.tolist() == [[1, 1, 9, 10, 7]]
    _, boxes = vision.ImageBboxCrop((1, 2, 16, 17), allow_outside_center=True)(*both())
    assert boxes.tolist() == [[1, 1, 9, 10, 7], [14, 3, 16, 16, 8]]
    with pytest.raises(ValueError, match="crop="):
        vision.ImageBboxCrop((1, 2, 0, 5))


def test_resizing() -> None:
    image, boxes = vision.ImageBboxResize(60, 10)(*both())
    assert image.shape == (10, 60, 3)
    assert boxes.tolist()[0] == [4, 1.5, 20, 6, 7]


def test_expanding_and_random_crops_keep_boxes_on_their_pixels() -> None:
    mx.random.seed(2)
    for block in (
        vision.ImageBboxRandomExpand(1.0, 3, fill=[1, 2, 3], keep_ratio=False),
        vision.ImageBboxRandomCropWithConstraints(1.0),
    ):
        for _ in range(10):
            image, boxes = (x.asnumpy() for x in block(*both()))
            assert len(boxes) and (boxes[:, :4] >= 0).all()
            assert (boxes[:, 2] <= image.shape[1]).all() and (boxes[:, 3] <= image.shape[0]).all()
            for left, top, right, bottom, kind in boxes.astype(int):
                width, height = BOXES[kind - 7, 2:4] - BOXES[kind - 7, :2]
                if (right - left, bottom - top) == (width, height):
                    x, y = BOXES[kind - 7, :2].astype(int)
                    np.testing.assert_array_equal(image[top, left], PIXELS[y, x])


def write(path: Path) -> Path:
    pytest.importorskip("PIL")
    with recordio.MXIndexedRecordIO(path / "b.idx", path / "b.rec", "w") as out:
        for i, count in enumerate((1, 2, 1)):
            rows = [[7, 0.1, 0.25, 0.5, 1.0]] * count
            label = [2, 5, *np.ravel(rows)]
            header = recordio.IRHeader(0, label, i, 0)
            out.write_idx(i, recordio.pack_img(header, PIXELS, 9, ".png"))
    return path / "b.rec"


def test_loaders(tmp_path: Path) -> None:
    path = write(tmp_path)
    loader = vision.ImageBboxDataLoader(3, (3, 10, 15), path)
    images, boxes = next(iter(loader))
    assert images.shape == (3, 3, 10, 15) and boxes.shape == (3, 2, 5)
    np.testing.assert_allclose(boxes.asnumpy()[1, 1], [1.5, 2.5, 7.5, 10, 7], rtol=1e-5)
    assert (boxes.asnumpy()[0, 1] == -1).all()
    plain = vision.ImageDataLoader(
        2, (3, 8, 8), path, num_parts=2, part_index=0, rand_mirror=True, mean=True, std=True,
        batchify_fn=mx.gluon.data.batchify.Group(
            mx.gluon.data.batchify.Stack(), mx.gluon.data.batchify.AsList()
        ),
    )  # fmt: skip
    images, _ = next(iter(plain))
    assert (images.shape, images.dtype) == ((2, 3, 8, 8), "float32")
