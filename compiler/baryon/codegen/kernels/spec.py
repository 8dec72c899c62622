"""What an implicit GEMM computes, apart from how.

Rows are output pixels, columns are output channels, depth runs over the kernel window and the
channels of a group:  out[m, n] = sum over (r, s, c) of in[pixel(m, r, s), c] * weight[n, c, r, s].
A matrix product is the case of a 1x1 image per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from baryon.ir import BaryonError

SUM_BITS = 31
"""Bits of any sum of codes."""


class KernelError(BaryonError, ValueError):
    """A kernel specification or schedule that contradicts itself."""


def ceil_div(a: int, b: int) -> int:
    """Quotient of two positive integers, rounded up."""
    return -(-a // b)


@dataclass(frozen=True)
class ImplicitGemm:
    """One problem. All sizes and strides count elements.

    batch: images, or None if known only at run time. size: input height and width. kernel, stride,
    dilation: (vertical, horizontal). pad: (top, left, bottom, right) zeros around the image.
    pitch, out_pitch: from one pixel to the next; by default the channels lie densely.
    input_strides: (image, row, pixel, channel) for inputs that are not channels-last, instead of
    `pitch`. staged: copy the input through a strip although nothing else asks for it, because a
    prologue has to run once per element. dtype: of the sums. source: of the input or, where it goes
    through a strip, of that; by default the same. depths: of a word of weights, which instructions
    multiply at once: 2 of bfloat16 (see pairs.py), 2 or 4 of 8-bit codes (see codes.py). codes: of
    the input in memory, if it is quantized; the strip brings them to `source`. zero: their code for
    0. sum_bits: sums of codes are smaller than two to this power, with either sign.
    """

    channels: int
    out_channels: int
    batch: int | None = 1
    size: tuple[int, int] = (1, 1)
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    pitch: int | None = None
    out_pitch: int | None = None
    input_strides: tuple[int, int, int, int] | None = None
    staged: bool = False
    dtype: str = "float32"
    source: str | None = None
    depths: int = 1
    codes: str | None = None
    zero: int = 0
    sum_bits: int = SUM_BITS

    def __post_init__(self) -> None:
        if self.channels % self.groups or self.out_channels % self.groups:
            raise KernelError(f"channels do not divide into {self.groups} groups: {self}")
        if min(self.out_size) < 1:
            raise KernelError(f"the window does not fit the padded image: {self}")
        if self.pixel_pitch < self.channels or self.output_pitch < self.out_channels:
            raise KernelError(f"a pixel pitch is smaller than the channels of a pixel: {self}")

    @cached_property
    def out_size(self) -> tuple[int, int]:
        """Output height and width."""
        top, left, bottom, right = self.pad
        height, width = self.size[0] + top + bottom, self.size[1] + left + right
        span = self.window
        return (height - span[0]) // self.stride[0] + 1, (width - span[1]) // self.stride[1] + 1

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of the input that one output pixel looks at."""
        (r, s), (dh, dw) = self.kernel, self.dilation
        return (r - 1) * dh + 1, (s - 1) * dw + 1

    @property
    def pixels(self) -> int:
        """Output pixels of one image."""
        return prod(self.out_size)

    @property
    def pixel_pitch(self) -> int:
        """Elements from one input pixel to the next."""
        if self.input_strides is not None:
            return max(self.input_strides[2], self.channels)
        return self.channels if self.pitch is None else self.pitch

    @property
    def output_pitch(self) -> int:
        """Elements from one output pixel to the next."""
        return self.out_channels if self.out_pitch is None else self.out_pitch

    @cached_property
    def strides(self) -> tuple[int, int, int, int]:
        """Elements from one input image, row, pixel and channel to the next."""
        if self.input_strides is not None:
            return self.input_strides
        pitch, (height, width) = self.pixel_pitch, self.size
        return height * width * pitch, width * pitch, pitch, 1

    @property
    def group_channels(self) -> int:
        """Input channels of one group."""
        return self.channels // self.groups

    @property
    def group_outputs(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.groups

    @property
    def depth(self) -> int:
        """Products that each output sums up."""
        return prod(self.kernel) * self.group_channels

    @property
    def pairs(self) -> bool:
        """Whether weights are words of two bfloat16 depths."""
        return self.depths == 2 and self.codes is None

    @property
    def zero_code(self) -> int:
        """What stands for 0 in the input as it is multiplied: signed codes become unsigned."""
        if self.codes is None or self.depths == 2:
            return 0
        return self.zero + (128 if self.codes == "int8" else 0)

    @property
    def source_bytes(self) -> int:
        """Bytes of an element of the input as it is multiplied."""
        return np.dtype(self.dtype if self.source in (None, "bfloat16") else self.source).itemsize

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of packed weights."""
        return self.depths if self.codes in ("int8", "uint8") else 4

    @property
    def halves(self) -> bool:
        """Whether the input is multiplied as bfloat16."""
        return self.source == "bfloat16"

    def run(self, merge: int) -> int:
        """Depths of an innermost loop: channels of `merge` groups, of a row of taps where these lie
        side by side."""
        channels = self.group_channels * merge
        dense = self.uses_strip or self.pixel_pitch == self.channels
        joined = dense and channels == self.channels and self.dilation[1] == 1
        return channels * (self.kernel[1] if joined else 1)

    @property
    def macs(self) -> int:
        """Multiplications per image."""
        return self.pixels * self.out_channels * self.depth

    @cached_property
    def uses_strip(self) -> bool:
        """Whether input rows are copied to scratch memory before they are multiplied."""
        return self.staged or any(self.pad) or self.strides[3] != 1 or self._converts

    @property
    def may_read_in_place(self) -> bool:
        """Whether the strip adds padding or gathers channels, and changes nothing else."""
        plain = not self.staged and self.depths == 1 and self.source in (None, self.dtype)
        return self.uses_strip and not self.is_rows and plain and not self._converts

    @property
    def _converts(self) -> bool:
        """Whether codes are not multiplied as they lie in memory: words of a run must be whole."""
        return self.codes is not None and (
            self.codes != self.source or self.group_channels % self.depths > 0
        )

    @cached_property
    def is_rows(self) -> bool:
        """Whether row m of the output needs just row m of an input matrix, over all images."""
        height, width = self.size
        image, row, pixel, _ = self.strides
        dense = (height == 1 or row == width * pixel) and image == height * width * pixel
        return self.kernel == self.stride == (1, 1) and not any(self.pad) and dense

    @cached_property
    def static_rows(self) -> int | None:
        """Rows of one independent problem; None if the number is known only at run time.

        All images are one problem where rows are independent of the image, else each image is one.
        """
        if not self.is_rows:
            return self.pixels
        if self.batch is not None:
            return self.batch * self.pixels
        return self.pixels if self.pixels > 1 else None
