"""Records that hold an image. The pixels are BGR, as OpenCV has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.imagecodec import Pixels, decode, encode, swap_red_blue
from baryon.recordio.header import IRHeader, pack, unpack


def pack_img(header: IRHeader, img: Any, quality: int = 95, img_fmt: str = ".jpg") -> bytes:
    """A record of an image (H, W[, channels]), uint8, with colours in the order BGR.

    quality: 1 to 100 for ".jpg", 0 to 9 (how hard to compress) for ".png".
    """
    pixels = swap_red_blue(np.asarray(img))
    return pack(header, encode(pixels, img_fmt, quality))


def unpack_img(s: bytes, iscolor: int = -1) -> tuple[IRHeader, Pixels]:
    """The header and the image of a record.

    iscolor: 1 for three channels (BGR), 0 for gray, -1 for what the file has. Gray images are
    (H, W).
    """
    header, data = unpack(s)
    pixels = decode(data, iscolor, to_rgb=False)
    return header, pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
